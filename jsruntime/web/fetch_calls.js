// Lazy: what fetch() does, as the Fetch standard has it, for a server: no origin, no cookies, no cache. The requests are made by a process of
// the worker (worker/egress); redirects, decompression and the policy of addresses are its business. Here are the objects, the bodies and the
// ends. Returns
//
//   start(request, { resolve, reject })

const kWindow = 256 * 1024;    // kFetchWindowBytes of jsruntime/fetch.h: what may be sent before the first credit
const kGatherMax = 32 << 20;   // of a response that is read whole
const kWholeMax = 64 * 1024;   // kFetchWholeBodyBytesMax
const kRedirects = { follow: 0, error: 1, manual: 2 };
const kNone = 0, kWhole = 1, kRewindable = 2, kStream = 3;
const kNullBody = [204, 205, 304];

function failure(code, message) {
  const error = new TypeError(`fetch failed: ${message}`);
  error.code = code;
  return error;
}

// One request under way.
class Call {
  id = 0;
  settle = null;      // { resolve, reject } of the promise, until the head is there
  controller = null;  // of the response's body
  wake = null;        // { resolve, reject } of who waits for a piece of it
  error = null;       // what it ended with
  upload = null;      // the request's body, while it is sent
  unwatch = () => {}; // takes the abort steps back

  constructor(method) { this.method = method; }

  onError(code, message) { this.fail(failure(code, message)); }

  // The end of everything, with an error.
  fail(error) {
    if (this.error !== null) return;
    this.error = error;
    this.over();
    this.upload?.stop(error);
    const { settle, wake } = this;
    this.settle = null;
    if (settle !== null) settle.reject(error);
    if (wake !== null) {
      this.wake = null;
      wake.reject(error);
    } else if (this.controller !== null) {
      try {
        this.controller.error(error);
      } catch {
        // It has come to its end.
      }
    }
  }

  over() {
    internal.endCall(this);
    this.unwatch();
  }

  onReadable() {
    const { wake } = this;
    this.wake = null;
    if (wake !== null) wake.resolve();
  }
  onWritable(bytes) { this.upload?.onWritable(this.id, bytes); }
  onRewind() { this.upload?.onRewind(this.id); }

  onHead(event) {
    const [, status, statusText, url, redirected, ...headers] = event;
    const hasBody = this.method !== 'HEAD' && !kNullBody.includes(status);
    if (!hasBody) this.over();
    const answer = (source) => {
      this.settle.resolve(internal.fetchedResponse({ status, statusText, headers, url, redirected, source }));
      this.settle = null;
    };
    if (!hasBody) answer(null);
    else if (internal.isStreamSource !== undefined) answer(this.body());
    else this.gather().then(answer, (error) => this.fail(error));
  }

  async gather() {
    const pieces = [];
    let size = 0;
    for (let piece; (piece = await this.next()) !== null;) {
      pieces.push(piece);
      size += piece.byteLength;
      if (size > kGatherMax) {
        native.fetchCancel(this.id);
        throw failure('limit', `the response is larger than ${kGatherMax >> 20} MiB`);
      }
    }
    this.over();
    const all = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.byteLength;
    }
    return all;
  }

  body() {
    return new (internal.lazy('streams.js').ReadableStream)({
      type: 'bytes',
      start: (controller) => { this.controller = controller; },
      pull: (controller) => this.pull(controller),
      cancel: () => {
        native.fetchCancel(this.id);
        this.upload?.stop(undefined);
        this.over();
      },
    }, { highWaterMark: 0 });
  }

  // The next piece, or null at the end.
  async next() {
    for (;;) {
      if (this.error !== null) throw this.error;
      const piece = native.fetchRead(this.id);
      if (piece !== undefined) return piece;
      await new Promise((resolve, reject) => { this.wake = { resolve, reject }; });
    }
  }

  async pull(controller) {
    const piece = await this.next();
    if (piece !== null) {
      controller.enqueue(piece);
      return;
    }
    this.over();
    controller.close();
    controller.byobRequest?.respond(0);
  }
}

// A body that is all there: sent as fast as there is credit for it, and again where a redirect asks for it.
class BytesUpload {
  #at = 0;
  #credit = kWindow;
  #bytes;
  constructor(bytes) { this.#bytes = bytes; }

  start(id) {
    const size = this.#bytes.byteLength;
    const to = Math.min(size, this.#at + this.#credit);
    if (to > this.#at) {
      if (!native.fetchSend(id, this.#bytes, this.#at, to)) return;
      this.#credit -= to - this.#at;
      this.#at = to;
      if (to === size) native.fetchFinish(id);
    }
  }
  onWritable(id, bytes) {
    this.#credit += bytes;
    this.start(id);
  }
  onRewind(id) {
    this.#at = 0;
    this.#credit = kWindow;
    native.fetchRewound(id);
    this.start(id);
  }
  stop() {}
}

// A body that comes out of a stream, once; the stream is read while there is credit.
class StreamUpload {
  #credit = kWindow;
  #reader;
  #wake = null;
  #stopped = false;
  #onError;
  constructor(stream, onError) {
    this.#reader = stream.getReader();
    this.#onError = onError;
  }

  async start(id) {
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (this.#stopped) return;
        if (done) break;
        if (!ArrayBuffer.isView(value) || value[Symbol.toStringTag] !== 'Uint8Array') {
          throw new TypeError('fetch: the stream of a body must give Uint8Arrays; encode text with pipeThrough(new TextEncoderStream())');
        }
        for (let at = 0; at < value.byteLength;) {
          while (this.#credit === 0) {
            await new Promise((resolve) => { this.#wake = resolve; });
            if (this.#stopped) return;
          }
          const to = Math.min(value.byteLength, at + this.#credit);
          if (!native.fetchSend(id, value, at, to)) return;
          this.#credit -= to - at;
          at = to;
        }
      }
      native.fetchFinish(id);
    } catch (error) {
      if (this.#stopped) return;
      this.#reader.cancel(error).catch(() => {});
      this.#onError(error);
    }
  }
  onWritable(id, bytes) {
    this.#credit += bytes;
    const wake = this.#wake;
    this.#wake = null;
    if (wake !== null) wake();
  }
  onRewind() {}  // the other side does not ask a stream again
  stop(reason) {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#wake !== null) this.#wake();
    this.#reader.cancel(reason).catch(() => {});
  }
}

function send(request, settle) {
  const { method, url, headers, source, redirect } = internal.takeRequest(request);
  const signal = internal.requestSignal(request);
  const call = new Call(method);
  call.settle = settle;
  let kind = kNone;
  let bytes = null;
  if (source !== null) {
    if (internal.isStreamSource?.(source)) {
      kind = kStream;
      call.upload = new StreamUpload(source, (error) => {
        native.fetchCancel(call.id);
        call.fail(error);
      });
    } else {
      bytes = typeof source === 'string' ? native.bodyEncode(source) : source;
      kind = bytes.byteLength <= kWholeMax ? kWhole : kRewindable;
      if (kind === kRewindable) call.upload = new BytesUpload(bytes);
    }
  }
  const refused = internal.startCall(call, [method, url, headers, kRedirects[redirect], kind, bytes === null ? 0 : bytes.byteLength, bytes]);
  if (refused !== null) return call.onError(...refused);
  const { id } = call;
  if (signal !== null) {
    call.unwatch = internal.onAbort(signal, () => {
      native.fetchCancel(id);
      call.fail(signal.reason);
    });
  }
  if (call.upload !== null) call.upload.start(id);
}

// --- data: URLs (Fetch standard 6) ---

function percentDecode(text) {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '%' ? text.slice(i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      out += String.fromCharCode(parseInt(hex, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

function dataResponse(url) {
  const text = url.slice('data:'.length).replace(/#.*$/s, '');
  const comma = text.indexOf(',');
  if (comma < 0) throw failure('protocol', 'the data: URL has no comma');
  let type = text.slice(0, comma).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '');
  let body = percentDecode(text.slice(comma + 1));
  const base64 = /; *base64$/i;
  if (base64.test(type)) {
    body = native.base64Decode(body);
    if (body === undefined) throw failure('protocol', 'the data: URL is not base64');
    type = type.replace(base64, '');
  }
  if (type.startsWith(';')) type = `text/plain${type}`;
  type = internal.lazy('mime.js').parseMime(type) || 'text/plain;charset=US-ASCII';
  const source = new Uint8Array(body.length);
  for (let i = 0; i < body.length; i++) source[i] = body.charCodeAt(i);
  return internal.fetchedResponse({ status: 200, statusText: 'OK', headers: ['content-type', type], source, url, redirected: false });
}

// --- blob: URLs (Fetch standard 4.2, "scheme fetch") ---

// A single range of bytes, [from, to), of `size`; null where the field is not one.
function rangeOf(field, size) {
  const match = /^bytes=[\t ]*(\d*)[\t ]*-[\t ]*(\d*)$/.exec(field);
  if (match === null || match[1] === '' && match[2] === '') return null;
  if (match[1] === '') return [Math.max(0, size - Number(match[2])), size];
  const from = Number(match[1]);
  const to = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  return from < to ? [from, to] : null;
}

function blobResponse(request) {
  const blob = internal.requestBlob(request);
  if (blob === undefined) throw failure('protocol', `${request.url} stands for no Blob: it was revoked, or made by another isolate`);
  if (request.method !== 'GET') throw failure('protocol', 'a blob: URL can be fetched by GET only');
  const bytes = internal.blobBytes(blob);
  const field = request.headers.get('range');
  const range = field === null ? [0, bytes.length] : rangeOf(field, bytes.length);
  if (range === null) throw failure('protocol', `the range ${field} is not one of the Blob`);
  const source = bytes.slice(...range);
  const headers = ['content-length', `${source.length}`, 'content-type', blob.type];
  if (field !== null) headers.push('content-range', `bytes ${range[0]}-${range[1] - 1}/${bytes.length}`);
  const [status, statusText] = field === null ? [200, 'OK'] : [206, 'Partial Content'];
  return internal.fetchedResponse({ status, statusText, headers, source, url: request.url, redirected: false });
}

// --- fetch ---

function start(request, settle) {
  const signal = internal.requestSignal(request);
  if (signal !== null && signal.aborted) throw signal.reason;
  const scheme = request.url.slice(0, request.url.indexOf(':'));
  switch (scheme) {
    case 'http': case 'https': return send(request, settle);
    case 'data': return settle.resolve(dataResponse(request.url));
    case 'blob': return settle.resolve(blobResponse(request));
    default: throw failure('protocol', `${scheme}: is not a scheme that can be fetched; use http, https, data or blob`);
  }
}

return { start };
