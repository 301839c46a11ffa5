// node:buffer: the package "buffer", with what it lacks (base64url) and with the engine's own decoders where those are much faster.
const npm = require('../node_modules/buffer/index.js');

const { Buffer } = npm;
const { from, isEncoding, byteLength, prototype } = Buffer;
const { toString, write } = prototype;
const kUrl = { alphabet: 'base64url', omitPadding: true };
const kNativeMin = 64; // below, the package's loop is as fast
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
const isUtf8 = (encoding) => encoding === undefined || /^utf-?8$/i.test(encoding);
const isUrl = (encoding) => typeof encoding === 'string' && encoding.toLowerCase() === 'base64url';
const asBuffer = (bytes) => Object.setPrototypeOf(bytes, prototype);

const define = (target, name, value) => Object.defineProperty(target, name, { value, writable: true, configurable: true });

define(Buffer, 'from', function from_(value, encodingOrOffset, length) {
  if (typeof value === 'string') {
    // The package reads both alphabets as base64.
    if (isUrl(encodingOrOffset)) return from(value, 'base64');
    if (value.length >= kNativeMin && isUtf8(encodingOrOffset)) return asBuffer(encoder.encode(value));
  }
  return from(value, encodingOrOffset, length);
});
define(Buffer, 'isEncoding', (encoding) => isUrl(encoding) || isEncoding(encoding));
define(Buffer, 'byteLength', (value, encoding) => byteLength(value, isUrl(encoding) ? 'base64' : encoding));
define(Buffer, 'copyBytesFrom', (view, offset = 0, length = view.length - offset) => {
  const part = view.subarray(offset, offset + length);
  return from(new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice().buffer);
});
Object.defineProperty(prototype, 'toString', {
  value: function (encoding, start, end) {
    const url = isUrl(encoding);
    if (!url && (this.length < kNativeMin || !isUtf8(encoding))) return toString.call(this, encoding, start, end);
    const part = start === undefined && end === undefined ? this : this.subarray(start ?? 0, end);
    return url ? Uint8Array.prototype.toBase64.call(part, kUrl) : utf8.decode(part);
  },
  writable: true, configurable: true,
});
prototype.toLocaleString = prototype.toString;
define(prototype, 'write', function (string, offset, length, encoding) {
  const replace = (value) => (isUrl(value) ? 'base64' : value);
  return write.call(this, string, replace(offset), replace(length), replace(encoding));
});

// By which packages go around what toString() and write() look at first.
for (const [name, encoding] of [['ascii', 'latin1'], ['base64', 'base64'], ['base64url', 'base64url'], ['hex', 'hex'], ['latin1', 'latin1'], ['ucs2', 'utf16le'], ['utf8', 'utf8']]) {
  define(prototype, `${name}Slice`, function (start, end) { return this.toString(name === 'ascii' ? 'ascii' : encoding, start, end); });
  define(prototype, `${name}Write`, function (string, offset = 0, length = this.length - offset) { return this.write(string, offset, length, encoding); });
}

const isAscii = (input) => Buffer.from(input.buffer ?? input, input.byteOffset, input.byteLength).every((byte) => byte < 128);
const isUtf8Bytes = (input) => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(input);
    return true;
  } catch {
    return false;
  }
};
const names = { ucs2: 'utf16le', 'ucs-2': 'utf16le', 'utf-16le': 'utf16le', binary: 'latin1' };
const transcode = (source, from_, to) => Buffer.from(Buffer.from(source).toString(names[from_] ?? from_), names[to] ?? to);

module.exports = {
  Buffer, SlowBuffer: npm.SlowBuffer, INSPECT_MAX_BYTES: 50, kMaxLength: npm.kMaxLength, kStringMaxLength: 2 ** 29 - 24,
  constants: { MAX_LENGTH: npm.kMaxLength, MAX_STRING_LENGTH: 2 ** 29 - 24 },
  atob, btoa, Blob, File, isAscii, isUtf8: isUtf8Bytes, transcode,
};
