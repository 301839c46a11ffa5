// The functions that the native side calls. See jsruntime/dispatcher.h for the other half.
//
// What a call leaves for the native side stands in `block`, eight doubles shared with it:
//   [0] status   [1] content type (0 none, 1 text, 2 JSON, 3: responseHead() has been called)   [2] what the call returned:
//   a body (0), a promise (1), an error (2)   [3] settled invocations waiting in takeSettled()   [4] serial of the one taken
//   [5] 1 from when a body that will be recycled is handed over until the native side has read it

const kBody = 0;
const kPromise = 1;
const kError = 2;

// `internal` has too many properties for V8 to read one in less than a lookup; what every request needs is kept by name.
const { block, incomingRequest, unpackResponse } = internal;

let handler = undefined;   // the default export, when it is a function
let receiver = undefined;  // or the object with fetch()
let env = undefined;

function show(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return `the string ${JSON.stringify(value.length > 40 ? value.slice(0, 40) + '...' : value)}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return `the ${typeof value} ${String(value)}`;
  const name = value.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an object of class ${name}` : 'a plain object';
}

function wrongResult(value) {
  let hint = 'return a Response, e.g. return new Response("hello")';
  if (value === undefined) hint = 'is a return missing? ' + hint;
  else if (typeof value === 'string') hint = 'return new Response(text)';
  else if (typeof value === 'object' && value !== null) hint = 'return Response.json(value)';
  return new TypeError(`The handler returned ${show(value)}; ${hint}`);
}

// Of a value that is no Response, where a package has made one of its own class.
function unpackForeign(value) {
  const adopted = internal.lazy('adopt_response.js').adopt(value);
  if (adopted === undefined) throw wrongResult(value);
  return unpackResponse(adopted, block);
}

function unpack(value) {
  let body = unpackResponse(value, block);
  if (body === undefined) body = unpackForeign(value);
  block[2] = kBody;
  return body;
}

function isPromise(value) {
  return typeof value === 'object' && value !== null && typeof value.then === 'function';
}

// The third argument of a handler.
class ExecutionContext {
  #serial;
  constructor(serial) { this.#serial = serial; }
  waitUntil(promise) {
    internal.requireArguments(arguments.length, 1, 'ctx.waitUntil');
    const serial = this.#serial;
    if (!native.backgroundBegin(serial)) {
      throw new TypeError('ctx.waitUntil: the invocation is over; call it before the response is returned or from work it waits for');
    }
    Promise.resolve(promise).then(
        () => native.backgroundEnd(serial),
        (error) => { native.reportException(error); native.backgroundEnd(serial); });
  }
  passThroughOnException() {}
  // Who is at the other end of the connection, as Deno.serve() says it; null where that is not known. Behind a proxy it is the proxy.
  get remoteAddr() {
    const peer = native.requestPeer(this.#serial);
    return peer === null ? null : { transport: 'tcp', hostname: peer[0], port: peer[1] };
  }
  get props() { return {}; }
}
internal.exposeInterface(ExecutionContext);
delete globalThis.ExecutionContext;

// Settled results in the order they came: serial, kind, value, serial, kind, value, ...
let settled = [];
let taken = 0;

function settle(serial, kind, value) {
  settled.push(serial, kind, value);
  block[3]++;
}

// For warm_up.js: as if bind() had not been called.
internal.forgetHandler = () => {
  handler = receiver = env = undefined;
  block.fill(0);
};

const calls = {
  block,
  ...internal.loadCalls,

  // Finds the handler in the module's namespace. Returns what is wrong with it, or undefined.
  bind(namespace, environment) {
    const example = 'export default { async fetch(request, env, ctx) { return new Response("hello"); } }';
    env = Object.freeze(environment);
    internal.startClock();
    const value = namespace.default;
    // A module written for Node serves with what it has made of node:http.
    const server = typeof value?.fetch === 'function' ? null : internal.serverOf?.(value) ?? null;
    if (server !== null) {
      receiver = server;
      return undefined;
    }
    if (!('default' in namespace)) return `The module has no default export: ${example}`;
    if (typeof value === 'function') {
      if (/^class\b/.test(Function.prototype.toString.call(value))) {
        return `The default export is a class: export an instance of it, e.g. export default new ${value.name || 'Handler'}()`;
      }
      handler = value;
      return undefined;
    }
    if (typeof value === 'object' && value !== null) {
      if (typeof value.fetch === 'function') {
        receiver = value;
        return undefined;
      }
      const then = typeof value.then === 'function' ? '; it is a promise: await it' : '';
      return `The default export is ${show(value)} without a fetch() method${then}: ${example}`;
    }
    return `The default export is ${show(value)}: ${example}`;
  },

  dispatch(serial) {
    const request = incomingRequest(serial);
    const context = new ExecutionContext(serial);
    const result = receiver !== undefined ? receiver.fetch(request, env, context) : handler(request, env, context);
    let body = unpackResponse(result, block);
    if (body === undefined && !isPromise(result)) body = unpackForeign(result);
    if (body !== undefined) {
      block[2] = kBody;
      return body;
    }
    block[2] = kPromise;
    return result instanceof Promise ? result : Promise.resolve(result);
  },

  // For the value of a promise that is fulfilled already.
  unpack,

  // The promise is still pending: its end goes to the settled list.
  follow(promise, serial) {
    promise.then((value) => settle(serial, kBody, value), (error) => settle(serial, kError, error));
  },

  takeSettled() {
    block[4] = settled[taken];
    const kind = settled[taken + 1];
    const value = settled[taken + 2];
    taken += 3;
    block[3]--;
    if (taken >= settled.length) {
      settled = [];
      taken = 0;
    }
    if (kind === kBody) return unpack(value);
    block[2] = kError;
    return value;
  },

  requireBuiltin: internal.importBuiltin,
  fireTimer: internal.fireTimer,
  forgetTimer: internal.forgetTimer,
  runLazy: internal.runLazy,
  ...internal.globalEvents,
  fetchEvent: internal.fetchEvent,

  send: internal.sendStream,
  cancel: internal.cancelStream,
  arrived: internal.bodyArrived,
  resume: internal.resumeResponse,
  peerFinished: internal.peerFinished,
  gone: internal.peerGone,
};

internal.calls = calls;
