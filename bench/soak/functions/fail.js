// Fails in the way that its query names.
export default {
  async fetch(request) {
    switch (new URL(request.url).search) {
      case "?throw": throw new Error("as asked");
      case "?reject": return Promise.reject(new Error("as asked"));
      case "?stream": return new Response(new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(1024));
          if (Math.random() < 0.2) controller.error(new Error("as asked"));
        },
      }));
    }
    return new Response("fine");
  },
};
