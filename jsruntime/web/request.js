// Request, as the Fetch standard has it. One made for an incoming request holds its serial number; method, url, headers and body
// are asked of the native side at first use.

const kMethodPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kNormalized = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const kForbidden = ['CONNECT', 'TRACE', 'TRACK'];
const kSafeMethods = ['GET', 'HEAD', 'POST'];
// As in dispatch.js: no lookup in a large object for what handlers mostly ask.
const { incomingHeaders } = internal;
const { requestHasBody, requestMethod, requestUrl } = native;
const kIncoming = {};  // never leaves this file

const kModes = {
  redirect: ['follow', 'error', 'manual'],
  credentials: ['omit', 'same-origin', 'include'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  mode: ['same-origin', 'no-cors', 'cors', 'navigate'],
  referrerPolicy: ['', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin', 'origin-when-cross-origin',
    'strict-origin-when-cross-origin', 'unsafe-url'],
  priority: ['high', 'low', 'auto'],
  duplex: ['half'],
};
const kModeNames = Object.keys(kModes);

function toMethod(value) {
  const method = String(value);
  if (!kMethodPattern.test(method)) throw new TypeError(`Request: ${JSON.stringify(method)} is not an HTTP method`);
  const upper = method.toUpperCase();
  if (kForbidden.includes(upper)) throw new TypeError(`Request: the method ${method} is not allowed`);
  return kNormalized.includes(upper) ? upper : method;
}

function toUrl(value) {
  const text = String(value);
  let url;
  try {
    url = new internal.URL(text);
  } catch {
    throw new TypeError(`Request: ${JSON.stringify(text)} is not an absolute URL; there is no page to resolve it against`);
  }
  if (url.username !== '' || url.password !== '') throw new TypeError('Request: a URL with user name or password is not allowed');
  return url.href;
}

// '' stands for none.
function toReferrer(value) {
  const text = String(value);
  if (text === '') return '';
  const href = internal.URL.parse(text)?.href;
  if (href === undefined) throw new TypeError(`Request: ${JSON.stringify(text)} is not an absolute URL, as a referrer is`);
  return href;
}

function toOneOf(name, value) {
  const text = String(value);
  if (!kModes[name].includes(text)) throw new TypeError(`Request: ${JSON.stringify(text)} is not a value of ${name}`);
  return text;
}

class Request {
  #serial;          // of the incoming request; 0: made by a function
  #method = undefined;
  #url = undefined;
  #headers = undefined;
  #source = undefined;  // undefined: still with the native side, under #serial
  #stream = undefined;  // what `body` gives, once somebody has asked
  #used = false;
  #more = undefined;    // what few ask for: redirect, signal, ...

  constructor(input, init = undefined) {
    if (input === kIncoming) {
      this.#serial = init;
      return;
    }
    this.#serial = 0;
    internal.requireArguments(arguments.length, 1, 'Request');
    this.#construct(input, init === undefined || init === null ? {} : init);
  }

  #construct(input, init) {
    if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Request: init must be an object');
    const from = typeof input === 'object' && input !== null && #serial in input ? input : null;
    this.#url = from !== null ? from.url : toUrl(input);
    this.#method = init.method !== undefined ? toMethod(init.method) : from !== null ? from.method : 'GET';
    this.#headers = new internal.Headers(init.headers !== undefined ? init.headers : from !== null ? from.headers : undefined);
    this.#more = { ...(from !== null ? from.#extras() : {}) };
    this.#takeModes(init);
    // Asked when the URL is: what is revoked later is still fetched.
    if (from === null && this.#url.startsWith('blob:')) this.#more.blob = internal.blobOfUrl(this.#url);
    if (init.referrer !== undefined) this.#more.referrer = toReferrer(init.referrer);
    if (init.integrity !== undefined) this.#more.integrity = String(init.integrity);
    if (init.keepalive !== undefined) this.#more.keepalive = Boolean(init.keepalive);
    if (init.signal !== undefined) {
      if (init.signal !== null && !internal.isAbortSignal(init.signal)) {
        throw new TypeError('Request: signal must be an AbortSignal');
      }
      this.#more.signal = init.signal;
    }
    this.#takeBody(from, init);
  }

  #takeModes(init) {
    const more = this.#more;
    for (const name of kModeNames) {
      if (init[name] !== undefined) more[name] = toOneOf(name, init[name]);
    }
    if (init.window !== undefined && init.window !== null) throw new TypeError('Request: window can only be null');
    if (init.mode !== undefined && more.mode === 'navigate') throw new TypeError('Request: the mode navigate is for browsers only');
    if (more.cache === 'only-if-cached' && more.mode !== 'same-origin') {
      throw new TypeError('Request: the cache mode only-if-cached needs the mode same-origin');
    }
    if (more.mode === 'no-cors') this.#restrict();
  }

  #restrict() {
    if (!kSafeMethods.includes(this.#method)) throw new TypeError(`Request: a request of mode no-cors is a GET, HEAD or POST, not a ${this.#method}`);
    internal.restrictHeaders(this.#headers);
  }

  #takeBody(from, init) {
    const given = init.body !== undefined && init.body !== null;
    const inherits = !given && init.body === undefined && from !== null && from.#hasBody();
    if ((given || inherits) && (this.#method === 'GET' || this.#method === 'HEAD')) {
      throw new TypeError(`Request: a ${this.#method} request cannot have a body`);
    }
    this.#source = null;
    if (given) {
      const body = internal.extractBody(init.body);
      this.#source = body.source;
      if (internal.isStreamSource(body.source)) this.#checkStreaming(init);
      if (body.type !== null) internal.defaultHeader(this.#headers, 'content-type', body.type);
    } else if (inherits) {
      this.#source = from.#hand();
      from.#used = true;
    }
  }

  #checkStreaming(init) {
    if (init.duplex === undefined) throw new TypeError("Request: a body that is a stream needs the option duplex: 'half'");
    if (this.#more.keepalive) throw new TypeError('Request: keepalive does not go with a body that is a stream');
  }

  #extras() {
    return this.#more === undefined ? {} : this.#more;
  }

  #hasBody() {
    return this.#source === undefined ? requestHasBody(this.#serial) : this.#source !== null;
  }

  // Whether the body is with the native side and has not arrived whole.
  #arriving() {
    return this.#source === undefined && native.bodyStreams(this.#serial);
  }

  // The body as the native side or the constructor has it, without marking it as read. What arrives in pieces is a stream from here on.
  #hand() {
    if (this.#used) throw internal.bodyUsedError();
    if (this.#stream !== undefined) internal.requireReadable(this.#stream);
    if (this.#source === undefined) {
      if (!requestHasBody(this.#serial)) this.#source = null;
      else if (native.bodyStreams(this.#serial)) this.#source = this.#stream ?? internal.incomingStream(this.#serial);
      else this.#source = native.requestBytes(this.#serial);
    }
    return this.#source;
  }

  #all(kind) {
    if (this.#used) throw internal.bodyUsedError();
    if (this.#stream !== undefined) internal.requireReadable(this.#stream);
    if (this.#source !== undefined) {
      if (this.#source !== null) this.#used = true;
      return internal.takeSource(this.#source, kind);
    }
    if (!requestHasBody(this.#serial)) return kind === 0 ? '' : new Uint8Array(0);
    this.#used = true;
    if (native.bodyStreams(this.#serial)) {
      const bytes = this.#stream !== undefined ? internal.streamBytes(this.#stream) : internal.incomingBytes(this.#serial);
      return kind === 0 ? bytes.then(native.bodyDecode) : bytes;
    }
    return kind === 0 ? native.requestText(this.#serial) : native.requestBytes(this.#serial);
  }

  get method() {
    const method = this.#method;
    if (method !== undefined) return method;
    return this.#method = requestMethod(this.#serial);
  }

  get url() {
    const url = this.#url;
    if (url !== undefined) return url;
    return this.#url = requestUrl(this.#serial);
  }

  get headers() {
    const headers = this.#headers;
    if (headers !== undefined) return headers;
    return this.#headers = incomingHeaders(this.#serial);
  }

  get bodyUsed() {
    if (this.#used) return true;
    const stream = this.#stream ?? this.#source;
    return internal.isStreamSource(stream) && internal.isDisturbed(stream);
  }
  get body() {
    if (this.#stream !== undefined) return this.#stream;
    if (!this.#hasBody()) return null;
    if (this.#used) {
      this.#stream = internal.spentStream();
    } else if (internal.isStreamSource(this.#source)) {
      this.#stream = this.#source;
    } else if (this.#source !== undefined) {
      this.#stream = internal.streamOf(this.#source);
    } else {
      this.#stream = this.#arriving() ? internal.incomingStream(this.#serial) : internal.bytesStream(native.requestBytes(this.#serial));
    }
    return this.#stream;
  }

  get signal() {
    if (this.#more === undefined) this.#more = {};
    if (this.#more.signal === undefined || this.#more.signal === null) {
      this.#more.signal = internal.newAbortSignal();
      if (this.#serial !== 0) internal.watchPeer(this.#serial, this.#more.signal);
    }
    return this.#more.signal;
  }
  get redirect() { return this.#extras().redirect ?? 'follow'; }
  get credentials() { return this.#extras().credentials ?? 'same-origin'; }
  get cache() { return this.#extras().cache ?? 'default'; }
  get mode() { return this.#extras().mode ?? 'cors'; }
  get referrer() { return this.#extras().referrer ?? 'about:client'; }
  get referrerPolicy() { return this.#extras().referrerPolicy ?? ''; }
  get integrity() { return this.#extras().integrity ?? ''; }
  get keepalive() { return this.#extras().keepalive ?? false; }
  get duplex() { return 'half'; }
  get destination() { return ''; }
  // A page's navigation makes no Request that a function sees.
  get isReloadNavigation() {
    this.#more;
    return false;
  }
  get isHistoryNavigation() {
    this.#more;
    return false;
  }

  clone() {
    if (this.#used) throw internal.bodyUsedError();
    if (this.#stream !== undefined) internal.requireReadable(this.#stream);
    if (this.#arriving() || internal.isStreamSource(this.#source)) return this.#cloneOf(this.#tee());
    return this.#cloneOf(this.#source);
  }

  // One branch is this request's body from here on, the other is returned.
  #tee() {
    const [mine, other] = internal.teeStream(this.#hand());
    this.#source = mine;
    this.#stream = mine;
    return other;
  }

  #cloneOf(source) {
    const copy = new Request(kIncoming, this.#serial);
    copy.#method = this.#method;
    copy.#url = this.#url;
    copy.#headers = this.#serial !== 0 ? this.#headers : new internal.Headers(this.#headers);
    copy.#source = source;
    copy.#more = this.#more === undefined ? undefined : { ...this.#more };
    return copy;
  }

  static {
    internal.mixinBody(this.prototype, (request, kind) => request.#all(kind), (request) => request.headers.get('content-type') ?? '');

    // Of a blob: URL: its Blob, or undefined where there was none.
    internal.requestBlob = (request) => request.#extras().blob;
    internal.requestSignal = (request) => request.#extras().signal ?? null;
    // What goes on the wire; the body counts as read.
    internal.takeRequest = (request) => {
      const source = request.#hand();
      if (source !== null) request.#used = true;
      const more = request.#extras();
      return { method: request.method, url: request.url, headers: internal.headersList(request.headers), source,
               redirect: more.redirect ?? 'follow' };
    };
    internal.incomingRequest = (serial) => new Request(kIncoming, serial);
    internal.isRequest = (value) => typeof value === 'object' && value !== null && #serial in value;
  }
}

internal.Request = Request;
internal.exposeInterface(Request);
