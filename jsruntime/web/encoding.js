// TextEncoder and TextDecoder (Encoding standard 7).

const kFatal = 1, kKeepBom = 2, kBigEndian = 4;

// Labels of the common encodings (Encoding standard 4.2), made on first use; the others are in legacy_encodings.js.
let labels = null;
const encodingOf = (label) => {
  if (labels === null) {
    labels = new Map();
    for (const [name, all] of [
      ['utf-8', 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8'],
      ['utf-16le', 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le'],
      ['utf-16be', 'unicodefffe utf-16be'],
      ['windows-1252', 'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 ' +
        'iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252'],
    ]) {
      for (const one of all.split(' ')) labels.set(one, name);
    }
  }
  return labels.get(label);
};

let progress = null;  // where the encoder leaves how many units it has read
let scratch = null;

class TextEncoder {
  #brand = true;
  get encoding() {
    this.#brand;
    return 'utf-8';
  }
  encode(input = '') {
    this.#brand;
    input = `${input}`;
    // Up to 64 bytes V8 keeps inside its heap, which costs a tenth of a buffer of the allocator's.
    if (input.length <= 21) return (scratch ??= new Uint8Array(128)).slice(0, native.utf8EncodeInto(input, scratch, progress ??= new Uint32Array(1)));
    return native.utf8Encode(input);
  }
  encodeInto(source, destination) {
    this.#brand;
    internal.required(arguments.length, 2, 'TextEncoder.encodeInto');
    source = `${source}`;
    if (!(destination instanceof Uint8Array)) throw new TypeError('TextEncoder.encodeInto: the destination is not a Uint8Array.');
    progress ??= new Uint32Array(1);
    const written = native.utf8EncodeInto(source, destination, progress);
    return { read: progress[0], written };
  }
}
internal.exposeInterface(TextEncoder);

// How many bytes at the end of `bytes` are the beginning of a UTF-8 sequence that may go on in the next chunk.
function unfinishedUtf8(bytes) {
  const length = bytes.length;
  for (let back = 1; back <= 3 && back <= length; ++back) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 0;
    if (back >= needed) return 0;
    // The second byte's range depends on the first: what can never become valid is not held back.
    if (back > 1) {
      const second = bytes[length - back + 1];
      if ((byte === 0xe0 && second < 0xa0) || (byte === 0xed && second > 0x9f) || (byte === 0xf0 && second < 0x90) ||
          (byte === 0xf4 && second > 0x8f)) {
        return 0;
      }
    }
    return back;
  }
  return 0;
}

// The same for UTF-16: half a unit, or the first unit of a pair.
function unfinishedUtf16(bytes, bigEndian) {
  const odd = bytes.length % 2;
  const high = bytes.length - odd - (bigEndian ? 2 : 1);
  return high >= 0 && (bytes[high] & 0xfc) === 0xd8 ? odd + 2 : odd;
}

function bytesOf(input) {
  if (input === undefined) return new Uint8Array(0);
  if (ArrayBuffer.isView(input)) return input.buffer.detached ? new Uint8Array(0) : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (native.kindOf(input) === 10) return new Uint8Array(input.detached ? 0 : input);
  throw new TypeError('TextDecoder.decode: the input is neither an ArrayBuffer nor a view of one.');
}

class TextDecoder {
  #encoding;
  #flags = 0;
  #pending = null;      // bytes of the stream that wait for the next chunk
  #streaming = false;
  #legacy = null;       // the decoder of a legacy encoding
  #bomSeen = false;     // the stream is past the place where a byte order mark is dropped

  constructor(label = 'utf-8', options = undefined) {
    const trimmed = `${label}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '').toLowerCase();
    let name = encodingOf(trimmed);
    let legacy;
    if (name === undefined) {
      legacy = internal.lazy('legacy_encodings.js').find(trimmed);
      if (legacy === undefined) {
        const error = new RangeError(`TextDecoder constructor: the encoding '${label}' is not supported: it is no label of the Encoding standard.`);
        throw Object.assign(error, { code: 'ERR_ENCODING_NOT_SUPPORTED' });
      }
      name = legacy.name;
    }
    if (options !== undefined && options !== null && typeof options !== 'object' && typeof options !== 'function') {
      throw new TypeError('TextDecoder constructor: options is not an object.');
    }
    this.#encoding = name;
    if (options?.fatal) this.#flags |= kFatal;
    if (options?.ignoreBOM) this.#flags |= kKeepBom;
    if (name === 'utf-16be') this.#flags |= kBigEndian;
    if (legacy !== undefined) this.#legacy = legacy.open(this.fatal);
  }

  get encoding() { return this.#encoding; }
  get fatal() { return (this.#flags & kFatal) !== 0; }
  get ignoreBOM() { return (this.#flags & kKeepBom) !== 0; }

  decode(input = undefined, options = undefined) {
    if (this.#legacy !== null) return this.#checked(this.#legacy.decode(bytesOf(input), !!options?.stream));
    if (!this.#streaming && !options?.stream) {
      // The whole of a text at once: the native decoder takes the caller's buffer as it is.
      if (input === undefined) return '';
      if (!ArrayBuffer.isView(input)) bytesOf(input);  // for its TypeError
      return this.#decode(input, this.#flags);
    }
    return this.#decodeChunk(bytesOf(input), !!options?.stream);
  }

  #decode(bytes, flags) {
    const text = this.#encoding === 'utf-8' ? native.utf8Decode(bytes, flags)
      : this.#encoding === 'windows-1252' ? native.windows1252Decode(bytes) : native.utf16Decode(bytes, flags);
    return this.#checked(text);
  }

  #checked(text) {
    if (text === undefined) {
      const error = new TypeError(`The encoded data was not valid ${this.#encoding}.`);
      error.code = 'ERR_ENCODING_INVALID_ENCODED_DATA';
      throw error;
    }
    return text;
  }

  #decodeChunk(chunk, more) {
    let bytes = chunk;
    if (this.#pending !== null) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
      this.#pending = null;
    }
    const bomSeen = this.#bomSeen;
    this.#streaming = more;
    this.#bomSeen = more && (bomSeen || bytes.length > 0);
    if (more) {
      const back = this.#encoding === 'utf-8' ? unfinishedUtf8(bytes)
        : this.#encoding === 'windows-1252' ? 0 : unfinishedUtf16(bytes, this.#encoding === 'utf-16be');
      if (back > 0) {
        this.#pending = bytes.slice(bytes.length - back);
        bytes = bytes.subarray(0, bytes.length - back);
        if (bytes.length === 0) this.#bomSeen = bomSeen;
      }
    }
    return this.#decode(bytes, bomSeen ? this.#flags | kKeepBom : this.#flags);
  }
}
internal.exposeInterface(TextDecoder);
internal.bytesOf = bytesOf;
internal.TextEncoder = TextEncoder;
internal.TextDecoder = TextDecoder;
