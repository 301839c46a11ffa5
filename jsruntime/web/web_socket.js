// WebSocket and CloseEvent (WebSockets Standard, RFC 6455). Lazy. The connection is made by a process of the worker (worker/egress), which
// speaks the protocol: the handshake, frames, pings. Here are the object, its events, and what waits to be sent.
//
// A WebSocket is an outgoing request like others: the allow-list, the limits of sub-requests and the end of the invocation hold for it. It
// does not keep its invocation; who wants to go on listening after the response gives ctx.waitUntil a promise of the end.

const kConnecting = 0, kOpen = 1, kClosing = 2, kClosed = 3;
const kSocketBody = 4, kNoRedirects = 1;       // FetchBody, FetchRedirect of jsruntime/fetch.h
const kBufferedMax = 32 << 20;                 // kSocketBufferedBytesMax
const kReasonBytesMax = 123;                   // kSocketReasonBytesMax
const kPiece = 5, kMessage = 6, kEnd = 7;      // of internal.fetchEvent
const kNoCode = 1005, kAbnormal = 1006, kTooLarge = 1009;
const kKeepBom = 2;                            // of native.utf8Decode
const kArrayBuffer = 10;                       // of native.kindOf
const kWarn = 3;                               // severity of a console record

class CloseEvent extends internal.Event {
  #init;
  constructor(type, init = undefined) {
    internal.required(arguments.length, 1, 'CloseEvent constructor');
    super(type, init);
    const { code = 0, reason = '', wasClean = false } = init ?? {};
    this.#init = { code: code & 0xffff, reason: `${reason}`.toWellFormed(), wasClean: !!wasClean };
  }
  get wasClean() { return this.#init.wasClean; }
  get code() { return this.#init.code; }
  get reason() { return this.#init.reason; }
}
internal.shapeInterface(CloseEvent);

// The URL of the connection, in the standard's order of checks.
function parseUrl(url) {
  const parsed = internal.URL.parse(url);
  if (parsed === null) throw internal.domException(`WebSocket: '${url}' is not an absolute URL`, 'SyntaxError');
  if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
  if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw internal.domException(`WebSocket: '${url}' is neither of the scheme ws nor of wss`, 'SyntaxError');
  }
  if (parsed.href.includes('#')) throw internal.domException(`WebSocket: '${url}' has a fragment`, 'SyntaxError');
  return parsed;
}

// (DOMString or sequence<DOMString>)
function convertProtocols(protocols) {
  if (protocols === undefined) return [];
  const isObject = typeof protocols === 'object' && protocols !== null || typeof protocols === 'function';
  const iterate = isObject ? protocols[Symbol.iterator] : undefined;
  if (iterate === undefined || iterate === null) return [`${protocols}`];
  if (typeof iterate !== 'function') throw new TypeError('WebSocket: protocols is not a sequence');
  return Array.from({ [Symbol.iterator]: () => internal.apply(iterate, protocols, []) }, (protocol) => `${protocol}`);
}

// RFC 6455 4.1: tokens, none of them twice.
function checkProtocols(protocols) {
  const seen = new Set();
  for (const protocol of protocols) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(protocol)) {
      throw internal.domException(`WebSocket: '${protocol}' is no name of a protocol`, 'SyntaxError');
    }
    if (seen.has(protocol)) throw internal.domException(`WebSocket: the protocol '${protocol}' is named twice`, 'SyntaxError');
    seen.add(protocol);
  }
}

// [Clamp] unsigned short.
function clampToShort(value) {
  const number = Math.min(Math.max(Number(value), 0), 65535);
  if (Number.isNaN(number)) return 0;
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || rest === 0.5 && floor % 2 === 1 ? floor + 1 : floor;
}

function join(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

// Messages that wait for room, in order.
class Outbox {
  bytes = 0;
  #messages = [];  // { isText, bytes, at }
  #next = 0;

  get empty() { return this.#next === this.#messages.length; }
  add(isText, bytes) {
    this.#messages.push({ isText, bytes, at: 0 });
    this.bytes += bytes.byteLength;
  }
  // The bytes of the last one may change from here on.
  own() {
    const last = this.#messages.at(-1);
    if (last !== undefined) last.bytes = last.bytes.slice();
  }
  // As much as there is room for.
  send(id) {
    while (!this.empty) {
      const message = this.#messages[this.#next];
      const sent = native.socketSend(id, message.isText, message.bytes, message.at);
      if (sent === undefined || sent < 0) return;
      message.at += sent;
      this.bytes -= sent;
      if (message.at < message.bytes.byteLength) return;
      this.#messages[this.#next++] = null;
    }
    this.#messages = [];
    this.#next = 0;
  }
}

class WebSocket extends internal.EventTarget {
  #url;
  #origin;
  #state = kConnecting;
  #protocol = '';
  #binaryType = 'blob';
  #call = null;         // of fetch.js
  #outbox = new Outbox();
  #late = 0;            // bytes that were sent when nothing is sent any more
  #closing = null;      // [code, reason] of a close frame that waits behind the outbox
  #pieces = [];         // of the message that arrives

  constructor(url, protocols = undefined) {
    internal.required(arguments.length, 1, 'WebSocket constructor');
    super();
    url = `${url}`.toWellFormed();
    protocols = convertProtocols(protocols);
    const parsed = parseUrl(url);
    checkProtocols(protocols);
    this.#url = parsed.href;
    this.#origin = parsed.origin;
    this.#connect(protocols);
  }

  get url() { return this.#url; }
  get readyState() { return this.#state; }
  get bufferedAmount() { return this.#late + this.#outbox.bytes + this.#untaken(); }
  get extensions() { return ''; }
  get protocol() { return this.#protocol; }
  get binaryType() { return this.#binaryType; }
  set binaryType(value) {
    const type = `${value}`;
    if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type;
  }

  send(data) {
    internal.required(arguments.length, 1, 'WebSocket.send');
    let bytes, isText = false, isOurs = true;
    if (internal.isBlob(data)) {
      bytes = internal.blobBytes(data);
    } else if (ArrayBuffer.isView(data)) {
      bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      isOurs = false;
    } else if (typeof data === 'object' && data !== null && native.kindOf(data) === kArrayBuffer) {
      bytes = new Uint8Array(data);
      isOurs = false;
    } else {
      bytes = native.utf8Encode(`${data}`);
      isText = true;
    }
    if (this.#state === kConnecting) throw internal.domException('WebSocket.send: the connection is not open yet', 'InvalidStateError');
    if (this.#state !== kOpen) {
      this.#late += bytes.byteLength;
      return;
    }
    this.#send(isText, bytes, isOurs);
  }

  close(code = undefined, reason = undefined) {
    let number = code === undefined ? kNoCode : clampToShort(code);
    const text = reason === undefined ? '' : `${reason}`.toWellFormed();
    if (code !== undefined && number !== 1000 && (number < 3000 || number > 4999)) {
      throw internal.domException(`WebSocket.close: the code is 1000 or one of 3000 to 4999, not ${number}`, 'InvalidAccessError');
    }
    if (native.utf8Encode(text).byteLength > kReasonBytesMax) {
      throw internal.domException(`WebSocket.close: the reason is longer than ${kReasonBytesMax} bytes`, 'SyntaxError');
    }
    if (code === undefined && text !== '') number = 1000;
    if (this.#state === kConnecting) return this.#giveUp('canceled', 'it was closed before it was open');
    if (this.#state !== kOpen) return;
    this.#state = kClosing;
    this.#closing = [number, text];
    this.#pump();
  }

  #connect(protocols) {
    const context = internal.captureContext?.();
    const inContext = (run) => (...values) => {
      if (context !== undefined) native.contextSet(context);
      run(...values);
    };
    this.#call = {
      id: 0,
      onHead: inContext((event) => this.#open(event)),
      onError: inContext((code, message) => this.#onError(code, message)),
      onWritable: () => this.#pump(),
      onMessage: inContext((event) => this.#onMessage(event)),
    };
    const headers = protocols.length === 0 ? [] : ['sec-websocket-protocol', protocols.join(', ')];
    const http = `http${this.#url.slice('ws'.length)}`;
    const refused = internal.startCall(this.#call, ['GET', http, headers, kNoRedirects, kSocketBody, 0, null]);
    if (refused !== null) internal.queueTask(() => this.#fail(...refused));
  }

  #open(event) {
    const headers = event.slice(5);
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'sec-websocket-protocol') this.#protocol = headers[i + 1];
    }
    this.#state = kOpen;
    internal.fire(this, new internal.Event('open'));
  }

  #untaken() { return this.#state === kClosed ? 0 : native.socketUntaken(this.#call.id); }

  // `isOurs`: nobody changes the bytes meanwhile.
  #send(isText, bytes, isOurs) {
    if (this.#outbox.bytes + this.#untaken() + bytes.byteLength > kBufferedMax) {
      return this.#giveUp('limit', `more than ${kBufferedMax >> 20} MiB wait to be sent: look at bufferedAmount before sending more`);
    }
    this.#outbox.add(isText, bytes);
    this.#outbox.send(this.#call.id);
    if (!isOurs) this.#outbox.own();
  }

  #pump() {
    this.#outbox.send(this.#call.id);
    if (this.#closing === null || !this.#outbox.empty) return;
    native.socketClose(this.#call.id, ...this.#closing);
    this.#closing = null;
  }

  #onMessage(event) {
    switch (event[0]) {
      case kPiece: return void this.#pieces.push(event[1]);
      case kMessage: return this.#receive(event[1], event[2]);
      case kEnd: return this.#end(true, event[1], event[2]);
    }
  }

  #receive(isText, value) {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (this.#state !== kOpen) return;
    let data = value;
    if (pieces.length > 0) {
      pieces.push(value);
      try {
        data = join(pieces);
        if (isText) data = native.utf8Decode(data, kKeepBom);
      } catch {
        native.fetchCancel(this.#call.id);
        return this.#fail('limit', 'a message does not fit into the memory that this function may use', kTooLarge);
      }
    }
    if (!isText) data = this.#binaryType === 'blob' ? internal.lazy('blob.js').blobOf(data, '') : data.buffer;
    internal.fire(this, new (internal.lazy('event_classes.js').MessageEvent)('message', { data, origin: this.#origin }));
  }

  // What the function itself brings about ends in a task of its own.
  #giveUp(code, message) {
    this.#state = kClosing;
    native.fetchCancel(this.#call.id);
    internal.endCall(this.#call);
    internal.queueTask(() => this.#fail(code, message, kAbnormal, code === 'canceled'));
  }

  #onError(code, message) {
    this.#fail(code, message, code === 'limit' && this.#state === kOpen ? kTooLarge : kAbnormal, code === 'canceled');
  }

  // "Fail the WebSocket connection". `expected`: it is what the function has asked for, or the end of its invocation.
  #fail(code, message, closeCode = kAbnormal, expected = false) {
    if (this.#state === kClosed) return;
    if (!expected) native.consoleWrite(kWarn, `WebSocket to ${this.#origin}: ${message}`);
    const error = new TypeError(`WebSocket failed: ${message}`);
    error.code = code;
    this.#end(false, closeCode, '', new (internal.lazy('event_classes.js').ErrorEvent)('error', { message: error.message, error }));
  }

  #end(wasClean, code, reason, error = null) {
    this.#state = kClosed;
    this.#pieces = [];
    internal.endCall(this.#call);
    if (error !== null) internal.fire(this, error);
    internal.fire(this, new CloseEvent('close', { wasClean, code, reason }));
  }
}
for (const [name, value] of [['CONNECTING', kConnecting], ['OPEN', kOpen], ['CLOSING', kClosing], ['CLOSED', kClosed]]) {
  for (const object of [WebSocket, WebSocket.prototype]) Object.defineProperty(object, name, { value, enumerable: true });
}
for (const type of ['open', 'message', 'error', 'close']) internal.defineHandler(WebSocket, type);
internal.shapeInterface(WebSocket);

return { WebSocket, CloseEvent };
