// Garbage of every kind: objects, strings, buffers, closures and promises that nobody keeps.
export default {
  async fetch() {
    const kept = [];
    for (let i = 0; i < 200; i += 1) {
      kept.push({ i, text: `item ${i}`.repeat(8), bytes: new Uint8Array(256), later: () => i });
    }
    await Promise.all(kept.map((item) => Promise.resolve(item.later())));
    return new Response(String(kept.length));
  },
};
