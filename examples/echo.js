// Sends a request's body back as it came, with its type.
//
//   ztsctl deploy echo.js
//   curl http://127.0.0.1:8080/echo -d "anything"
export default {
  async fetch(request) {
    if (request.method === "GET" || request.method === "HEAD") {
      return new Response("POST something here and it comes back\n");
    }
    console.log(`echoing ${request.headers.get("content-length") ?? "some"} bytes`);
    return new Response(await request.arrayBuffer(), {
      headers: { "content-type": request.headers.get("content-type") ?? "application/octet-stream" },
    });
  },
};
