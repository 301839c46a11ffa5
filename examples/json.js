// Answers JSON: what the request was, and a variable given at deploy time.
//
//   ztsctl deploy json.js --env REGION=eu
//   curl http://127.0.0.1:8080/json
export default {
  fetch(request, env) {
    const url = new URL(request.url);
    return Response.json({
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      region: env.REGION ?? "nowhere in particular",
      id: crypto.randomUUID(),
    });
  },
};
