import handle from "../workloads.mjs";

Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: handle });
