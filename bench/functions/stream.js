// A streamed response: 16 pieces of 1 KiB, each made when it is asked for.
const kibibyte = new Uint8Array(Array.from({ length: 1024 }, (_, i) => 97 + (i % 26)));

export default {
  fetch() {
    let left = 16;
    return new Response(new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        left -= 1;
        controller.enqueue(kibibyte.slice());
      },
    }));
  },
};
