// node:string_decoder: text of bytes that come in pieces, none of which need end where a character does.
const { Buffer } = require('buffer');
const { errors, util } = require('zts:library');
const { ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_ENCODING } = errors.codes;

// How many of these bytes, of UTF-16, end with a whole character. The first half of a pair waits for the second; as Node has it, not where
// there is half of that and none had been kept before.
function wholeUtf16(bytes, kept) {
  const units = bytes.length & ~1;
  const last = units > 0 && (units === bytes.length || kept) ? bytes[units - 1] : 0;
  return last >= 0xd8 && last <= 0xdb ? units - 2 : units;
}

const kWhole = { utf16le: wholeUtf16, base64: (bytes) => bytes.length - bytes.length % 3, base64url: (bytes) => bytes.length - bytes.length % 3 };

// Bytes of a character that the first of them announces.
const lengthOf = (first) => (first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2);

const kDecoder = Symbol('decoder');  // of UTF-8
const kRest = Symbol('rest');

// No class: packages call it on objects of their own.
function StringDecoder(encoding) {
  this.encoding = util.normalizeEncoding(encoding);
  if (this.encoding === undefined) throw new ERR_UNKNOWN_ENCODING(encoding);
  this[kDecoder] = null;
  this[kRest] = new Uint8Array(0);
}

StringDecoder.prototype.write = function write(bytes) {
  if (typeof bytes === 'string') return bytes;
  if (!ArrayBuffer.isView(bytes)) throw new ERR_INVALID_ARG_TYPE('buf', ['Buffer', 'TypedArray', 'DataView'], bytes);
  const given = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (this.encoding === 'utf8') return writeUtf8(this, given);
  const whole = kWhole[this.encoding];
  if (whole === undefined) return textOf(given, this.encoding);
  const all = joined(this[kRest], given);
  const end = whole(all, this[kRest].length > 0);
  this[kRest] = all.slice(end);
  return textOf(all.subarray(0, end), this.encoding);
};

StringDecoder.prototype.end = function end(bytes) {
  let text = bytes === undefined ? '' : this.write(bytes);
  text += this.encoding === 'utf8' ? this[kDecoder]?.decode() ?? '' : textOf(this[kRest], this.encoding);
  this[kRest] = new Uint8Array(0);
  return text;
};

StringDecoder.prototype.text = function text(bytes, offset) {
  this.end();
  return this.write(bytes.slice(offset));
};

// As Node has them: how many bytes the character that has begun still needs, of how many, and what there is of it.
Object.defineProperties(StringDecoder.prototype, {
  lastNeed: { get() { return this[kRest].length === 0 ? 0 : this.lastTotal - this[kRest].length; }, enumerable: true, configurable: true },
  lastTotal: {
    get() {
      const [first] = this[kRest];
      if (first === undefined) return 0;
      return this.encoding === 'utf8' ? lengthOf(first) : this.encoding === 'utf16le' ? (this[kRest].length < 2 ? 2 : 4) : 3;
    },
    enumerable: true, configurable: true,
  },
  lastChar: {
    get() {
      const bytes = Buffer.alloc(4);
      bytes.set(this[kRest]);
      return bytes;
    },
    enumerable: true, configurable: true,
  },
});

function writeUtf8(self, given) {
  const { length } = given;
  // Mostly nothing is kept, and nothing will be.
  if (self[kRest].length === 0 && (length === 0 || given[length - 1] < 0x80)) return textOf(given, 'utf8');
  self[kDecoder] ??= new TextDecoder('utf-8', { ignoreBOM: true });
  const text = self[kDecoder].decode(given, { stream: true });
  // What the decoder holds back: at most the last three bytes, from the one that begins a character.
  const tail = joined(self[kRest], given.subarray(-3)).subarray(-3);
  self[kRest] = tail.slice(tail.length);
  for (let at = tail.length - 1; at >= 0; at--) {
    if ((tail[at] & 0xc0) === 0x80) continue;
    const begun = tail[at] >= 0xc2 && tail[at] <= 0xf4 && tail.length - at < lengthOf(tail[at]) && !text.endsWith('\ufffd');
    if (begun) self[kRest] = tail.slice(at);
    break;
  }
  return text;
}

function joined(rest, given) {
  if (rest.length === 0) return given;
  const all = new Uint8Array(rest.length + given.length);
  all.set(rest);
  all.set(given, rest.length);
  return all;
}

const textOf = (bytes, encoding) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);

module.exports = { StringDecoder };
