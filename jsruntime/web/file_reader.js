// FileReader, FileReaderSync (File API 6) and the events it fires (XMLHttpRequest 6, ProgressEvent). Lazy.
//
// A Blob's bytes are in memory: reading one is as many tasks as the standard has events, and no work.

const kEmpty = 0, kLoading = 1, kDone = 2;

class ProgressEvent extends internal.Event {
  #init;
  constructor(type, init = undefined) {
    internal.required(arguments.length, 1, 'ProgressEvent constructor');
    super(type, init);
    const { lengthComputable = false, loaded = 0, total = 0 } = init ?? {};
    this.#init = { lengthComputable: !!lengthComputable, loaded: Number(loaded), total: Number(total) };
  }
  get lengthComputable() { return this.#init.lengthComputable; }
  get loaded() { return this.#init.loaded; }
  get total() { return this.#init.total; }
}
internal.shapeInterface(ProgressEvent);

function latin1(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

// "Package data" for readAsText: a byte order mark, else the label given, else the type's charset, else UTF-8.
function textOf(bytes, label, type) {
  const candidates = [label, /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1]];
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) candidates.unshift('utf-8');
  else if (bytes[0] === 0xfe && bytes[1] === 0xff) candidates.unshift('utf-16be');
  else if (bytes[0] === 0xff && bytes[1] === 0xfe) candidates.unshift('utf-16le');
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    try {
      return new internal.TextDecoder(candidate).decode(bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;  // no label of an encoding: the next one
    }
  }
  return new internal.TextDecoder().decode(bytes);
}

const packages = {
  readAsArrayBuffer: (bytes) => bytes.slice().buffer,
  readAsBinaryString: latin1,
  readAsText: (bytes, type, label) => textOf(bytes, label, type),
  readAsDataURL: (bytes, type) => `data:${type === '' ? 'application/octet-stream' : type};base64,${native.base64Encode(latin1(bytes))}`,
};

class FileReader extends internal.EventTarget {
  #state = kEmpty;
  #result = null;
  #error = null;
  #reading = 0;  // counts reads: the tasks of one that was aborted find another number

  get readyState() { return this.#state; }
  get result() { return this.#result; }
  get error() { return this.#error; }

  readAsArrayBuffer(blob) { this.#read('readAsArrayBuffer', arguments.length, blob); }
  readAsBinaryString(blob) { this.#read('readAsBinaryString', arguments.length, blob); }
  readAsText(blob, encoding = undefined) { this.#read('readAsText', arguments.length, blob, encoding === undefined ? undefined : `${encoding}`); }
  readAsDataURL(blob) { this.#read('readAsDataURL', arguments.length, blob); }

  abort() {
    this.#result = null;
    if (this.#state !== kLoading) return;
    ++this.#reading;
    this.#state = kDone;
    this.#fire('abort', 0, 0);
    if (this.#state !== kLoading) this.#fire('loadend', 0, 0);
  }

  #read(how, given, blob, label = undefined) {
    internal.required(given, 1, `FileReader.${how}`);
    if (!internal.isBlob(blob)) throw new TypeError(`FileReader.${how}: the argument is not a Blob.`);
    if (this.#state === kLoading) throw internal.domException(`FileReader.${how}: it is reading already.`, 'InvalidStateError');
    this.#state = kLoading;
    this.#result = null;
    this.#error = null;
    const reading = ++this.#reading;
    const task = (run) => internal.queueTask(() => { if (this.#reading === reading) run(); });
    const bytes = internal.blobBytes(blob);
    task(() => this.#fire('loadstart', 0, bytes.length));
    if (bytes.length > 0) task(() => this.#fire('progress', bytes.length, bytes.length));
    task(() => {
      this.#state = kDone;
      try {
        this.#result = packages[how](bytes, blob.type, label);
        this.#fire('load', bytes.length, bytes.length);
      } catch (error) {
        this.#error = internal.domException(`FileReader.${how}: ${error.message}`, 'NotReadableError');
        this.#fire('error', 0, bytes.length);
      }
      // A task of its own: between two listeners of one task no promise goes on, as it would in a browser.
      task(() => this.#fire('loadend', bytes.length, bytes.length));
    });
  }

  #fire(type, loaded, total) { internal.fire(this, new ProgressEvent(type, { lengthComputable: true, loaded, total })); }
}
for (const [name, value] of [['EMPTY', kEmpty], ['LOADING', kLoading], ['DONE', kDone]]) {
  for (const object of [FileReader, FileReader.prototype]) Object.defineProperty(object, name, { value, enumerable: true });
}
for (const type of ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend']) internal.defineHandler(FileReader, type);
internal.shapeInterface(FileReader);

// The same, at once (File API 6.4).
class FileReaderSync {
  #brand = true;
  readAsArrayBuffer(blob) { return this.#read('readAsArrayBuffer', arguments.length, blob); }
  readAsBinaryString(blob) { return this.#read('readAsBinaryString', arguments.length, blob); }
  readAsText(blob, encoding = undefined) { return this.#read('readAsText', arguments.length, blob, encoding === undefined ? undefined : `${encoding}`); }
  readAsDataURL(blob) { return this.#read('readAsDataURL', arguments.length, blob); }
  #read(how, given, blob, label = undefined) {
    internal.required(given, 1, `FileReaderSync.${how}`);
    if (!internal.isBlob(blob)) throw new TypeError(`FileReaderSync.${how}: the argument is not a Blob.`);
    return packages[how](internal.blobBytes(blob), blob.type, label);
  }
}
internal.shapeInterface(FileReaderSync);

return { FileReader, FileReaderSync, ProgressEvent };
