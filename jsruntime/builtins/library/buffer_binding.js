// What Node's buffer asks of internalBinding('buffer'): text to bytes and back by the engine's own codecs, and searches.
//
// A `dir` is true for a search from the front. Ranges are whole numbers, checked or cut by who calls.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
const kUrl = { alphabet: 'base64url', omitPadding: true };
const kChunk = 8192;  // of what is handed to String.fromCharCode at once
const kEncodings = ['ascii', 'utf8', 'base64', 'utf16le', 'latin1', 'hex', 'buffer', 'base64url'];

const bytesOf = (view) => (view instanceof Uint8Array ? view : ArrayBuffer.isView(view) ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(view));
const subarray = (bytes, start, end) => Reflect.apply(Uint8Array.prototype.subarray, bytesOf(bytes), [start, end]);
const part = (bytes, start = 0, end = bytes.length) => {
  const view = bytesOf(bytes);
  return new Uint8Array(view.buffer, view.byteOffset + Math.min(start, view.length), Math.max(Math.min(end, view.length) - Math.min(start, view.length), 0));
};

function textOfUnits(units) {
  let text = '';
  for (let at = 0; at < units.length; at += kChunk) text += String.fromCharCode.apply(null, units.subarray(at, at + kChunk));
  return text;
}

function ucs2Text(bytes) {
  const units = new Uint16Array(bytes.length >> 1);
  new Uint8Array(units.buffer).set(bytes.subarray(0, units.length * 2));
  return textOfUnits(units);
}

// V8's own methods of Uint8Array are not there while a function's snapshot is made.
function toBase64(bytes, isUrl) {
  if (Uint8Array.prototype.toBase64 !== undefined) return isUrl ? bytes.toBase64(kUrl) : bytes.toBase64();
  const text = btoa(textOfUnits(bytes));
  return isUrl ? text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') : text;
}
function fromBase64(text) {
  if (Uint8Array.fromBase64 !== undefined) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  putUnits(bytes, binary);
  return bytes;
}
function toHex(bytes) {
  if (Uint8Array.prototype.toHex !== undefined) return bytes.toHex();
  let text = '';
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16);
  return text;
}
// An even count of digits that all are ones.
function fromHex(digits) {
  if (Uint8Array.fromHex !== undefined) return Uint8Array.fromHex(digits);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

// --- text to bytes -------------------------------------------------------------------------------------------------------------------

// As Node reads it: either alphabet, what belongs to neither passed over, up to the first "=".
function base64Bytes(text) {
  try {
    return fromBase64(text);
  } catch {
    const end = text.indexOf('=');
    let clean = (end < 0 ? text : text.slice(0, end)).replaceAll('-', '+').replaceAll('_', '/').replace(/[^A-Za-z0-9+/]/g, '');
    if (clean.length % 4 === 1) clean = clean.slice(0, -1);
    // Bits behind the last byte count for nothing.
    return fromBase64(clean);
  }
}

function hexBytes(text) {
  const wrong = text.search(/[^0-9A-Fa-f]/);
  const end = (wrong < 0 ? text.length : wrong) & ~1;
  return fromHex(end === text.length ? text : text.slice(0, end));
}

function put(buffer, bytes, offset = 0, length = buffer.length - offset) {
  const taken = bytes.length > length ? bytes.subarray(0, length) : bytes;
  Reflect.apply(Uint8Array.prototype.set, bytesOf(buffer), [taken, offset]);
  return taken.length;
}

function putUnits(buffer, text, offset = 0, length = buffer.length - offset) {
  const count = Math.min(text.length, length);
  for (let i = 0; i < count; i++) buffer[offset + i] = text.charCodeAt(i);  // modulo 256
  return count;
}

function putUcs2(buffer, text, offset = 0, length = buffer.length - offset) {
  const count = Math.min(text.length, length >> 1);
  for (let i = 0, at = offset; i < count; i++, at += 2) {
    const unit = text.charCodeAt(i);
    buffer[at] = unit;
    buffer[at + 1] = unit >> 8;
  }
  return count * 2;
}

function encoded(text, encoding) {
  switch (encoding) {
    case 'utf8': case undefined: return encoder.encode(text);
    case 'base64': case 'base64url': return base64Bytes(text);
    case 'hex': return hexBytes(text);
    default: {
      const bytes = new Uint8Array(encoding === 'utf16le' ? text.length * 2 : text.length);
      encoding === 'utf16le' ? putUcs2(bytes, text) : putUnits(bytes, text);
      return bytes;
    }
  }
}

function byteLengthUtf8(text) {
  if (text.length > 256) return encoder.encode(text).length;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 4;
      i++;
    } else {
      length += 3;
    }
  }
  return length;
}

// --- comparing and searching ---------------------------------------------------------------------------------------------------------

function compare(one, other) {
  const a = bytesOf(one);
  const b = bytesOf(other);
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

function compareOffset(source, target, targetStart, sourceStart, targetEnd, sourceEnd) {
  const { ERR_OUT_OF_RANGE } = require('./errors.js').codes;
  if (sourceStart > source.length) throw new ERR_OUT_OF_RANGE('sourceStart', `<= ${source.length}`, sourceStart);
  if (targetStart > target.length) throw new ERR_OUT_OF_RANGE('targetStart', `<= ${target.length}`, targetStart);
  return compare(part(source, sourceStart, sourceEnd), part(target, targetStart, targetEnd));
}

// Where a search begins; -1: nothing can be found.
function begin(length, offset, needle, dir) {
  if (offset < 0) return offset + length >= 0 ? offset + length : dir || needle === 0 ? 0 : -1;
  if (offset + needle <= length) return offset;
  return needle === 0 ? length : dir ? -1 : length - 1;
}

function search(bytes, needle, offset, dir, step) {
  const start = begin(bytes.length, offset, needle.length, dir);
  if (needle.length === 0) return start;
  const last = bytes.length - needle.length;
  if (start < 0 || last < 0 || (dir && start > last)) return -1;
  const matches = (at) => {
    for (let i = 0; i < needle.length; i++) if (bytes[at + i] !== needle[i]) return false;
    return true;
  };
  if (dir) {
    for (let at = bytes.indexOf(needle[0], start); at >= 0 && at <= last; at = bytes.indexOf(needle[0], at + 1)) {
      if (at % step === 0 && matches(at)) return at;
    }
  } else {
    for (let at = bytes.lastIndexOf(needle[0], Math.min(start, last)); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(needle[0], at - 1)) {
      if (at % step === 0 && matches(at)) return at;
    }
  }
  return -1;
}

// Not a Buffer, whose own indexOf() comes here.
const searched = (buffer, end) => part(buffer, 0, end);

function indexOfBuffer(buffer, value, offset, encoding, dir, end) {
  return search(searched(buffer, end), bytesOf(value), offset, dir, kEncodings[encoding] === 'utf16le' ? 2 : 1);
}
function indexOfString(buffer, value, offset, encoding, dir, end) {
  return search(searched(buffer, end), encoded(value, kEncodings[encoding]), offset, dir, kEncodings[encoding] === 'utf16le' ? 2 : 1);
}
function indexOfNumber(buffer, value, offset, dir, end) {
  const bytes = searched(buffer, end);
  const start = begin(bytes.length, offset, 1, dir);
  if (start < 0 || bytes.length === 0) return -1;
  return dir ? bytes.indexOf(value & 255, start) : bytes.lastIndexOf(value & 255, start);
}

// -1: there is nothing to fill it with; -2: the range is not in it.
function fill(buffer, value, start, end, encoding) {
  if (start > end || end > buffer.length) return -2;
  const { normalizeEncoding } = require('./util.js');
  if (typeof value !== 'string' && !ArrayBuffer.isView(value)) {
    Reflect.apply(Uint8Array.prototype.fill, buffer, [value & 255, start, end]);
    return undefined;
  }
  const bytes = typeof value === 'string' ? encoded(value, normalizeEncoding(encoding)) : bytesOf(value).slice();
  if (bytes.length === 0) return -1;
  for (let at = start; at < end; at += bytes.length) put(buffer, bytes, at, end - at);
  return undefined;
}

function swap(bytes, size) {
  for (let at = 0; at + size <= bytes.length; at += size) Reflect.apply(Uint8Array.prototype.reverse, subarray(bytes, at, at + size), []);
  return bytes;
}

module.exports = {
  kMaxLength: Number.MAX_SAFE_INTEGER, kStringMaxLength: 2 ** 29 - 24,
  byteLengthUtf8, compare, compareOffset, indexOfBuffer, indexOfString, indexOfNumber, fill,
  copy(source, target, targetStart, sourceStart, count) { return put(target, subarray(source, sourceStart, sourceStart + count), targetStart); },
  isAscii: (input) => bytesOf(input).every((byte) => byte < 128),
  isUtf8(input) {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(input);
      return true;
    } catch {
      return false;
    }
  },
  swap16: (bytes) => swap(bytes, 2), swap32: (bytes) => swap(bytes, 4), swap64: (bytes) => swap(bytes, 8),
  atob, btoa,
  asciiSlice: (bytes, start, end) => textOfUnits(part(bytes, start, end).map((byte) => byte & 127)),
  base64Slice: (bytes, start, end) => toBase64(part(bytes, start, end), false),
  base64urlSlice: (bytes, start, end) => toBase64(part(bytes, start, end), true),
  latin1Slice: (bytes, start, end) => textOfUnits(part(bytes, start, end)),
  hexSlice: (bytes, start, end) => toHex(part(bytes, start, end)),
  ucs2Slice: (bytes, start, end) => ucs2Text(part(bytes, start, end)),
  utf8Slice: (bytes, start, end) => decoder.decode(part(bytes, start, end)),
  asciiWriteStatic: putUnits,
  latin1WriteStatic: putUnits,
  base64Write: (buffer, text, offset, length) => put(buffer, base64Bytes(text), offset, length),
  base64urlWrite: (buffer, text, offset, length) => put(buffer, base64Bytes(text), offset, length),
  hexWrite: (buffer, text, offset, length) => put(buffer, hexBytes(text), offset, length),
  ucs2Write: putUcs2,
  utf8WriteStatic: (buffer, text, offset = 0, length = buffer.length - offset) => encoder.encodeInto(text, subarray(buffer, offset, offset + length)).written,
  arrayBufferAlignedOffset: () => 0,  // addresses are nobody's to see
  createUnsafeArrayBuffer: (size) => new ArrayBuffer(size),  // zeros all the same
  setDetachKey() {},
};
