// The smallest useful function: every request gets a greeting.
//
//   ztsctl deploy hello.js
//   curl http://127.0.0.1:8080/hello
//   curl http://127.0.0.1:8080/hello?name=Ada
export default {
  fetch(request) {
    const name = new URL(request.url).searchParams.get("name");
    return new Response(name ? `Hello from zts, ${name}\n` : "Hello from zts\n");
  },
};
