// node:zlib over the host's zlib and brotli. Streams make their output as it is read; what the functions with a callback do, they do in place.
const { Transform } = require('stream');
const { Buffer, kMaxLength } = require('buffer');
const { absent } = require('zts:absent');

const nodes = absent('zlib');
const { constants } = nodes;
const kRun = 0, kFinish = 1, kFlush = 2;  // ZlibOperation of ops/compression.h
const kEnd = 1, kBroken = 2;              // ZlibStatus
const kChunkBytes = 64 * 1024;            // kZlibChunkBytes
const kGzip = 0, kDeflate = 1, kRaw = 2, kBrotli = 3, kUnzip = 4;
const progress = new Uint32Array(2);
const nothing = new Uint8Array(0);

function failure(message, code, errno) { return Object.assign(new Error(message), { code, errno }); }

function bytesOf(value) {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw Object.assign(new TypeError('The "buffer" argument must be of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer'),
    { code: 'ERR_INVALID_ARG_TYPE' });
}

// Compression with a window that the input does not fill takes time and memory for nothing.
const windowFor = (size) => Math.min(constants.BROTLI_DEFAULT_WINDOW, Math.max(16, Math.ceil(Math.log2(size + 1))));

// One run of a coder. A gzip file may be several, one behind the other (RFC 1952 2.2); what else follows the end is left alone.
class Codec {
  #format;
  #compress;
  #options;
  #handle = null;
  #step;
  ended = false;
  bytesWritten = 0;
  // size: of all the input, where that is known.
  constructor(format, compress, options = {}, size = Infinity) {
    this.#format = format;
    this.#compress = compress;
    this.#options = options;
    if (format !== kUnzip) this.#open(size);
  }
  close() {
    if (this.#format === kBrotli && this.#handle !== null) native.brotliClose(this.#handle);
  }
  #open(size = Infinity) {
    const { level = constants.Z_DEFAULT_COMPRESSION, params = {} } = this.#options;
    if (this.#format === kBrotli) {
      const quality = params[constants.BROTLI_PARAM_QUALITY] ?? constants.BROTLI_DEFAULT_QUALITY;
      this.#handle = native.brotliOpen(this.#compress, quality, params[constants.BROTLI_PARAM_LGWIN] ?? windowFor(size));
      this.#step = native.brotliStep;
    } else {
      this.#handle = native.zlibOpen(this.#format, this.#compress, level);
      this.#step = native.zlibStep;
    }
    if (this.#handle === undefined) throw failure('Insufficient memory', 'Z_MEM_ERROR', constants.Z_MEM_ERROR);
  }

  // Calls push(bytes) for each piece of output.
  run(input, operation, push) {
    for (let at = 0, more = true; more;) {
      const made = this.step(input, at, operation);
      if (made.out.length > 0) push(made.out);
      ({ taken: at, more } = made);
    }
  }
  // One piece of output: { out, taken, more }. taken: of the input, from its beginning; more: there may be another one.
  step(input, at, operation) {
    if (this.#handle === null) {
      // Told apart by the first byte: of the two, only gzip begins with 31.
      if (input.length === 0 && operation !== kFinish) return { out: nothing, taken: at, more: false };
      this.#format = input[0] === 31 ? kGzip : kDeflate;
      this.#open();
    }
    if (this.ended) {
      if (this.#compress || this.#format !== kGzip || input[at] !== 31) return { out: nothing, taken: at, more: false };
      this.ended = false;
      this.#open();
    }
    const out = this.#step(this.#handle, input, at, operation, progress);
    const [taken, status] = progress;
    at += taken;
    this.bytesWritten += taken;
    if (status === kBroken) throw this.#broken(operation === kFinish && at >= input.length);
    this.ended = status === kEnd;
    if (this.ended) this.close();  // not only when the stream is collected: a compressor holds megabytes of the function's memory
    const isOver = at >= input.length && out.length < kChunkBytes && operation !== kFinish;
    return { out, taken: at, more: this.ended ? !this.#compress : !isOver };
  }
  #broken(isShort) {
    if (this.#format === kBrotli) return isShort ? failure('unexpected end of file', 'Z_BUF_ERROR', constants.Z_BUF_ERROR) : failure('Decompression failed', 'ERR__ERROR_FORMAT', -2);
    if (isShort) return failure('unexpected end of file', 'Z_BUF_ERROR', constants.Z_BUF_ERROR);
    return failure(this.#format === kGzip ? 'incorrect header check' : 'incorrect data check', 'Z_DATA_ERROR', constants.Z_DATA_ERROR);
  }
}

// --- all at once ---------------------------------------------------------------------------------------------------------------------

function whole(format, compress, input, options = {}) {
  const bytes = bytesOf(input);
  const codec = new Codec(format, compress, options, bytes.length);
  const most = options.maxOutputLength ?? kMaxLength;
  const pieces = [];
  let size = 0;
  try {
    codec.run(bytes, options.finishFlush === constants.Z_SYNC_FLUSH ? kRun : kFinish, (out) => {
      size += out.length;
      if (size > most) throw Object.assign(new RangeError(`Cannot create a Buffer larger than ${most} bytes`), { code: 'ERR_BUFFER_TOO_LARGE' });
      pieces.push(out);
    });
  } finally {
    codec.close();
  }
  return Buffer.concat(pieces, size);
}

// --- streams -------------------------------------------------------------------------------------------------------------------------

const kMarks = new WeakSet();  // empty chunks that ask for a flush

const kCodec = Symbol('codec');
function initialize(stream, format, compress, options = {}) {
  Transform.call(stream, { highWaterMark: 16384, ...options });
  stream[kCodec] = new Codec(format, compress, options);
  // What packages look for that do without streams.
  stream._handle = new Handle(stream);
  stream._writeState = new Uint32Array(2);
  stream._chunkSize = options.chunkSize ?? constants.Z_DEFAULT_CHUNK;
  stream._outOffset = 0;
  stream._outBuffer = Buffer.alloc(stream._chunkSize);
  stream._finishFlushFlag = options.finishFlush ?? constants.Z_FINISH;
  stream._hadError = false;
}
function ZlibBase() {}
Object.setPrototypeOf(ZlibBase, Transform);
Object.setPrototypeOf(ZlibBase.prototype, Transform.prototype);

const operationOf = (flag) => (flag === constants.Z_FINISH ? kFinish : flag === constants.Z_NO_FLUSH ? kRun : kFlush);
function run(stream, input, operation, done) {
  const codec = stream[kCodec];
  try {
    if (!(operation === kFinish && codec.ended)) {
      codec.run(input, operation, (out) => { stream.push(Buffer.from(out.buffer, out.byteOffset, out.byteLength)); });
    }
    done();
  } catch (error) {
    done(error);
  }
}

Object.defineProperty(ZlibBase.prototype, 'bytesWritten', { get() { return this[kCodec].bytesWritten; }, configurable: true });
Object.assign(ZlibBase.prototype, {
  _transform(chunk, encoding, done) { run(this, bytesOf(chunk), kMarks.has(chunk) ? kFlush : kRun, done); },
  _flush(done) { run(this, nothing, kFinish, done); },
  _destroy(error, done) {
    this[kCodec].close();
    done(error);
  },
  flush(kind, callback) {
    const done = typeof kind === 'function' ? kind : callback;
    const mark = Buffer.alloc(0);
    kMarks.add(mark);
    if (this.writableEnded) queueMicrotask(done ?? (() => {}));
    else this.write(mark, undefined, done);
  },
  params(level, strategy, callback) { queueMicrotask(() => callback(null)); },
  reset() {},
  close(callback) {
    if (callback !== undefined) this.once('close', () => callback());
    this.destroy();
  },
  // All that comes of the chunk, at once.
  _processChunk(chunk, flag, callback) {
    const pieces = [];
    try {
      this[kCodec].run(bytesOf(chunk), operationOf(flag), (out) => pieces.push(out));
    } catch (error) {
      if (callback === undefined) throw error;
      return callback(error);
    }
    const all = Buffer.concat(pieces);
    return callback === undefined ? all : callback(null, all);
  },
});

// What stands in the place of Node's binding: output goes into the caller's buffer, as much as has room there.
class Handle {
  #stream;
  #left = nothing;
  constructor(stream) { this.#stream = stream; }
  writeSync(flag, input, at, length, output, offset, room) {
    const data = bytesOf(input).subarray(at, at + length);
    let taken = 0;
    let more = true;
    while (room > 0 && (more || this.#left.length > 0)) {
      if (this.#left.length === 0) {
        try {
          ({ out: this.#left, taken, more } = this.#stream[kCodec].step(data, taken, operationOf(flag)));
        } catch (error) {
          this.#stream._hadError = true;
          this.#stream.emit('error', error);
          return;
        }
      }
      const part = this.#left.subarray(0, room);
      output.set(part, offset);
      offset += part.length;
      room -= part.length;
      this.#left = this.#left.subarray(part.length);
    }
    this.#stream._writeState[0] = room;
    this.#stream._writeState[1] = length - taken;
  }
  close() { this.#stream[kCodec].close(); }
  reset() {}
}

const kKinds = {
  Gzip: [kGzip, true], Gunzip: [kGzip, false], Deflate: [kDeflate, true], Inflate: [kDeflate, false], DeflateRaw: [kRaw, true], InflateRaw: [kRaw, false],
  Unzip: [kUnzip, false], BrotliCompress: [kBrotli, true], BrotliDecompress: [kBrotli, false],
};
const made = {};
for (const [name, [format, compress]] of Object.entries(kKinds)) {
  // Callable without `new`, also on an object of a class of one's own.
  const Kind = { [name]: function (options) {
    if (!(this instanceof Kind)) return new Kind(options);
    initialize(this, format, compress, options);
  } }[name];
  Object.setPrototypeOf(Kind, ZlibBase);
  Object.setPrototypeOf(Kind.prototype, ZlibBase.prototype);
  const verb = name[0].toLowerCase() + name.slice(1);
  const sync = (input, options) => whole(format, compress, input, options);
  const withCallback = (input, options, callback) => {
    if (typeof options === 'function') [callback, options] = [options, {}];
    if (typeof callback !== 'function') throw Object.assign(new TypeError('The "callback" argument must be of type function'), { code: 'ERR_INVALID_ARG_TYPE' });
    const bytes = bytesOf(input);
    queueMicrotask(() => {
      let result;
      try {
        result = sync(bytes, options);
      } catch (error) {
        return callback(error);
      }
      callback(null, result);
    });
  };
  Object.assign(made, { [name]: Kind, [`create${name}`]: (options) => new Kind(options), [verb]: withCallback, [`${verb}Sync`]: sync });
}

const crc32 = (data, before = 0) => native.zlibCrc32(bytesOf(data), before >>> 0);

module.exports = { ...nodes, ...made, crc32, constants };
