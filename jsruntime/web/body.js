// What Request and Response share: bodies. A body is null, a string, or a Uint8Array that nobody else writes to.

const kText = 'text/plain;charset=UTF-8';
const kForm = 'application/x-www-form-urlencoded;charset=UTF-8';

function isStream(value) {
  return typeof value === 'object' && value !== null &&
      (typeof value.getReader === 'function' || value[Symbol.toStringTag] === 'ReadableStream');
}

// "Extract a body" of the Fetch standard: { source, type }, where type is null when the kind of value has none.
internal.extractBody = (value) => {
  if (typeof value === 'string') return { source: value, type: kText };
  if (typeof value !== 'object' || value === null) return { source: String(value), type: kText };
  if (value instanceof ArrayBuffer) return { source: new Uint8Array(value.slice(0)), type: null };
  if (ArrayBuffer.isView(value)) {
    return { source: new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength)), type: null };
  }
  if (internal.isURLSearchParams(value)) return { source: value.toString(), type: kForm };
  if (internal.isBlob(value)) return { source: internal.blobBytes(value), type: value.type === '' ? null : value.type };
  if (internal.isFormData(value)) {
    const form = internal.encodeFormData(value);
    return { source: form.body, type: form.contentType };
  }
  if (isStream(value)) {
    throw new TypeError('A ReadableStream as a body is not supported yet: pass a string, an ArrayBuffer, a typed array, a Blob or URLSearchParams');
  }
  return { source: String(value), type: kText };
};

const usedMessage = 'The body has already been read: use clone() before the first read to read it twice';
internal.bodyUsedError = () => new TypeError(usedMessage);
internal.noStreams = (where) => {
  throw new TypeError(`${where}.body is not supported yet: read the whole body with text(), json(), arrayBuffer(), bytes() or blob()`);
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
// returns its text (kind 0) or bytes (kind 1); it throws when that cannot be.
internal.mixinBody = (prototype, take, typeOf) => {
  const methods = {
    async text() { return take(this, 0); },
    async json() { return JSON.parse(take(this, 0)); },
    async arrayBuffer() { return take(this, 1).buffer; },
    async bytes() { return take(this, 1); },
    async blob() {
      const type = internal.mimeOf(typeOf(this));
      return internal.blobOf(take(this, 1), type);
    },
    async formData() {
      const type = typeOf(this);
      return internal.parseFormData(type, take(this, 1));
    },
  };
  for (const name of Object.keys(methods)) {
    Object.defineProperty(prototype, name, { value: methods[name], writable: true, enumerable: true, configurable: true });
  }
};
