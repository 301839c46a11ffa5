// What Node's zlib asks of internalBinding('zlib'): one compressor or decompressor each, over the host's zlib and brotli (ops/compression.h,
// ops/brotli.h). A write is done in place; that it is done is told later, as from another thread.
const { constants } = require('zts:absent').absent('zlib');
const { errors } = require('zts:library');

const {
  BROTLI_DEFAULT_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_OPERATION_FINISH, BROTLI_PARAM_LGWIN, BROTLI_PARAM_MODE, BROTLI_PARAM_QUALITY,
  DEFLATE, DEFLATERAW, GUNZIP, GZIP, INFLATE, INFLATERAW, UNZIP,
  Z_BUF_ERROR, Z_DATA_ERROR, Z_FINISH, Z_MEM_ERROR, Z_NEED_DICT, Z_OK, Z_STREAM_END,
} = constants;
const kGzip = 0, kDeflate = 1, kRaw = 2, kEither = 3;  // of zlibOpen
const kEnd = 1, kBroken = 2;                           // ZlibStatus of ops/compression.h
const kGzipMagic = [31, 139];                          // RFC 1952 2.3.1
const kFormats = { [DEFLATE]: kDeflate, [INFLATE]: kDeflate, [GZIP]: kGzip, [GUNZIP]: kGzip, [DEFLATERAW]: kRaw, [INFLATERAW]: kRaw, [UNZIP]: kEither };
const kNames = new Map(['Z_NEED_DICT', 'Z_ERRNO', 'Z_STREAM_ERROR', 'Z_DATA_ERROR', 'Z_MEM_ERROR', 'Z_BUF_ERROR', 'Z_VERSION_ERROR'].map((name) => [constants[name], name]));
const nothing = new Uint8Array(0);

const part = (bytes, at, length) => (bytes ? new Uint8Array(bytes.buffer, bytes.byteOffset + at, length) : nothing);

class Handle {
  // What is left of room and input when a write has been done.
  #left;
  #callback;
  #closed = false;

  // By subclasses: step(flush, input, output, left) -> undefined, or what has gone wrong: { message, code, errno }.
  start(left, callback) {
    this.#left = left;
    this.#callback = callback;
  }
  // Tells the stream, by what Node's zlib has put on its handle.
  fail({ message, code, errno }) { this.onerror(message, errno, code); }

  writeSync(flush, input, at, length, output, outAt, room) {
    const wrong = this.step(flush, part(input, at, length), part(output, outAt, room), this.#left);
    if (wrong !== undefined) this.fail(wrong);
  }
  write(flush, input, at, length, output, outAt, room) {
    const wrong = this.step(flush, part(input, at, length), part(output, outAt, room), this.#left);
    queueMicrotask(() => {
      if (this.#closed) return this.#callback();
      return wrong === undefined ? this.#callback() : this.fail(wrong);
    });
  }
  close() {
    this.#closed = true;
    this.release();
  }
}

class Zlib extends Handle {
  #mode;
  #state = null;
  #settings;
  #dictionary;
  #magic = 0;            // bytes of kGzipMagic that have been seen
  #strict;

  constructor(mode) {
    super();
    this.#mode = mode;
  }
  init(windowBits, level, memLevel, strategy, left, callback, dictionary, strict) {
    this.#settings = [level, windowBits, memLevel, strategy];
    this.#dictionary = dictionary;
    this.#strict = strict;
    this.start(left, callback);
  }

  #error(code, message) { return { message: native.zlibMessage(this.#state) ?? message, code: kNames.get(code), errno: code }; }
  #open() {
    const compress = this.#mode === DEFLATE || this.#mode === GZIP || this.#mode === DEFLATERAW;
    try {
      this.#state = native.zlibOpen(kFormats[this.#mode], compress, ...this.#settings);
    } catch {
      return { message: 'Insufficient memory', code: 'Z_MEM_ERROR', errno: Z_MEM_ERROR };
    }
    return this.#useDictionary();
  }
  // All but an INFLATE and its like, which are told when they need it.
  #useDictionary() {
    if (this.#dictionary === undefined || ![DEFLATE, DEFLATERAW, INFLATERAW].includes(this.#mode)) return undefined;
    const code = native.zlibDictionary(this.#state, this.#dictionary);
    return code === Z_OK ? undefined : this.#error(code, 'Failed to set dictionary');
  }
  // What begins like a gzip file is one; anything else is the other.
  #tellApart(input) {
    for (const byte of input) {
      if (byte !== kGzipMagic[this.#magic]) this.#mode = INFLATE;
      else if (++this.#magic === kGzipMagic.length) this.#mode = GUNZIP;
      if (this.#mode !== UNZIP) return;
    }
  }

  step(flush, input, output, left) {
    const wrong = this.#state === null ? this.#open() : undefined;
    if (wrong !== undefined) return wrong;
    if (this.#mode === UNZIP) this.#tellApart(input);
    const write = () => native.zlibWrite(this.#state, flush, part(input, input.length - left[1], left[1]), part(output, output.length - left[0], left[0]), left);
    left[0] = output.length;
    left[1] = input.length;
    let code = write();
    if (code === Z_NEED_DICT && this.#dictionary !== undefined) {
      code = native.zlibDictionary(this.#state, this.#dictionary);
      if (code === Z_OK) code = write();
      else if (code === Z_DATA_ERROR) code = Z_NEED_DICT;
    }
    // A gzip file may be several, one behind the other (RFC 1952 2.2); zeros behind the last one are padding.
    while (this.#mode === GUNZIP && code === Z_STREAM_END && left[1] > 0 && input[input.length - left[1]] !== 0) {
      if (this.#strict && input[input.length - left[1]] !== kGzipMagic[0]) {
        return { message: 'Trailing junk found after the end of the compressed stream', code: 'ERR_TRAILING_JUNK_AFTER_STREAM_END', errno: Z_DATA_ERROR };
      }
      native.zlibReset(this.#state);
      code = write();
    }
    switch (code) {
      case Z_OK: case Z_BUF_ERROR: return left[0] !== 0 && flush === Z_FINISH ? this.#error(Z_BUF_ERROR, 'unexpected end of file') : undefined;
      case Z_STREAM_END: return undefined;
      case Z_NEED_DICT: return this.#error(code, this.#dictionary === undefined ? 'Missing dictionary' : 'Bad dictionary');
      default: return this.#error(code, 'Zlib error');
    }
  }
  params(level, strategy) {
    this.#settings[0] = level;
    this.#settings[3] = strategy;
    if (this.#state === null) return;
    const code = native.zlibParams(this.#state, level, strategy);
    if (code !== Z_OK && code !== Z_BUF_ERROR && code !== undefined) this.fail(this.#error(code, 'Failed to set parameters'));
  }
  reset() {
    if (this.#state === null) return;
    const code = native.zlibReset(this.#state);
    const wrong = code === Z_OK ? this.#useDictionary() : this.#error(code, 'Failed to reset stream');
    if (wrong !== undefined) this.fail(wrong);
  }
  release() { this.#state = null; }
}

// Compression with a window that the input does not fill takes time and memory for nothing.
const windowFor = (size) => Math.min(BROTLI_DEFAULT_WINDOW, Math.max(16, Math.ceil(Math.log2(size + 1))));

class Brotli extends Handle {
  #compress;
  #handle = null;
  #params;
  #ended = false;
  constructor(compress) {
    super();
    this.#compress = compress;
  }
  init(params, left, callback, dictionary) {
    if (dictionary !== undefined) throw Object.assign(new Error('zlib: brotli with a dictionary is not available here'), { code: 'ERR_METHOD_NOT_IMPLEMENTED' });
    this.#params = Array.from(params, (value) => (value === 0xffff_ffff ? undefined : value));
    this.start(left, callback);
  }
  // size: of all the input, where that is known.
  #open(size) {
    const window = this.#params[BROTLI_PARAM_LGWIN] ?? (size === undefined ? BROTLI_DEFAULT_WINDOW : windowFor(size));
    const mode = this.#params[BROTLI_PARAM_MODE];
    this.#handle = native.brotliOpen(this.#compress, this.#params[BROTLI_PARAM_QUALITY] ?? BROTLI_DEFAULT_QUALITY, window, mode) ?? null;
    return this.#handle !== null;
  }
  step(flush, input, output, left) {
    left[0] = output.length;
    left[1] = input.length;
    if (this.#ended) return undefined;
    if (this.#handle === null && !this.#open(flush === BROTLI_OPERATION_FINISH ? input.length : undefined)) {
      return { message: 'Insufficient memory', code: 'Z_MEM_ERROR', errno: Z_MEM_ERROR };
    }
    // A write takes a part of a long input.
    for (;;) {
      const before = left[1];
      const status = native.brotliWrite(this.#handle, flush, part(input, input.length - left[1], left[1]), part(output, output.length - left[0], left[0]), left);
      if (status === kBroken) return this.#broken();
      if (status === kEnd) {
        this.#ended = true;
        this.release();  // now, and not when it is collected: a compressor holds megabytes of the function's memory
        return undefined;
      }
      if (left[0] === 0 || left[1] === 0 || left[1] === before) break;
    }
    const isShort = !this.#compress && flush === BROTLI_OPERATION_FINISH && left[0] > 0;
    return isShort ? { message: 'unexpected end of file', code: 'Z_BUF_ERROR', errno: Z_BUF_ERROR } : undefined;
  }
  #broken() {
    if (this.#compress) return { message: 'Compression failed', code: 'ERR_BROTLI_COMPRESSION_FAILED', errno: -1 };
    const [errno, name] = native.brotliError(this.#handle) ?? [-1, 'NO_ERROR'];
    return { message: 'Decompression failed', code: `ERR_${name}`, errno };
  }
  params() {}
  reset() {
    this.release();
    this.#ended = false;
  }
  release() {
    if (this.#handle !== null) native.brotliClose(this.#handle);
    this.#handle = null;
  }
}

class Absent {
  constructor() { throw new errors.codes.ERR_METHOD_NOT_IMPLEMENTED('zlib: zstd'); }
}

module.exports = {
  Zlib,
  BrotliEncoder: class extends Brotli { constructor() { super(true); } },
  BrotliDecoder: class extends Brotli { constructor() { super(false); } },
  ZstdCompress: Absent, ZstdDecompress: Absent,
  crc32: (data, before) => native.zlibCrc32(typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength), before),
};
