// Lazy: FormData (XMLHttpRequest standard 5), and forms as bodies: application/x-www-form-urlencoded and multipart/form-data.
//
//   internal.isFormData(value)
//   parseFormData(contentType, bytes) -> FormData; TypeError where the body is no form of that type
//   internal.encodeFormData(formData) -> { body: Uint8Array, contentType }

const kPartsMax = 10000;       // parts of one form: far beyond any form, far below what would fill a heap
const kPartHeadMax = 16384;    // units in the header block of one part

const kKeepBom = 2;

const blobs = () => internal.lazy('blob.js');

const string = (value) => `${value}`.toWellFormed();

class FormData {
  #list = [];

  constructor(form = undefined, submitter = undefined) {
    if (form !== undefined || (submitter !== undefined && submitter !== null)) {
      throw new TypeError('FormData constructor: there are no form elements here; call it without arguments.');
    }
  }

  // "Create an entry": a Blob becomes a File, anything else a string.
  static #value(value, filename, given, what) {
    if (internal.isBlob(value)) {
      if (given > 2) return blobs().renameFile(value, string(filename));
      return internal.isFile(value) ? value : blobs().renameFile(value, 'blob');
    }
    if (given > 2) throw new TypeError(`${what}: a file name needs a Blob.`);
    return string(value);
  }

  append(name, value, filename = undefined) {
    internal.required(arguments.length, 2, 'FormData.append');
    this.#list.push(string(name), FormData.#value(value, filename, arguments.length, 'FormData.append'));
  }

  delete(name) {
    internal.required(arguments.length, 1, 'FormData.delete');
    name = string(name);
    this.#list = this.#list.filter((_, i, list) => list[i - i % 2] !== name);
  }

  get(name) {
    internal.required(arguments.length, 1, 'FormData.get');
    name = string(name);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
    return null;
  }

  getAll(name) {
    internal.required(arguments.length, 1, 'FormData.getAll');
    name = string(name);
    return this.#list.filter((_, i, list) => i % 2 === 1 && list[i - 1] === name);
  }

  has(name) {
    internal.required(arguments.length, 1, 'FormData.has');
    name = string(name);
    return this.#list.some((value, i) => i % 2 === 0 && value === name);
  }

  set(name, value, filename = undefined) {
    internal.required(arguments.length, 2, 'FormData.set');
    name = string(name);
    value = FormData.#value(value, filename, arguments.length, 'FormData.set');
    const list = this.#list;
    const kept = [];
    let found = false;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== name) kept.push(list[i], list[i + 1]);
      else if (!found) {
        found = true;
        kept.push(name, value);
      }
    }
    if (!found) kept.push(name, value);
    this.#list = kept;
  }

  static {
    internal.definePairs(FormData, (form) => form.#list);
    internal.isFormData = (value) => typeof value === 'object' && value !== null && #list in value;
    internal.formDataList = (form) => form.#list;
    internal.formDataOf = (list) => {
      const form = new FormData();
      form.#list = list;
      return form;
    };
  }
}
internal.shapeInterface(FormData);

// HTML 4.10.21.8: names and file names with these escapes, line breaks as CRLF.
const kEscapes = { '\r': '%0D', '\n': '%0A', '"': '%22' };
const escapeName = (text) => text.replace(/[\r\n"]/g, (found) => kEscapes[found]);
const toCrlf = (text) => text.replace(/\r\n?|\n/g, '\r\n');

internal.encodeFormData = (form) => {
  const list = internal.formDataList(form);
  const boundary = `----ztsformboundary${native.randomUuid().replaceAll('-', '')}`;
  const chunks = [];
  for (let i = 0; i < list.length; i += 2) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(toCrlf(list[i]))}"`;
    const value = list[i + 1];
    if (typeof value === 'string') {
      chunks.push(native.utf8Encode(`${head}\r\n\r\n${toCrlf(value)}\r\n`));
    } else {
      const type = value.type || 'application/octet-stream';
      chunks.push(native.utf8Encode(`${head}; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`),
        internal.blobBytes(value), native.utf8Encode('\r\n'));
    }
  }
  chunks.push(native.utf8Encode(`--${boundary}--\r\n`));
  const body = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
};

// `; name=value; name="quoted value"` after the essence of a header's value -> Map, or null where it is malformed.
function parseParameters(text) {
  const parameters = new Map();
  const pattern = /\s*;\s*([^\s=;"]+)=(?:"((?:[^"\\]|\\[^])*)"|([^\s;"]*))\s*/y;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const found = pattern.exec(text);
    if (found === null) return /^[\s;]*$/.test(text.slice(at)) ? parameters : null;
    const name = found[1].toLowerCase();
    if (!parameters.has(name)) parameters.set(name, found[2] ?? found[3]);
  }
  return parameters;
}

const bad = (why) => new TypeError(`formData: the body is no multipart/form-data: ${why}`);

// The head of a part -> { name, filename, type }. Its bytes are UTF-8.
function parsePartHead(head) {
  const part = { name: null, filename: null, type: 'text/plain' };
  for (const line of head === '' ? [] : head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0 || /[\s\0]/.test(line.slice(0, colon))) throw bad('a header of a part is malformed');
    const field = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (field === 'content-type') {
      part.type = value;
    } else if (field === 'content-disposition') {
      const semicolon = value.indexOf(';');
      // A backslash is an ordinary character here: browsers escape the quote as %22.
      const parameters = semicolon < 0 ? null : parseDisposition(value.slice(semicolon));
      if (value.slice(0, semicolon).trim().toLowerCase() !== 'form-data' || parameters === null || !parameters.has('name')) {
        throw bad('a part is no named form-data');
      }
      part.name = parameters.get('name');
      part.filename = parameters.get('filename') ?? null;
    }
  }
  if (part.name === null) throw bad('a part has no Content-Disposition');
  return part;
}

const unescapeName = (text) => text.replace(/%0[da]|%22/gi, (found) => String.fromCharCode(parseInt(found.slice(1), 16)));

function parseDisposition(text) {
  const parameters = new Map();
  const pattern = /\s*;\s*([^\s=;"]+)=(?:"([^"]*)"|([^\s;"]*))\s*/y;
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text);
    if (found === null) return null;
    parameters.set(found[1].toLowerCase(), unescapeName(found[2] ?? found[3]));
  }
  return parameters;
}

function parseMultipart(boundary, bytes) {
  // One unit a byte: string search is the fastest there is, and offsets stay those of the bytes.
  const text = native.latin1Decode(bytes);
  const delimiter = `--${boundary}`;
  const separator = `\r\n${delimiter}`;
  const utf8 = (from, to) => native.utf8Decode(bytes.subarray(from, to), 2);
  const list = [];
  if (!text.startsWith(delimiter)) throw bad('it does not start with its boundary');
  let at = delimiter.length;
  for (;;) {
    if (text.startsWith('--', at)) return list;
    if (!text.startsWith('\r\n', at)) throw bad('a boundary is not followed by a line break');
    if (list.length >= 2 * kPartsMax) throw bad(`it has more than ${kPartsMax} parts`);
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0 || headEnd - at > kPartHeadMax) throw bad('the headers of a part do not end');
    const head = headEnd === at ? '' : utf8(at + 2, headEnd);
    const bodyStart = headEnd + 4;
    // The body may be empty: its separator's line break is then the one that ended the headers.
    const bodyEnd = text.indexOf(separator, bodyStart - 2);
    if (bodyEnd < 0) throw bad('it does not end with its boundary');
    const { name, filename, type } = parsePartHead(head);
    const from = Math.min(bodyStart, bodyEnd);
    if (filename === null) list.push(name, utf8(from, bodyEnd));
    else list.push(name, blobs().renameFile(blobs().blobOf(bytes.slice(from, bodyEnd), blobType(type)), filename));
    at = bodyEnd + separator.length;
  }
}

const blobType = (type) => /[^\x20-\x7e]/.test(type) ? '' : type.toLowerCase();

const parseFormData = (contentType, bytes) => {
  const type = `${contentType ?? ''}`;
  const semicolon = type.indexOf(';');
  const essence = (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase();
  if (essence === 'application/x-www-form-urlencoded') {
    return internal.formDataOf(internal.parseQuery(native.utf8Decode(bytes, kKeepBom)));
  }
  if (essence !== 'multipart/form-data') {
    throw new TypeError(`formData: the content type is ${essence === '' ? 'missing' : `'${essence}'`}, not multipart/form-data or ` +
      'application/x-www-form-urlencoded.');
  }
  const boundary = (semicolon < 0 ? null : parseParameters(type.slice(semicolon)))?.get('boundary');
  // RFC 2046 5.1.1.
  if (boundary === undefined || !/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary)) {
    throw bad('its content type has no valid boundary');
  }
  return internal.formDataOf(parseMultipart(boundary, bytes));
};

return { FormData, parseFormData };
