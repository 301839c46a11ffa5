// 64 KiB from memory.
const body = new Uint8Array(Array.from({ length: 65536 }, (_, i) => 97 + (i % 26)));

export default {
  fetch() {
    return new Response(body);
  },
};
