// Response, as the Fetch standard has it. Its body stays the value it was made from; the native side writes that to the wire.

// As in dispatch.js: no lookup in a large object for what handlers mostly ask.
const { defaultHeader, headersBlock, recycleBody, requireArguments } = internal;
const { responseHead } = native;

const kText = 'text/plain;charset=UTF-8';
const kJson = 'application/json';
const kReasonPattern = /^[\t\x20-\x7e\x80-\xff]*$/;
const kRedirects = [301, 302, 303, 307, 308];

// What a response's only header is, most of the time. Sent as a number, made into a Headers when somebody asks.
const kTypeNone = 0;
const kTypeText = 1;
const kTypeJson = 2;
const kTypeNames = [null, kText, kJson];

function isNullBodyStatus(status) {
  return status === 204 || status === 304 || status === 205 || status === 101 || status === 103;
}

// The body of a response about to be sent.
function requireSendable(source, stream) {
  if (stream !== undefined) internal.requireReadable(stream);
  else if (internal.isStreamSource(source)) internal.requireReadable(source);
}

class Response {
  #status = 200;
  #source = null;
  #type = kTypeNone;       // REQUIRES: #headers is undefined, or has the field already
  #headers = undefined;
  #stream = undefined;     // what `body` gives, once somebody has asked
  #used = false;
  #statusText = '';
  #kind = 'default';
  #origin = undefined;     // { url, redirected } of one that was fetched
  #copied = false;         // the source is bytes that nobody else has

  constructor(body = null, init = undefined) {
    if (init === undefined && typeof body === 'string') {
      this.#source = body;
      this.#type = kTypeText;
      return;
    }
    if (init !== undefined && init !== null) this.#initialize(init);
    if (body !== null && body !== undefined) this.#setBody(body);
  }

  #initialize(init) {
    if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Response: init must be an object');
    if (init.status !== undefined) {
      const status = Number(init.status) & 0xffff;
      if (status < 200 || status > 599) {
        throw new RangeError(`Response: the status ${String(init.status)} is outside 200 to 599`);
      }
      this.#status = status;
    }
    if (init.statusText !== undefined) {
      const text = String(init.statusText);
      if (!kReasonPattern.test(text)) throw new TypeError('Response: statusText is not a reason phrase');
      this.#statusText = text;
    }
    if (init.headers !== undefined) this.#headers = new internal.Headers(init.headers);
  }

  #setBody(body) {
    if (isNullBodyStatus(this.#status)) throw new TypeError(`Response: a response with status ${this.#status} cannot have a body`);
    if (typeof body === 'string') {
      this.#source = body;
      this.#defaultType(kTypeText);
      return;
    }
    const extracted = internal.extractBody(body);
    this.#source = extracted.source;
    this.#copied = extracted.copied;
    if (extracted.type !== null) defaultHeader(this.#allHeaders(), 'content-type', extracted.type);
  }

  #defaultType(type) {
    if (this.#headers === undefined) {
      this.#type = type;
    } else {
      defaultHeader(this.#headers, 'content-type', kTypeNames[type]);
    }
  }

  #allHeaders() {
    if (this.#headers === undefined) {
      this.#headers = new internal.Headers();
      if (this.#type !== kTypeNone) defaultHeader(this.#headers, 'content-type', kTypeNames[this.#type]);
    }
    return this.#headers;
  }

  static error() {
    const response = new Response();
    response.#status = 0;
    response.#kind = 'error';
    internal.sealHeaders(response.#allHeaders());
    return response;
  }

  static redirect(url, status = 302) {
    requireArguments(arguments.length, 1, 'Response.redirect');
    let location = String(url);
    try {
      location = new internal.URL(location).href;
    } catch {
      throw new TypeError(`Response.redirect: ${JSON.stringify(location)} is not an absolute URL; ` +
                          'for a relative one use new Response(null, { status: 302, headers: { location } })');
    }
    const code = Number(status) & 0xffff;
    if (!kRedirects.includes(code)) throw new RangeError(`Response.redirect: ${String(status)} is not a redirect status`);
    const response = new Response(null, { headers: { location } });
    response.#status = code;
    internal.sealHeaders(response.#headers);
    return response;
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, 'Response.json');
    if (data instanceof Promise) internal.warnOnce('Response.json() got a promise, whose JSON is {}: is an await missing?');
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Response.json: the value has no JSON form');
    const response = new Response(null, init);
    if (isNullBodyStatus(response.#status)) throw new TypeError(`Response: a response with status ${response.#status} cannot have a body`);
    response.#source = text;
    response.#defaultType(kTypeJson);
    return response;
  }

  get status() { return this.#status; }
  get ok() { return this.#status >= 200 && this.#status <= 299; }
  get statusText() { return this.#statusText; }
  get type() { return this.#kind; }
  get url() { return this.#origin === undefined ? '' : this.#origin.url; }
  get redirected() { return this.#origin !== undefined && this.#origin.redirected; }
  get headers() { return this.#allHeaders(); }
  get bodyUsed() {
    if (this.#used) return true;
    const stream = this.#stream ?? this.#source;
    return internal.isStreamSource(stream) && internal.isDisturbed(stream);
  }
  get body() {
    if (this.#source === null) return null;
    if (this.#stream === undefined) {
      this.#stream = internal.isStreamSource(this.#source) ? this.#source : this.#used ? internal.spentStream() : internal.streamOf(this.#source);
    }
    return this.#stream;
  }

  // The source, for whoever reads all of it. REQUIRES: not null.
  #take() {
    if (this.#used) throw internal.bodyUsedError();
    if (this.#stream !== undefined) internal.requireReadable(this.#stream);
    this.#used = true;
    if (this.#stream !== undefined && this.#stream !== this.#source) internal.spend(this.#stream);
    return this.#source;
  }

  clone() {
    if (this.#used) throw internal.bodyUsedError();
    if (this.#stream !== undefined) internal.requireReadable(this.#stream);
    if (internal.isStreamSource(this.#source)) return this.#cloneOf(this.#tee());
    return this.#cloneOf(this.#source);
  }

  // One branch is this response's body from here on, the other is returned.
  #tee() {
    internal.requireReadable(this.#source);
    const [mine, other] = internal.teeStream(this.#source);
    this.#source = mine;
    this.#stream = mine;
    return other;
  }

  #cloneOf(source) {
    const copy = new Response();
    this.#copied = false;
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#kind = this.#kind;
    copy.#origin = this.#origin;
    copy.#source = source;
    copy.#type = this.#type;
    if (this.#headers !== undefined) copy.#headers = new internal.Headers(this.#headers);
    return copy;
  }

  static {
    internal.mixinBody(this.prototype, (response, kind) => {
      return internal.takeSource(response.#source !== null ? response.#take() : null, kind);
    }, (response) => response.headers.get('content-type') ?? '');

    // What fetch() gives: headers as internal.listHeaders has them, source as internal.extractBody gives it.
    internal.fetchedResponse = ({ status, statusText, headers, source, url, redirected }, type = 'basic') => {
      const response = new Response();
      response.#status = status;
      response.#statusText = statusText;
      response.#headers = internal.sealHeaders(internal.listHeaders(headers));
      response.#source = source;
      response.#kind = type;
      response.#origin = { url, redirected };
      return response;
    };
    // What fetchedResponse() makes the same of. The body counts as read; nobody else reads or writes the source.
    internal.takeResponse = (response) => ({
      status: response.#status, statusText: response.#statusText, headers: [...internal.headersList(response.#allHeaders())],
      source: response.#source === null ? null : response.#take(), url: response.url, redirected: response.redirected, type: response.#kind,
    });
    internal.isResponse = (value) => typeof value === 'object' && value !== null && #source in value;

    // Leaves status and content type in `block`, the other headers with the native side, and returns the body. The body
    // counts as read: a response is sent once.
    internal.unpackResponse = (value, block) => {
      if (typeof value !== 'object' || value === null || !(#source in value)) return undefined;
      if (value.#used) throw new TypeError('The response was already sent or its body read: return a new Response or response.clone()');
      if (value.#status === 0) throw new TypeError('Response.error() cannot be sent: return a Response with a status, e.g. 502');
      const source = value.#source;
      if (source !== null) {
        if (typeof source !== 'string') requireSendable(source, value.#stream);
        value.#used = true;
        if (value.#copied) recycleBody(source);
      }
      block[0] = value.#status;
      if (value.#headers === undefined) {
        block[1] = value.#type;
      } else {
        block[1] = 3;
        responseHead(headersBlock(value.#headers));
      }
      return source;
    };
  }
}

internal.Response = Response;
internal.exposeInterface(Response);
