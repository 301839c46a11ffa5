// What Request and Response share: bodies. A body's source is null, a string, a Uint8Array that nobody else writes to, or a
// ReadableStream.

const kText = 'text/plain;charset=UTF-8';
const kForm = 'application/x-www-form-urlencoded;charset=UTF-8';
const { Uint8Array, ArrayBuffer, Reflect } = globalThis;

// Numbers shared with the native side: dispatch.js says which.
const block = new Float64Array(new ArrayBuffer(64));
internal.block = block;
const kOnLoan = 5;
const setBytes = ((set) => (to, from) => Reflect.apply(set, to, [from]))(Uint8Array.prototype.set);

const streams = () => internal.lazy('streams.js');
internal.isDisturbed = (stream) => streams().isDisturbed(stream);

// What a body that is a stream must be to be read or sent.
internal.requireReadable = (stream) => {
  if (streams().isDisturbed(stream)) throw internal.bodyUsedError();
  if (streams().isLocked(stream)) throw new TypeError('The body is locked: a reader or a pipe has it');
};

// Up to this size V8 keeps an array's bytes in its own heap, without an allocation beside.
const kInHeapMax = 64;
// From here on a copy is made from an array: V8 does not fill it with zeros first, as it does what slice() makes. A small one would stand in
// V8's heap, where it moves.
const kCopiedAsArray = 4096;
// The memory of a copy that has been sent takes the next one: it is in the caches, and no collection has to find it. Up to this size, and
// where the next one fills a quarter of it or it is small anyway.
const kRecycledMax = 256 * 1024;
const kWaste = 4;
let recycled = null;  // the last copy that was sent, all of its buffer

// An array of that length in it, or null.
function takeRecycled(length) {
  const whole = recycled;
  if (whole === null || block[kOnLoan] !== 0 || whole.length < length) return null;
  if (whole.length > kCopiedAsArray && whole.length > kWaste * length) return null;
  recycled = null;
  return whole.length === length ? whole : new Uint8Array(whole.buffer, 0, length);
}

function copyBytes(buffer, offset, length) {
  if (length === 0) return new Uint8Array(0);  // of a detached one too
  const copy = length <= kInHeapMax ? new Uint8Array(length) : takeRecycled(length);
  if (copy !== null) {
    setBytes(copy, new Uint8Array(buffer, offset, length));
    return copy;
  }
  if (length >= kCopiedAsArray) return new Uint8Array(new Uint8Array(buffer, offset, length));
  return new Uint8Array(buffer.slice(offset, offset + length));
}

// A copy made by extractBody, in the hands of nobody but the native side now, which says in the block when it has read it.
internal.recycleBody = (bytes) => {
  if (bytes.length <= kInHeapMax) return;
  const { buffer } = bytes;
  if (buffer.byteLength > kRecycledMax) return;
  recycled = bytes.length === buffer.byteLength ? bytes : new Uint8Array(buffer);
  block[kOnLoan] = 1;
};

// "Extract a body" of the Fetch standard: { source, type, copied }, where type is null when the kind of value has none, and copied says that
// the source is a copy which nobody else has.
internal.extractBody = (value) => {
  if (typeof value === 'string') return { source: value, type: kText, copied: false };
  if (typeof value !== 'object' || value === null) return { source: String(value), type: kText, copied: false };
  if (value instanceof ArrayBuffer) return { source: copyBytes(value, 0, value.byteLength), type: null, copied: true };
  if (ArrayBuffer.isView(value)) {
    return { source: copyBytes(value.buffer, value.byteOffset, value.byteLength), type: null, copied: true };
  }
  if (internal.isURLSearchParams(value)) return { source: value.toString(), type: kForm, copied: false };
  if (internal.isBlob(value)) {
    return { source: internal.blobBytes(value), type: value.type === '' ? null : value.type, copied: false };
  }
  if (internal.isFormData(value)) {
    const form = internal.encodeFormData(value);
    return { source: form.body, type: form.contentType, copied: false };
  }
  if (internal.isReadableStream(value)) {
    internal.requireReadable(value);
    return { source: value, type: null, copied: false };
  }
  if (typeof value[Symbol.asyncIterator] === 'function') {
    return { source: streams().ReadableStream.from(value), type: null, copied: false };
  }
  if (value instanceof Promise) internal.warnOnce('A body was made from a promise and says "[object Promise]": is an await missing?');
  return { source: String(value), type: kText, copied: false };
};

const usedMessage = 'The body has already been read: use clone() before the first read to read it twice';
internal.bodyUsedError = () => new TypeError(usedMessage);
// Both branches of a stream's tee.
internal.teeStream = (stream) => streams().tee(stream);

internal.isStreamSource = (source) => typeof source === 'object' && source !== null && internal.isReadableStream(source);

// The ReadableStream of a source that is none.
internal.streamOf = (source) => internal.bytesStream(internal.sourceToBytes(source));

// Locks and disturbs a stream, as reading the whole body does.
internal.spend = (stream) => { streams().reader(stream).cancel().catch(() => {}); };
// What `body` gives of a body that was read as a whole.
internal.spentStream = () => {
  const stream = internal.streamOf(null);
  internal.spend(stream);
  return stream;
};

// All of a body as text (kind 0) or bytes (kind 1); a promise of it where it is a stream.
internal.takeSource = (source, kind) => {
  if (internal.isStreamSource(source)) {
    internal.requireReadable(source);
    const bytes = internal.streamBytes(source);
    return kind === 0 ? bytes.then(native.bodyDecode) : bytes;
  }
  return kind === 0 ? internal.sourceToText(source) : internal.sourceToBytes(source);
};

internal.sourceToText = (source) => {
  if (source === null) return '';
  // Strings travel as they are, except for lone surrogates, which UTF-8 cannot carry, and a byte order mark, which decoding removes.
  if (typeof source === 'string') {
    const text = source.isWellFormed() ? source : source.toWellFormed();
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
  return native.bodyDecode(source);
};

internal.sourceToBytes = (source) => {
  if (source === null) return new Uint8Array(0);
  if (typeof source === 'string') return native.bodyEncode(source);
  return source.slice();
};

// Adds text(), json(), arrayBuffer(), bytes(), blob() and formData() to a prototype. `take` marks the body as read and
// returns its text (kind 0) or bytes (kind 1), or a promise of them; it throws when that cannot be.
internal.mixinBody = (prototype, take, typeOf) => {
  // No await for what is there: it would cost a turn of the microtask queue.
  const methods = {
    async text() { return take(this, 0); },
    async json() {
      const text = take(this, 0);
      return JSON.parse(typeof text === 'string' ? text : await text);
    },
    async arrayBuffer() {
      const taken = take(this, 1);
      return (taken instanceof Promise ? await taken : taken).buffer;
    },
    async bytes() { return take(this, 1); },
    async blob() {
      const type = internal.lazy('mime.js').mimeOf(typeOf(this));
      const taken = take(this, 1);
      return internal.lazy('blob.js').blobOf(taken instanceof Promise ? await taken : taken, type);
    },
    async formData() {
      const type = typeOf(this);
      const taken = take(this, 1);
      return internal.lazy('formdata.js').parseFormData(type, taken instanceof Promise ? await taken : taken);
    },
  };
  for (const name of Object.keys(methods)) {
    Object.defineProperty(prototype, name, { value: methods[name], writable: true, enumerable: true, configurable: true });
  }
};
