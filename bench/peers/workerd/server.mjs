import handle from "workloads.mjs";

export default { fetch: handle };
