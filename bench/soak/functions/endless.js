// A stream that ends only when its reader goes.
export default {
  fetch() {
    return new Response(new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(16384));
      },
    }));
  },
};
