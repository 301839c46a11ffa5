// Compression standard: round trips, data made elsewhere, what is refused, and back-pressure.

const join = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Blob(chunks).bytes();
};
const through = (chunks, pair) => join(ReadableStream.from(chunks).pipeThrough(pair));
const text = (data) => new TextDecoder().decode(data);
const fromBase64 = (data) => Uint8Array.from(atob(data), (c) => c.charCodeAt(0));

test('interfaces', () => {
  checkInterface('CompressionStream', 1, ['readable', 'writable']);
  checkInterface('DecompressionStream', 1, ['readable', 'writable']);
  throws(() => new CompressionStream('zip'), TypeError);
  throws(() => new DecompressionStream(), TypeError);
  throws(() => Object.getOwnPropertyDescriptor(CompressionStream.prototype, 'readable').get.call({}), TypeError);
});

test('round trips of every format, in pieces of every size', async () => {
  const data = new Uint8Array(200000);
  for (let i = 0, x = 1; i < data.length; ++i) data[i] = i % 3 === 0 ? (x = x * 1103515245 + 12345 & 0x7fffffff) >> 16 : 7;
  for (const format of ['gzip', 'deflate', 'deflate-raw']) {
    const packed = await through([data.slice(0, 1), data.slice(1, 70000), data.slice(70000)], new CompressionStream(format));
    ok(packed.length < data.length, format);
    for (const size of [1, 1000, packed.length]) {
      // The first hundreds of bytes one by one, where that is the size.
      const pieces = [];
      for (let at = 0; at < packed.length;) {
        const end = size === 1 && at >= 200 ? packed.length : at + size;
        pieces.push(packed.slice(at, end));
        at = end;
      }
      same(await through(pieces, new DecompressionStream(format)), data, `${format} by ${size}`);
    }
    same(await through([await through([], new CompressionStream(format))], new DecompressionStream(format)), new Uint8Array(0), format);
  }
});

test('what others have made', async () => {
  equal(text(await through([fromBase64('H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==')], new DecompressionStream('gzip'))), 'hello');
  equal(text(await through([fromBase64('eJzLSM3JyQcABiwCFQ==')], new DecompressionStream('deflate'))), 'hello');
  equal(text(await through([fromBase64('y0jNyckHAA==')], new DecompressionStream('deflate-raw'))), 'hello');
});

test('chunks are buffers and views, and nothing else', async () => {
  equal(text(await through([bytes(104).buffer, new DataView(bytes(105).buffer)].map((chunk) => chunk), new CompressionStream('gzip'))
    .then((packed) => through([packed], new DecompressionStream('gzip')))), 'hi');
  for (const chunk of ['text', 1, null, undefined, {}, []]) await rejects(through([chunk], new CompressionStream('gzip')), TypeError);
});

test('broken, cut and continued data is refused at both ends', async () => {
  const packed = await through([bytes(1, 2, 3)], new CompressionStream('gzip'));
  await rejects(through([packed.slice(0, -1)], new DecompressionStream('gzip')), TypeError);
  await rejects(through([], new DecompressionStream('gzip')), TypeError);
  await rejects(through([packed, bytes(0)], new DecompressionStream('gzip')), TypeError);
  await rejects(through([bytes(1, 2, 3, 4)], new DecompressionStream('gzip')), TypeError);
  const changed = packed.slice();
  changed[changed.length - 8] ^= 1;  // the checksum
  await rejects(through([changed], new DecompressionStream('gzip')), TypeError);
  const stream = new DecompressionStream('deflate');
  const writer = stream.writable.getWriter();
  const written = writer.write(bytes(255, 255));
  await rejects(stream.readable.getReader().read(), TypeError);
  await rejects(written, TypeError);
  await rejects(writer.closed, TypeError);
});

test('a bomb waits for its reader', async () => {
  const packed = await through(Array.from({ length: 16 }, () => new Uint8Array(1 << 20)), new CompressionStream('gzip'));
  ok(packed.length < 100000);
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  let written = false;
  writer.write(packed).then(() => { written = true; }, () => {});
  const reader = stream.readable.getReader();
  equal((await reader.read()).value.length, 65536);
  equal((await reader.read()).value.length, 65536);
  for (let i = 0; i < 20; ++i) await null;
  ok(!written);
  await reader.cancel('enough');
  await rejects(writer.closed.catch((reason) => { equal(reason, 'enough'); throw new SyntaxError(); }), SyntaxError);
});

test('abort errors the readable end', async () => {
  const stream = new CompressionStream('gzip');
  const reading = stream.readable.getReader().read();
  await stream.writable.abort(new RangeError('stop'));
  await rejects(reading, RangeError);
});

test('hundreds of streams that are dropped do not use up the memory', async () => {
  for (let i = 0; i < 320; ++i) {
    new CompressionStream('gzip').writable.getWriter().write(bytes(1)).catch(() => {});
    await null;
  }
  const packed = await through([bytes(1)], new CompressionStream('gzip'));
  same(await through([packed], new DecompressionStream('gzip')), bytes(1));
});

test('a write is over when its output has been read, without a read more', async () => {
  const packed = new Uint8Array(await new Response(new Blob(['hello']).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer());
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const written = writer.write(packed);
  const { value } = await stream.readable.getReader().read();
  equal(new TextDecoder().decode(value), 'hello');
  await written;
});
