// node:stream, by the package "readable-stream", with the ways to and from the streams of the web.
const Stream = require('../node_modules/readable-stream/lib/stream.js');
const { Duplex, Readable, Writable } = Stream;

Readable.toWeb = (readable) => {
  const iterator = readable[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) return controller.close();
      controller.enqueue(typeof value === 'string' ? new TextEncoder().encode(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    },
    async cancel(reason) {
      readable.destroy(reason instanceof Error ? reason : undefined);
    },
  });
};
Readable.fromWeb = (stream, options = {}) => {
  async function* chunks() {
    const reader = stream.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.releaseLock();
    }
  }
  return Readable.from(chunks(), { objectMode: false, ...options });
};
Writable.toWeb = (writable) => new WritableStream({
  write: (chunk) => new Promise((resolve, reject) => { writable.write(chunk, (error) => (error ? reject(error) : resolve())); }),
  close: () => new Promise((resolve, reject) => { writable.once('error', reject); writable.end(resolve); }),
  abort: (reason) => { writable.destroy(reason instanceof Error ? reason : undefined); },
});
Writable.fromWeb = (stream, options = {}) => {
  const writer = stream.getWriter();
  return new Writable({
    ...options,
    write(chunk, encoding, done) { writer.ready.then(() => writer.write(chunk)).then(() => done(), done); },
    final(done) { writer.close().then(() => done(), done); },
    destroy(error, done) { (error === null ? Promise.resolve() : writer.abort(error)).then(() => done(error), () => done(error)); },
  });
};
Duplex.toWeb = (duplex) => ({ readable: Readable.toWeb(duplex), writable: Writable.toWeb(duplex) });
Duplex.fromWeb = ({ readable, writable }, options = {}) => {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  return new Duplex({
    ...options,
    read() { reader.read().then(({ value, done }) => this.push(done ? null : value), (error) => this.destroy(error)); },
    write(chunk, encoding, done) { writer.ready.then(() => writer.write(chunk)).then(() => done(), done); },
    final(done) { writer.close().then(() => done(), done); },
    destroy(error, done) { Promise.allSettled([error === null ? undefined : writer.abort(error), reader.cancel(error ?? undefined)]).then(() => done(error)); },
  });
};
module.exports = Stream;
