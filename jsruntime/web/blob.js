// Lazy: Blob and File (File API 3, 4). A Blob is a Uint8Array that nobody else writes to; slices share its memory.
//
//   internal.isBlob(value), internal.blobBytes(blob)  for bodies: the bytes are not copied, and not to be written to
//   blobOf(bytes, type)                               takes the bytes over
//   renameFile(blob, name)                            a File
//   internal.cloneBlob(value)                         for structuredClone; undefined where it is no Blob

const typeOf = (type) => {
  const text = `${type}`;
  return /[^\x20-\x7e]/.test(text) ? '' : text.toLowerCase();
};

// A part as it is converted while the sequence is walked: bytes, or a string.
function convertPart(part) {
  if (internal.isBlob(part)) return internal.blobBytes(part);
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  if (typeof part === 'object' && part !== null && native.kindOf(part) === 10) return new Uint8Array(part);
  return `${part}`;
}

function convertParts(parts, iterate) {
  const converted = [];
  for (const part of { [Symbol.iterator]: () => Reflect.apply(iterate, parts, []) }) converted.push(convertPart(part));
  return converted;
}

function concatenate(parts, native_endings) {
  const chunks = parts.map((part) => typeof part !== 'string' ? part
    : native.utf8Encode(native_endings ? part.replace(/\r\n?|\n/g, '\n') : part));
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

// What walks the parts: read once, as Web IDL has it.
function checkArguments(parts, options, what) {
  const iterate = typeof parts === 'object' && parts !== null || typeof parts === 'function' ? parts[Symbol.iterator] : undefined;
  if (typeof iterate !== 'function') throw new TypeError(`${what} constructor: the parts are not a sequence.`);
  if (options !== undefined && options !== null && typeof options !== 'object' && typeof options !== 'function') {
    throw new TypeError(`${what} constructor: options is not an object.`);
  }
  return iterate;
}

const kBytes = Symbol('bytes');
const kStreamChunkBytes = 65536;

let blobOf, renameFile;

class Blob {
  #bytes;
  #type;

  constructor(parts = [], options = undefined, type = '') {
    if (parts === kBytes) {
      this.#bytes = options;
      this.#type = type;
      return;
    }
    const iterate = checkArguments(parts, options, new.target?.name ?? 'Blob');
    // In Web IDL's order: the parts, then each option once.
    const converted = convertParts(parts, iterate);
    const { endings = 'transparent' } = options ?? {};
    const kind = `${endings}`;
    if (kind !== 'transparent' && kind !== 'native') throw new TypeError(`Blob constructor: '${kind}' is not a value of endings.`);
    const { type: given = '' } = options ?? {};
    this.#type = typeOf(given);
    this.#bytes = concatenate(converted, kind === 'native');
  }

  get size() { return this.#bytes.length; }
  get type() { return this.#type; }

  slice(start = 0, end = this.#bytes.length, contentType = '') {
    const size = this.#bytes.length;
    const clamp = (value) => {
      const at = Math.trunc(Number(value)) || 0;
      return at < 0 ? Math.max(size + at, 0) : Math.min(at, size);
    };
    const from = clamp(start);
    return new Blob(kBytes, this.#bytes.subarray(from, Math.max(from, clamp(end))), typeOf(contentType));
  }

  stream() {
    const bytes = this.#bytes;
    let at = 0;
    return internal.lazy('streams.js').newByteStream({
      pull(sink) {
        const end = Math.min(at + kStreamChunkBytes, bytes.length);
        sink.enqueue(bytes.slice(at, end));
        at = end;
        if (at === bytes.length) sink.close();
      },
    });
  }
  async text() { return native.utf8Decode(this.#bytes, 0); }
  async arrayBuffer() { return this.#bytes.slice().buffer; }
  async bytes() { return this.#bytes.slice(); }

  static {
    internal.isBlob = (value) => typeof value === 'object' && value !== null && #bytes in value;
    internal.blobBytes = (blob) => blob.#bytes;
    blobOf = (bytes, type) => new Blob(kBytes, bytes, type);
    // A copy may share the bytes, as nobody writes to them.
    internal.cloneBlob = (value) => internal.isFile(value) ? renameFile(value, value.name)
      : #bytes in value ? new Blob(kBytes, value.#bytes, value.#type) : undefined;
  }
}
Object.defineProperty(Blob, 'length', { value: 0 });
internal.shapeInterface(Blob);

class File extends Blob {
  #name;
  #lastModified;

  constructor(bits, name, options = undefined, bytes = undefined, type = undefined) {
    if (bits === kBytes) {
      super(kBytes, bytes, type);
    } else {
      internal.required(arguments.length, 2, 'File constructor');
      super(bits, options);
    }
    this.#name = `${name}`.toWellFormed();
    const modified = options?.lastModified;
    this.#lastModified = modified === undefined ? Date.now() : Math.trunc(Number(modified)) || 0;
  }
  get name() { return this.#name; }
  get lastModified() { return this.#lastModified; }
  get webkitRelativePath() {
    this.#name;
    return '';
  }

  static {
    internal.isFile = (value) => typeof value === 'object' && value !== null && #name in value;
    renameFile = (blob, name) => new File(kBytes, name, { lastModified: internal.isFile(blob) ? blob.lastModified : undefined },
      internal.blobBytes(blob), blob.type);
  }
}
Object.defineProperty(File, 'length', { value: 2 });
internal.shapeInterface(File);

return { Blob, File, blobOf, renameFile };
