// node:http's client: one fetch() a request, without its redirects. Connections, their reuse and TLS are the worker's business; an Agent is
// there to be configured, and changes nothing. Methods whose names end in _ are not for packages; constructors are functions, not classes,
// since packages call them on objects of their own.
const EventEmitter = require('events');
const { Writable } = require('stream');
const { Buffer } = require('buffer');
const { urlToHttpOptions } = require('url');
const { failure, validateHeaderName, kFields, headerMethods, linesOf, PeerSocket, IncomingMessage } = require('zts:http_message');

// What is written before the end goes as one body with its length; more than this is sent while it is written.
const kGatherBytes = 64 * 1024;
const kNoBody = ['GET', 'HEAD'];

function Agent(options = {}) {
  if (!(this instanceof Agent)) return new Agent(options);
  EventEmitter.call(this);
  Object.assign(this, {
    options: { ...options }, requests: {}, sockets: {}, freeSockets: {}, keepAlive: options.keepAlive ?? false, keepAliveMsecs: options.keepAliveMsecs ?? 1000,
    maxSockets: options.maxSockets ?? Infinity, maxFreeSockets: options.maxFreeSockets ?? 256, maxTotalSockets: options.maxTotalSockets ?? Infinity,
    scheduling: options.scheduling ?? 'lifo', defaultPort: 80, protocol: 'http:',
  });
}
Object.setPrototypeOf(Agent.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Agent, EventEmitter);
Object.assign(Agent.prototype, {
  destroy() {},
  getName(options = {}) { return `${options.host ?? 'localhost'}:${options.port ?? ''}:${options.localAddress ?? ''}`; },
});

// (url[, options][, callback]) or (options[, callback]).
function optionsOf(defaults, input, options, callback) {
  if (typeof input === 'string') input = urlToHttpOptions(new URL(input));
  else if (input instanceof URL) input = urlToHttpOptions(input);
  else [callback, options, input] = [options, input, {}];
  if (typeof options === 'function') [callback, options] = [options, {}];
  return [{ ...defaults, ...input, ...options }, callback];
}

const kCodes = { dns: 'ENOTFOUND', connect: 'ECONNREFUSED', timeout: 'ETIMEDOUT', 'egress-policy': 'EACCES', tls: 'EPROTO' };
// fetch()'s errors by the codes that packages know.
function nodeError(error, hostname) {
  const code = kCodes[error?.code] ?? 'ECONNRESET';
  const said = error instanceof Error ? error : new Error(String(error));
  return Object.assign(said, { code, syscall: code === 'ENOTFOUND' ? 'getaddrinfo' : 'connect', hostname });
}

const kState = Symbol('state');
function ClientRequest(input, options, callback) {
  if (!(this instanceof ClientRequest)) return new ClientRequest(input, options, callback);
  [options, callback] = optionsOf({}, input, options, callback);
  Writable.call(this, { autoDestroy: false, highWaterMark: kGatherBytes });
  const protocol = options.protocol ?? options.agent?.protocol ?? 'http:';
  if (protocol !== 'http:' && protocol !== 'https:') throw failure(TypeError, `Protocol "${protocol}" not supported. Expected "http:"`, 'ERR_INVALID_PROTOCOL');
  const path = options.path || '/';
  if (/[^\x21-\xff]/.test(path)) throw failure(TypeError, 'Request path contains unescaped characters', 'ERR_UNESCAPED_CHARACTERS');
  const method = `${options.method ?? 'GET'}`.toUpperCase();
  validateHeaderName(method, 'Method');
  const host = options.hostname || options.host || 'localhost';
  Object.assign(this, {
    [kFields]: new Map(), method, path, host, protocol, agent: options.agent ?? undefined, aborted: false, finished: false, headersSent: false, reusedSocket: false,
    maxHeadersCount: null, res: null, shouldKeepAlive: true, socket: new PeerSocket(undefined), timeout: undefined,
    [kState]: { port: options.port ?? options.defaultPort, auth: options.auth, pieces: [], bytes: 0, controller: null, wake: null, abort: new AbortController(), timer: 0, over: false,
                socketPath: options.socketPath },
  });
  const { headers } = options;
  if (Array.isArray(headers)) {
    for (let i = 0; i < headers.length;) {
      if (Array.isArray(headers[i])) this.setHeader(headers[i][0], headers[i++][1]);
      else this.appendHeader(headers[i++], headers[i++]);
    }
  } else if (headers != null) {
    for (const name of Object.keys(headers)) if (headers[name] !== undefined) this.setHeader(name, headers[name]);
  }
  if (callback !== undefined) this.once('response', callback);
  if (options.timeout !== undefined) this.setTimeout(options.timeout);
  const { signal } = options;
  if (signal?.aborted) queueMicrotask(() => this.abortBy_(signal));
  else signal?.addEventListener('abort', () => this.abortBy_(signal), { once: true });
  this.socket.on('destroyed', (error) => this.destroy(error));
  // As a connection would be there a little later.
  queueMicrotask(() => {
    this.emit('socket', this.socket);
    this.socket.emit('connect');
    if (protocol === 'https:') this.socket.emit('secureConnect');
    this.socket.emit('ready');
  });
}
Object.setPrototypeOf(ClientRequest.prototype, Writable.prototype);
Object.setPrototypeOf(ClientRequest, Writable);
Object.assign(ClientRequest.prototype, headerMethods, {
  setTimeout(time, callback) {
    if (callback !== undefined) this.once('timeout', callback);
    this.timeout = time;
    this.active_();
    return this;
  },
  setNoDelay() {},
  setSocketKeepAlive() {},
  onSocket() {},
  flushHeaders() {
    if (!kNoBody.includes(this.method)) this.stream_();
  },
  abort() {
    if (this.aborted) return;
    this.aborted = true;
    queueMicrotask(() => this.emit('abort'));
    this.destroy();
  },

  // Each sign of life puts the time-out off. It only tells: who listens decides.
  active_() {
    const state = this[kState];
    clearTimeout(state.timer);
    if (this.timeout > 0 && !state.over) {
      state.timer = setTimeout(() => {
        this.emit('timeout');
        this.socket.emit('timeout');
      }, this.timeout);
    }
  },
  abortBy_(signal) { this.destroy(Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' })); },

  _write(chunk, encoding, done) {
    const state = this[kState];
    this.active_();
    if (state.controller === null) {
      state.pieces.push(chunk);
      state.bytes += chunk.length;
      if (state.bytes > kGatherBytes) this.stream_();
      return done();
    }
    state.controller.enqueue(new Uint8Array(chunk));
    if (state.controller.desiredSize > 0) done();
    else state.wake = done;
  },
  _final(done) {
    this.finished = true;
    const state = this[kState];
    if (state.controller !== null) state.controller.close();
    else this.send_(state.bytes > 0 ? Buffer.concat(state.pieces) : undefined);
    done();
  },
  // The body is sent as it is written, from here on.
  stream_() {
    const state = this[kState];
    if (state.controller !== null || this.headersSent) return;
    const body = new ReadableStream({
      start: (controller) => {
        state.controller = controller;
        for (const piece of state.pieces) controller.enqueue(new Uint8Array(piece));
        state.pieces = [];
      },
      pull: () => {
        const { wake } = state;
        state.wake = null;
        if (wake !== null) wake();
      },
      cancel: (reason) => { this.destroy(reason instanceof Error ? reason : undefined); },
    }, { highWaterMark: 1 });
    this.send_(body);
  },

  url_() {
    const { port, auth } = this[kState];
    const host = this.host.includes(':') && !this.host.startsWith('[') ? `[${this.host}]` : this.host;
    const url = new URL(`${this.protocol}//${host}${port ? `:${port}` : ''}`);
    if (auth !== undefined && auth !== null && !this.hasHeader('authorization')) {
      this.setHeader('Authorization', `Basic ${Buffer.from(`${auth}`).toString('base64')}`);
    }
    return `${url.origin}${this.path.startsWith('/') ? this.path : `/${this.path}`}`;
  },
  init_(body) {
    const headers = new Headers();
    for (const [name, value] of linesOf(this)) {
      const key = name.toLowerCase();
      if (key === 'content-length' || (key === 'host' && value === new URL(this.url_()).host)) continue;
      headers.append(name, value);
    }
    if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity');
    return { method: this.method, headers, body, duplex: 'half', redirect: 'manual', signal: this[kState].abort.signal };
  },
  send_(body) {
    const state = this[kState];
    if (this.headersSent || this.destroyed) return;
    let answer;
    try {
      if (state.socketPath !== undefined) throw failure(Error, 'socketPath: a function has no sockets of its own', 'ENOENT');
      const url = this.url_();
      const init = this.init_(body);
      this.headersSent = true;
      internal.lazy('streams.js');  // else fetch() has a response whole before it tells of it
      answer = internal.fetch(url, init);
    } catch (error) {
      answer = Promise.reject(error);
    }
    answer.then((response) => this.answered_(response), (error) => this.destroy(nodeError(error, this.host)));
  },
  answered_(response) {
    if (this.destroyed) return;
    this.active_();
    const message = new IncomingMessage(this.socket);
    // What has been decompressed on the way has another length, and no coding any more.
    const coded = response.headers.has('content-encoding') && response.body !== null;
    message.fill(response.headers, coded ? ['content-encoding', 'content-length'] : []);
    message.statusCode = response.status;
    message.statusMessage = response.statusText;
    message.url = '';
    message.req = this;
    message.from(() => response.body?.getReader() ?? null);
    message.on('piece', () => this.active_());
    message.once('close', () => this.over_());
    this.res = message;
    if (!this.emit('response', message)) message.resume();
  },
  // Nothing more comes of it.
  over_() {
    const state = this[kState];
    if (state.over) return;
    state.over = true;
    clearTimeout(state.timer);
    if (!this.destroyed) this.destroy();
  },
  _destroy(error, done) {
    const state = this[kState];
    const { wake } = state;
    state.over = true;
    state.wake = null;
    clearTimeout(state.timer);
    this.socket.rest_();
    const { res } = this;
    if (res === null && error === null) error = failure(Error, 'socket hang up', 'ECONNRESET');
    if (res !== null && !res.complete && !res.destroyed) {
      res.aborted = true;
      res.emit('aborted');
      res.destroy(error ?? failure(Error, 'aborted', 'ECONNRESET'));
      error = null;
    }
    if (res === null || !res.complete) state.abort.abort();
    if (wake !== null) wake(error);
    done(error);
  },
});
Object.defineProperty(ClientRequest.prototype, 'connection', { get() { return this.socket; }, configurable: true });

// request() and get() of node:http, or of node:https.
function clientOf(protocol) {
  const request = (input, options, callback) => new ClientRequest(...optionsOf({ protocol }, input, options, callback));
  const get = (input, options, callback) => {
    const made = request(input, options, callback);
    made.end();
    return made;
  };
  return { request, get };
}

module.exports = { Agent, ClientRequest, clientOf };
