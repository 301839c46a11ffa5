// node:zlib: what Node itself has made is read, and what is made here can be read.
import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const text = 'hello '.repeat(50);
const large = Buffer.alloc(300_000, 'The same again, and not quite: ');
const pairs = [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['brotliCompress', 'brotliDecompress'], ['gzip', 'unzip'], ['deflate', 'unzip']];
const creator = (verb) => zlib[`create${verb[0].toUpperCase()}${verb.slice(1)}`];

test('what Node has made', () => {
  equal(zlib.gunzipSync(Buffer.from('H4sIAAAAAAAAA8tIzcnJV8gYJYkgAcFIQlksAQAA', 'base64')).toString(), text);
  equal(zlib.brotliDecompressSync(Buffer.from('GysB+I2Ubt5EVYaWbCBvMVscABwH', 'base64')).toString(), text);
});

test('there and back, at once, by callback and as streams', async () => {
  for (const [there, back] of pairs) {
    for (const input of [Buffer.alloc(0), Buffer.from(text), large]) {
      const packed = zlib[`${there}Sync`](input);
      ok(input.length < 100 || packed.length < input.length / 4, there);
      ok(zlib[`${back}Sync`](packed).equals(input), `${there} ${back}`);
      ok((await promisify(zlib[back])(await promisify(zlib[there])(input))).equals(input), `${there} ${back}`);
      const through = creator(there)();
      const out = creator(back)();
      const read = buffer(out);
      await pipeline(Readable.from([input.subarray(0, 7), input.subarray(7)]), through, out);
      ok((await read).equals(input), `${there} ${back} streams`);
    }
  }
});

test('every cut of compressed data', () => {
  const input = Buffer.from('some text, and some text');
  for (const [there, back] of pairs) {
    const packed = zlib[`${there}Sync`](input);
    for (let end = 0; end < packed.length; end++) {
      const error = throws(() => zlib[`${back}Sync`](packed.subarray(0, end)), Error);
      equal(error.code, 'Z_BUF_ERROR', `${back} of ${end}`);
    }
  }
});

test('a byte at a time', async () => {
  for (const [there, back] of pairs) {
    const out = creator(back)();
    const read = buffer(out);
    for (const byte of zlib[`${there}Sync`](text)) out.write(Buffer.from([byte]));
    out.end();
    equal((await read).toString(), text);
  }
});

test('data that is not of the format', async () => {
  for (const back of ['gunzip', 'inflate', 'inflateRaw', 'unzip', 'brotliDecompress']) {
    throws(() => zlib[`${back}Sync`](Buffer.alloc(30, 0xff)), Error);
    await rejects(promisify(zlib[back])(Buffer.alloc(30, 0xff)), Error);
    const stream = creator(back)();
    stream.end(Buffer.alloc(30, 0xff));
    await rejects(buffer(stream), Error);
  }
  throws(() => zlib.gzipSync(7), TypeError);
});

test('files of several members, and what follows them', () => {
  const two = Buffer.concat([zlib.gzipSync('one '), zlib.gzipSync('two')]);
  equal(zlib.gunzipSync(two).toString(), 'one two');
  equal(zlib.gunzipSync(Buffer.concat([two, Buffer.alloc(9)])).toString(), 'one two');
});

test('options', () => {
  ok(zlib.gzipSync(large, { level: 9 }).length <= zlib.gzipSync(large, { level: 1 }).length);
  equal(zlib.gzipSync(large, { level: 0 }).length > large.length, true);
  const fast = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };
  ok(zlib.brotliDecompressSync(zlib.brotliCompressSync(large, fast)).equals(large));
  equal(throws(() => zlib.gunzipSync(zlib.gzipSync(large), { maxOutputLength: 1000 }), RangeError).code, 'ERR_BUFFER_TOO_LARGE');
  equal(zlib.crc32('hello'), 0x3610a686);
  equal(zlib.crc32('lo', zlib.crc32('hel')), 0x3610a686);
});

test('a flush brings out what is in there', async () => {
  for (const [make, unmake] of [['createGzip', 'createGunzip'], ['createBrotliCompress', 'createBrotliDecompress']]) {
    const packer = zlib[make]();
    const unpacker = zlib[unmake]();
    packer.on('data', (chunk) => unpacker.write(chunk));
    const got = new Promise((resolve) => unpacker.once('data', resolve));
    packer.write('first');
    packer.flush();
    equal((await got).toString(), 'first');
  }
});

test('a compressor that has ended holds no memory', () => {
  const kept = [];
  for (let i = 0; i < 20; i++) {
    const packer = zlib.createBrotliCompress();
    packer.end('x');
    kept.push(packer);
  }
  equal(kept.length, 20);
});

test('compressors that nobody ends do not end the function', async () => {
  const kept = [];
  let error;
  while (error === undefined) {
    const packer = zlib.createBrotliCompress().on('error', (told) => { error = told; });
    packer.write('x');
    kept.push(packer);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  equal(error.code, 'Z_MEM_ERROR');
  ok(kept.length < 20);
  kept.length = 0;
  for (let i = 0; i < 10; i++) {
    zlib.createBrotliCompress().write('x');
    await new Promise((resolve) => setTimeout(resolve, 0));  // what is being written is held
  }
  ok(zlib.brotliDecompressSync(zlib.brotliCompressSync(text)).equals(Buffer.from(text)));
});

// As pngjs and minizlib do it.
test('without streams', () => {
  function Mine(options) { zlib.Inflate.call(this, options); }
  Object.setPrototypeOf(Mine.prototype, zlib.Inflate.prototype);
  const packed = zlib.deflateSync(large);
  for (const room of [1000, 70_000, 400_000]) {
    const mine = new Mine({ chunkSize: room });
    ok(mine instanceof zlib.Inflate && zlib.Inflate() instanceof zlib.Inflate);
    const pieces = [];
    let left = packed.length;
    for (let full = true; full;) {
      const out = Buffer.alloc(room);
      mine._handle.writeSync(zlib.constants.Z_FINISH, packed, packed.length - left, left, out, 0, room);
      left = mine._writeState[1];
      pieces.push(out.subarray(0, room - mine._writeState[0]));
      full = mine._writeState[0] === 0;
    }
    ok(Buffer.concat(pieces).equals(large), `${room}`);
    mine._handle.close();
  }
  ok(zlib.createInflate()._processChunk(packed, zlib.constants.Z_FINISH).equals(large));
});

const { constants } = zlib;
const codeOf = (action) => throws(action, Error).code;

test('dictionaries', () => {
  const dictionary = Buffer.from('some text, and some text');
  for (const [there, back] of [['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['deflate', 'unzip']]) {
    const packed = zlib[`${there}Sync`](text + dictionary, { dictionary });
    equal(zlib[`${back}Sync`](packed, { dictionary }).toString(), text + dictionary, back);
    ok(packed.length < zlib[`${there}Sync`](text + dictionary).length);
  }
  const packed = zlib.deflateSync(text, { dictionary });
  const errors = [{}, { dictionary: Buffer.from('another') }].map((options) => throws(() => zlib.inflateSync(packed, options), Error));
  same(errors.map((error) => [error.message, error.code]), [['Missing dictionary', 'Z_NEED_DICT'], ['Bad dictionary', 'Z_NEED_DICT']]);
  equal(codeOf(() => zlib.deflateSync(text, { dictionary: 'text' })), 'ERR_INVALID_ARG_TYPE');
});

test('windows, memory levels and strategies', () => {
  for (let windowBits = 9; windowBits <= 15; windowBits++) {
    for (const memLevel of [1, 8, 9]) {
      for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FILTERED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED]) {
        for (const [there, back] of [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw']]) {
          const packed = zlib[`${there}Sync`](large, { windowBits, memLevel, strategy, level: memLevel });
          ok(zlib[`${back}Sync`](packed, { windowBits }).equals(large), `${there} ${windowBits} ${memLevel} ${strategy}`);
        }
      }
    }
  }
  same([codeOf(() => zlib.createGzip({ windowBits: 8 })), codeOf(() => zlib.createGzip({ level: 10 })), codeOf(() => zlib.createGzip({ chunkSize: 1 })),
        codeOf(() => zlib.createGzip({ flush: 'x' })), codeOf(() => zlib.createBrotliCompress({ params: { 99: 1 } }))],
       ['ERR_OUT_OF_RANGE', 'ERR_OUT_OF_RANGE', 'ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE', 'ERR_BROTLI_INVALID_PARAM']);
});

test('what a coder is asked while it runs', async () => {
  const packer = zlib.createDeflate({ level: 0 });
  const all = buffer(packer);
  packer.write(large);
  await promisify(packer.params).call(packer, 9, constants.Z_DEFAULT_STRATEGY);
  packer.end(large);
  const packed = await all;
  ok(packed.length > large.length && packed.length < large.length * 1.1, `${packed.length}`);
  ok(zlib.inflateSync(packed).equals(Buffer.concat([large, large])));
  equal(packer.bytesWritten, 2 * large.length);
  const { buffer: made, engine } = zlib.gzipSync(text, { info: true });
  ok(engine instanceof zlib.Gzip && engine.bytesWritten === text.length && zlib.gunzipSync(made).toString() === text);
  equal(codeOf(() => zlib.gunzipSync(Buffer.concat([zlib.gzipSync(text), Buffer.from('junk')]), { rejectGarbageAfterEnd: true })), 'ERR_TRAILING_JUNK_AFTER_STREAM_END');
  equal(throws(() => zlib.inflateSync(Buffer.from('xx')), Error).message, 'incorrect header check');
  equal(throws(() => zlib.brotliDecompressSync(Buffer.alloc(30, 0xff)), Error).code.slice(0, 5), 'ERR__');
  equal(codeOf(() => zlib.zstdCompressSync(text)), 'ERR_METHOD_NOT_IMPLEMENTED');
  throws(() => zlib.createZipArchive(), Error);
});
