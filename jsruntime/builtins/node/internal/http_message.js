// What node:http's messages share: a header that is set piece by piece, the message that comes in, and what stands for a socket.
const EventEmitter = require('events');
const { Readable } = require('stream');
const { Buffer } = require('buffer');

const failure = (Kind, message, code) => Object.assign(new Kind(message), { code });

// RFC 9110 5.6.2 and 5.5.
const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kNoValue = /[^\t\x20-\x7e\x80-\xff]/;
function validateHeaderName(name, label = 'Header name') {
  if (typeof name !== 'string' || !kToken.test(name)) throw failure(TypeError, `${label} must be a valid HTTP token ["${name}"]`, 'ERR_INVALID_HTTP_TOKEN');
}
function validateHeaderValue(name, value) {
  if (value === undefined) throw failure(TypeError, `Invalid value "undefined" for header "${name}"`, 'ERR_HTTP_INVALID_HEADER_VALUE');
  if (kNoValue.test(`${value}`)) throw failure(TypeError, `Invalid character in header content ["${name}"]`, 'ERR_INVALID_CHAR');
}

// What a message's prototype has for its header. `this[kFields]`: lower-case name -> [name, value or values].
const kFields = Symbol('fields');
const needOpen = (message, what) => {
  if (message.headersSent) throw failure(Error, `Cannot ${what} headers after they are sent to the client`, 'ERR_HTTP_HEADERS_SENT');
};
const headerMethods = {
  setHeader(name, value) {
    needOpen(this, 'set');
    validateHeaderName(name);
    for (const each of Array.isArray(value) ? value : [value]) validateHeaderValue(name, each);
    this[kFields].set(name.toLowerCase(), [name, value]);
    return this;
  },
  appendHeader(name, value) {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [before, value].flat());
  },
  setHeaders(headers) {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  },
  getHeader(name) { return this[kFields].get(`${name}`.toLowerCase())?.[1]; },
  hasHeader(name) { return this[kFields].has(`${name}`.toLowerCase()); },
  removeHeader(name) {
    needOpen(this, 'remove');
    this[kFields].delete(`${name}`.toLowerCase());
  },
  getHeaderNames() { return [...this[kFields].keys()]; },
  getRawHeaderNames() { return [...this[kFields].values()].map(([name]) => name); },
  getHeaders() {
    const all = { __proto__: null };
    for (const [key, [, value]] of this[kFields]) all[key] = value;
    return all;
  },
};

// [name, value] for each line of it; without what is the connection's.
const kConnections = new Set(['connection', 'keep-alive', 'transfer-encoding', 'proxy-connection', 'te', 'upgrade', 'expect']);
function* linesOf(message) {
  for (const [key, [name, value]] of message[kFields]) {
    if (kConnections.has(key)) continue;
    for (const each of Array.isArray(value) ? value : [value]) yield [name, `${each}`];
  }
}

// Stands where code looks for the connection of a message: it is always there, and carries nothing. `peerOf` gives the address of who sent
// the message as { hostname, port }, or null; it is asked once, when somebody wants to know. Whose it is tells when something passes (touch_)
// and when the message is over (rest_); `onSilence` is called when nothing has passed for the time that somebody has set.
function PeerSocket(peerOf, onSilence) {
  EventEmitter.call(this);
  this[kPeerOf] = peerOf;
  this[kOnSilence] = onSilence;
  this[kSilence] = undefined;
  this.encrypted = false;
  this.readable = this.writable = true;
  this.destroyed = false;
}
Object.setPrototypeOf(PeerSocket.prototype, EventEmitter.prototype);
const kPeerOf = Symbol('peerOf');
const kOnSilence = Symbol('onSilence');
const kSilence = Symbol('silence');  // the timer
const kPeer = Symbol('peer');
const kUnknown = { hostname: undefined, port: undefined };

function peer(socket) {
  socket[kPeer] ??= socket[kPeerOf]?.() ?? kUnknown;
  return socket[kPeer];
}

Object.defineProperties(PeerSocket.prototype, {
  remoteAddress: { get() { return peer(this).hostname; }, configurable: true, enumerable: true },
  remotePort: { get() { return peer(this).port; }, configurable: true, enumerable: true },
  remoteFamily: { get() { return peer(this).hostname && (peer(this).hostname.includes(':') ? 'IPv6' : 'IPv4'); }, configurable: true, enumerable: true },
});
Object.assign(PeerSocket.prototype, {
  localAddress: '127.0.0.1',
  localPort: 0,
  connecting: false,
  bytesRead: 0,
  bytesWritten: 0,
  timeout: 0,
  writableLength: 0,
  writableHighWaterMark: 65536,
  setTimeout(time, callback) {
    this.timeout = Number(time) || 0;
    if (callback !== undefined) {
      if (this.timeout > 0) this.once('timeout', callback);
      else this.off('timeout', callback);
    }
    this.rest_();
    if (this.timeout > 0 && !this.destroyed) {
      this[kSilence] = setTimeout(() => {
        this[kSilence] = undefined;
        this.emit('timeout');
        this[kOnSilence]?.();
      }, this.timeout);
    }
    return this;
  },
  touch_() {
    if (this[kSilence] !== undefined) this.setTimeout(this.timeout);
  },
  rest_() {
    if (this[kSilence] !== undefined) clearTimeout(this[kSilence]);
    this[kSilence] = undefined;
  },
  setNoDelay() { return this; },
  setKeepAlive() { return this; },
  ref() { return this; },
  unref() { return this; },
  cork() {},
  uncork() {},
  pause() { return this; },
  resume() { return this; },
  address() { return { address: this.localAddress, family: 'IPv4', port: 0 }; },
  end() { return this; },
  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.readable = this.writable = false;
    this.rest_();
    this.emit('destroyed', error);  // to the message that it belongs to
    queueMicrotask(() => this.emit('close', error !== undefined));
    return this;
  },
  destroySoon() { this.destroy(); },
});

// Node's rules for a field that comes more than once: these keep their first value.
const kFirstOnly = new Set(['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
                            'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after',
                            'server', 'user-agent']);

// A request to a server, or the response to a client. fill() and from() are for the two that make them; the rest is Node's.
const kReader = Symbol('reader');
const kOpen = Symbol('open');
function IncomingMessage(socket) {
  Readable.call(this, { autoDestroy: true, highWaterMark: 65536 });
  this.httpVersion = '1.1';
  this.httpVersionMajor = this.httpVersionMinor = 1;
  this.complete = this.aborted = this.upgrade = false;
  this.headers = {};
  this.rawHeaders = [];
  this.trailers = {};
  this.rawTrailers = [];
  this.url = '';
  this.method = this.statusCode = this.statusMessage = null;
  this.socket = socket;
  this[kReader] = this[kOpen] = null;
}
Object.setPrototypeOf(IncomingMessage.prototype, Readable.prototype);
Object.setPrototypeOf(IncomingMessage, Readable);
Object.defineProperty(IncomingMessage.prototype, 'connection', {
  get() { return this.socket; },
  set(socket) { this.socket = socket; },
  configurable: true,
});
Object.defineProperty(IncomingMessage.prototype, 'headersDistinct', {
  get() {
    const all = { __proto__: null };
    for (let i = 0; i < this.rawHeaders.length; i += 2) (all[this.rawHeaders[i].toLowerCase()] ??= []).push(this.rawHeaders[i + 1]);
    return all;
  },
  configurable: true,
});
Object.assign(IncomingMessage.prototype, {
  // The fields of a Headers object, without those named.
  fill(headers, without = []) {
    for (const [name, value] of headers) {
      if (without.includes(name)) continue;
      this.rawHeaders.push(name, value);
      if (name === 'set-cookie') (this.headers[name] ??= []).push(value);
      else if (this.headers[name] === undefined) this.headers[name] = value;
      else if (!kFirstOnly.has(name)) this.headers[name] += `${name === 'cookie' ? '; ' : ', '}${value}`;
    }
    return this;
  },
  // Where the body is from: `open()` gives, or promises, a reader of the web's, whole bytes, or null; asked when somebody reads.
  from(open) {
    this[kOpen] = open;
    return this;
  },
  _read() {
    if (this[kOpen] === null) {
      if (this[kReader] === null) this.end_();
      else this.next_();
      return;
    }
    const open = this[kOpen];
    this[kOpen] = null;
    Promise.resolve().then(open).then((source) => {
      if (source === null || source.byteLength === 0) return this.end_();
      if (source.byteLength !== undefined) {
        this.push(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
        return this.end_();
      }
      this[kReader] = source;
      return this.next_();
    }).catch((error) => this.fail_(error));
  },
  next_() {
    this[kReader].read().then(({ value, done }) => {
      if (done) return this.end_();
      this.emit('piece');  // somebody may be measuring silence
      this.socket?.touch_?.();
      this.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    }).catch((error) => this.fail_(error));
  },
  end_() {
    this.complete = true;
    this.push(null);
  },
  fail_(error) {
    this.aborted = true;
    this.emit('aborted');
    this.destroy(Object.assign(error, { code: 'ECONNRESET' }));
  },
  _destroy(error, done) {
    const reader = this[kReader];
    if (reader !== null && !this.complete) reader.cancel(error ?? undefined).catch(() => {});
    done(error);
  },
  setTimeout(time, callback) {
    if (callback !== undefined) this.on('timeout', callback);
    this.socket?.setTimeout(time);
    return this;
  },
  _dump() { this.resume(); },
});

module.exports = { failure, validateHeaderName, validateHeaderValue, kFields, headerMethods, linesOf, PeerSocket, IncomingMessage };
