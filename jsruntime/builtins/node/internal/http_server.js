// node:http's servers: of a request to the function they make Node's two objects, and of what is written to the second its response. A server
// that listens is the function's handler where the module exports none (web/dispatch.js); with its fetch() it can be exported, too. Names that
// end in _, and constructors that are functions: as in http_client.js.
const EventEmitter = require('events');
const { Writable } = require('stream');
const { Buffer } = require('buffer');
const { absent } = require('zts:absent');
const { failure, kFields, headerMethods, linesOf, PeerSocket, IncomingMessage } = require('zts:http_message');

const { STATUS_CODES } = absent('http');
const kReadWholeBytes = 64 * 1024;  // a request's body up to here is read at once
const kNullBody = [204, 205, 304];  // Fetch standard, null body status

// --- the response --------------------------------------------------------------------------------------------------------------------

const kState = Symbol('state');
const kSent = 'HTTP/1.1\r\n\r\n';  // of a head that the worker writes, its date included
// Without respond_() - of code that makes its own - what is written goes nowhere.
function ServerResponse(request, options) {
  Writable.call(this, { autoDestroy: true, highWaterMark: 65536, ...(options?.highWaterMark && { highWaterMark: options.highWaterMark }) });
  this[kFields] = new Map();
  this[kState] = { respond: null, whole: undefined, controller: null, wake: null, written: false };
  this.statusCode = 200;
  this.statusMessage = undefined;
  this.headersSent = this.finished = false;
  this.sendDate = true;
  this.req = request;
  this.socket = request?.socket ?? null;
  this._header = null;
  this._hasBody = request?.method !== 'HEAD';
}
Object.setPrototypeOf(ServerResponse.prototype, Writable.prototype);
Object.setPrototypeOf(ServerResponse, Writable);
Object.defineProperty(ServerResponse.prototype, 'connection', { get() { return this.socket; }, configurable: true });
Object.assign(ServerResponse.prototype, headerMethods, {
  shouldKeepAlive: true,
  chunkedEncoding: false,
  useChunkedEncodingByDefault: true,
  strictContentLength: false,
  writeHead(status, message, headers) {
    if (this.headersSent) throw failure(Error, 'Cannot write headers after they are sent to the client', 'ERR_HTTP_HEADERS_SENT');
    const code = status | 0;
    if (code < 100 || code > 999) throw failure(RangeError, `Invalid status code: ${status}`, 'ERR_HTTP_INVALID_STATUS_CODE');
    if (typeof message !== 'string') [headers, message] = [message ?? headers, undefined];
    if (Array.isArray(headers)) {
      const flat = Array.isArray(headers[0]) ? headers.flat() : headers;
      for (let i = 0; i < flat.length; i += 2) this.removeHeader(flat[i]);
      for (let i = 0; i < flat.length; i += 2) this.appendHeader(flat[i], flat[i + 1]);
    } else if (headers != null) {
      for (const name of Object.keys(headers)) this.setHeader(name, headers[name]);
    }
    this.statusCode = code;
    if (kNullBody.includes(code)) this._hasBody = false;
    this.statusMessage = message ?? this.statusMessage ?? STATUS_CODES[code] ?? 'unknown';
    this._header = this[kState].respond !== null ? kSent : this.text_();
    this.headersSent = true;
    return this;
  },
  // The head as it would go over the wire, for who makes a response by itself.
  text_() {
    if (this.sendDate && !this.hasHeader('date')) this[kFields].set('date', ['Date', new Date().toUTCString()]);
    let text = `HTTP/1.1 ${this.statusCode} ${this.statusMessage}\r\n`;
    for (const [name, value] of linesOf(this)) text += `${name}: ${value}\r\n`;
    return `${text}\r\n`;
  },
  _implicitHeader() { this.writeHead(this.statusCode); },
  flushHeaders() {
    if (!this.headersSent) this._implicitHeader();
    this.open_();
  },
  writeContinue(callback) { callback?.(); },
  writeProcessing(callback) { callback?.(); },
  writeEarlyHints(hints, callback) { callback?.(); },
  writeInformation(status, headers, callback) { callback?.(); },
  addTrailers() {},
  assignSocket(socket) { this.socket = socket; },
  detachSocket() { this.socket = null; },
  setTimeout(time, callback) {
    if (callback !== undefined) this.on('timeout', callback);
    this.socket?.setTimeout(time);
    return this;
  },

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') [chunk, callback] = [null, chunk];
    if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding];
    const state = this[kState];
    if (chunk !== null && chunk !== undefined && !this.finished) {
      if (typeof chunk !== 'string' && !ArrayBuffer.isView(chunk)) {
        throw failure(TypeError, 'The "chunk" argument must be of type string or an instance of Buffer or Uint8Array', 'ERR_INVALID_ARG_TYPE');
      }
      // All that there is: with its length, in one piece.
      if (!state.written) state.whole = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
      else this.write(chunk, encoding);
    }
    if (!this.headersSent) this._implicitHeader();
    this.finished = true;
    return Reflect.apply(Writable.prototype.end, this, callback === undefined ? [] : [callback]);
  },
  write(chunk, encoding, callback) {
    this[kState].written = true;
    return Reflect.apply(Writable.prototype.write, this, [chunk, encoding, callback]);
  },
  _write(chunk, encoding, done) {
    if (!this.headersSent) this._implicitHeader();
    const state = this[kState];
    this.open_();
    this.socket?.touch_?.();
    if (state.controller === null) return done();  // nobody wants it
    state.controller.enqueue(new Uint8Array(chunk));
    if (state.controller.desiredSize > 0) done();
    else state.wake = done;
  },
  _final(done) {
    const state = this[kState];
    if (state.controller !== null) state.controller.close();
    else this.answer_(state.whole);
    this.socket?.rest_?.();
    done();
  },
  _destroy(error, done) {
    const state = this[kState];
    const { wake } = state;
    state.wake = null;
    if (!this.writableFinished) {
      const reason = error ?? failure(Error, 'the response was given up before its end', 'ECONNRESET');
      if (state.respond !== null) state.respond(Promise.reject(reason));
      state.respond = null;
      try {
        state.controller?.error(reason);
      } catch {
        // Its reader has gone.
      }
    }
    if (wake !== null) wake(error);
    done(error);
  },

  // The body is sent as it is written, from here on.
  open_() {
    const state = this[kState];
    if (state.respond === null) return;
    if (!this._hasBody) return this.answer_(null);
    this.answer_(new ReadableStream({
      start: (controller) => { state.controller = controller; },
      pull: () => {
        const { wake } = state;
        state.wake = null;
        if (wake !== null) wake();
      },
      cancel: () => {
        state.controller = null;
        this.destroy();
      },
    }, { highWaterMark: 1 }));
  },
  answer_(body) {
    const { respond } = this[kState];
    if (respond === null) return;
    this[kState].respond = null;
    try {
      const headers = new Headers();
      for (const [name, value] of linesOf(this)) headers.append(name, value);
      respond(new Response(kNullBody.includes(this.statusCode) ? null : body, { status: this.statusCode, statusText: this.statusMessage, headers }));
    } catch (error) {
      respond(Promise.reject(error));
    }
  },
});
const OutgoingMessage = ServerResponse;

// --- the server ----------------------------------------------------------------------------------------------------------------------

const servers = new Set();    // that were made
const listening = new Set();
let waiting = [];             // for the first that listens

function Server(options, handler) {
  if (!(this instanceof Server)) return new Server(options, handler);
  EventEmitter.call(this);
  if (typeof options === 'function') [options, handler] = [{}, options];
  Object.assign(this, {
    listening: false, timeout: 0, keepAliveTimeout: 5000, headersTimeout: 60000, requestTimeout: 300000, maxHeadersCount: null, maxRequestsPerSocket: 0,
    maxConnections: undefined, connections: 0,
  });
  if (handler !== undefined) this.on('request', handler);
  servers.add(this);
}
Object.setPrototypeOf(Server.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Server, EventEmitter);

// null when the invocation is over: the connection is somebody else's.
function peerOf(context) {
  try {
    return context?.remoteAddr ?? null;
  } catch {
    return null;
  }
}

function requestOf(request, socket) {
  const message = new IncomingMessage(socket).fill(request.headers);
  const url = request.url;
  message.method = request.method;
  message.url = url.slice(url.indexOf('/', url.indexOf('://') + 3)).replace(/#.*$/s, '');
  const length = Number(message.headers['content-length']);
  if (request.body === null) message.complete = true;
  message.from(() => (request.body === null ? null : length <= kReadWholeBytes ? request.bytes() : request.body.getReader()));
  return message;
}

Object.assign(Server.prototype, {
  // The port is whatever the worker listens at.
  listen(...values) {
    const callback = values.find((value) => typeof value === 'function');
    if (callback !== undefined) this.once('listening', callback);
    if (this.listening) throw failure(Error, 'Listen method has been called more than once without closing.', 'ERR_SERVER_ALREADY_LISTEN');
    const [first] = values;
    const port = Number(typeof first === 'object' && first !== null ? first.port : first);
    this.address_ = { address: '127.0.0.1', family: 'IPv4', port: port > 0 ? port : 80 };
    this.listening = true;
    listening.add(this);
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake(this);
    queueMicrotask(() => this.emit('listening'));
    return this;
  },
  address() { return this.listening ? { ...this.address_ } : null; },
  close(callback) {
    const error = this.listening ? undefined : failure(Error, 'Server is not running.', 'ERR_SERVER_NOT_RUNNING');
    this.listening = false;
    listening.delete(this);
    if (callback !== undefined) this.once('close', () => callback(error));
    queueMicrotask(() => this.emit('close'));
    return this;
  },
  closeAllConnections() {},
  closeIdleConnections() {},
  getConnections(callback) { queueMicrotask(() => callback(null, 0)); },
  // Of each request's silence; 0: none.
  setTimeout(time, callback) {
    if (typeof time === 'function') [time, callback] = [0, time];
    this.timeout = Number(time) || 0;
    if (callback !== undefined) this.on('timeout', callback);
    return this;
  },
  ref() { return this; },
  unref() { return this; },
  async [Symbol.asyncDispose ?? Symbol.for('asyncDispose')]() { this.close(); },

  // A request of the function's, to its response.
  fetch(request, env, context) {
    return new Promise((resolve) => {
      const socket = new PeerSocket(() => peerOf(context), () => {
        // As in Node: who listens has to end it.
        const heard = [!message.complete && message.emit('timeout', socket), response.emit('timeout', socket), this.emit('timeout', socket)];
        if (!heard.includes(true)) socket.destroy(failure(Error, 'nothing was answered in the time that setTimeout() gives', 'ETIMEDOUT'));
      });
      socket.encrypted = request.url.startsWith('https:');
      const message = requestOf(request, socket);
      const response = new ServerResponse(message);
      response[kState].respond = resolve;
      socket.on('destroyed', (error) => {
        message.destroy(error);
        response.destroy(error);
      });
      request.signal.addEventListener('abort', () => {
        message.aborted = true;
        message.emit('aborted');
        socket.destroy();
      }, { once: true });
      if (this.timeout > 0) socket.setTimeout(this.timeout);
      try {
        if (!this.emit('request', message, response)) response.writeHead(404).end();
      } catch (error) {
        // What is answered by an error, as long as nothing has been: what has been begun is cut off.
        if (response[kState].respond !== null) throw error;
        reportError(error);
        socket.destroy();
      }
    });
  },
});

// For web/dispatch.js: what serves for a module that has made a server, by what its default export is; null: that export does. A server
// that begins to listen a little later, as those of frameworks that load their plugins first, is waited for.
internal.serverOf = (exported) => {
  if (servers.size === 0 || (typeof exported === 'function' && listening.size === 0)) return null;
  return {
    fetch(request, env, context) {
      const [server] = listening;
      if (server !== undefined) return server.fetch(request, env, context);
      return new Promise((resolve) => { waiting.push(resolve); }).then((first) => first.fetch(request, env, context));
    },
  };
};

const createServer = (options, handler) => new Server(options, handler);

module.exports = { Server, ServerResponse, OutgoingMessage, createServer };
