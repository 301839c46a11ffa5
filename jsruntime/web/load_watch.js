// What a module asks for while it loads, and what must be so in a context that becomes a function's snapshot (jsruntime/function_snapshot.h).
//
//   internal.loadCalls   functions for the native side, parts of `calls` (dispatch.js)

let asked = {};
let wasmAsked = false;
let stackTraceLimit = undefined;  // its descriptor, from one context to the next

// V8 cannot write down a CallSite, and packages keep those that Error.prepareStackTrace has shown them: while a snapshot is made they are
// shown copies, with what each method would have said.
let prepare = undefined;  // what the module has put there
const wrapped = new Map();  // what it sees in its place -> prepare
const kSiteMethods = ['getTypeName', 'getFunctionName', 'getMethodName', 'getFileName', 'getLineNumber', 'getColumnNumber', 'getEvalOrigin', 'getScriptNameOrSourceURL',
                      'getScriptHash', 'getEnclosingLineNumber', 'getEnclosingColumnNumber', 'getPosition', 'getPromiseIndex', 'isToplevel', 'isEval', 'isNative',
                      'isConstructor', 'isAsync', 'isPromiseAll', 'toString'];
function copyOfSite(site) {
  const copy = { getThis() {}, getFunction() {} };
  for (const name of kSiteMethods) {
    if (typeof site[name] !== 'function') continue;
    const value = site[name]();
    copy[name] = () => value;
  }
  return copy;
}
function wrapPrepare() {
  if (typeof prepare !== 'function') return prepare;
  for (const [seen, original] of wrapped) if (original === prepare) return seen;
  const original = prepare;
  const seen = function (error, sites) { return Reflect.apply(original, this, [error, sites.map(copyOfSite)]); };
  wrapped.set(seen, original);
  return seen;
}

const asks = (what, original) => function (...values) {
  asked[what] = true;
  return Reflect.apply(original, this, values);
};

internal.loadCalls = {
  // Before the load, in an isolate that nobody begins from: Date and Math.random tell who asks them.
  watchLoad() {
    const { Date } = globalThis;
    Math.random = asks('random', Math.random);
    internal.now = asks('clock', internal.now);
    Date.now = asks('clock', Date.now);
    globalThis.Date = new Proxy(Date, {
      construct(target, values, made) {
        if (values.length === 0) asked.clock = true;
        return Reflect.construct(target, values, made === globalThis.Date ? target : made);
      },
      apply: asks('clock', (target) => target()),
    });
  },
  // What its value is fixed by; undefined: nothing.
  watched() {
    if (asked.clock) return 'it reads the clock while it loads, and what it keeps of it would not go on';
    return asked.random ? 'it draws random numbers while it loads, and each isolate is to have its own' : undefined;
  },

  // V8 adds Error.stackTraceLimit and WebAssembly to each context that it makes for running code: there are none while a function's
  // snapshot is made, and there may be none in it.
  recording() {
    const askedForWasm = () => { wasmAsked = true; };
    Object.defineProperty(Error, 'stackTraceLimit', { value: 10, writable: true, enumerable: true, configurable: true });
    Object.defineProperty(globalThis, 'WebAssembly', { get: askedForWasm, set: askedForWasm, configurable: true });
    Object.defineProperty(Error, 'prepareStackTrace', { get: wrapPrepare, set: (value) => { prepare = wrapped.get(value) ?? value; }, configurable: true });
  },
  // Why the context cannot be written down; undefined: it can.
  snapshotting() {
    if (wasmAsked) return 'it asks for WebAssembly while it loads';
    stackTraceLimit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
    if (Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')?.get === wrapPrepare && Reflect.deleteProperty(Error, 'prepareStackTrace') && prepare !== undefined) {
      Error.prepareStackTrace = prepare;
    }
    prepare = undefined;
    wrapped.clear();
    const usual = Reflect.deleteProperty(Error, 'stackTraceLimit') && Reflect.deleteProperty(globalThis, 'WebAssembly') &&
                  Object.isExtensible(Error) && Object.isExtensible(globalThis);
    return usual ? undefined : 'it freezes or replaces what V8 adds to in each context';
  },
  // What `import * as name` is, of one of the runtime's modules.
  namespaceOf(exports) {
    const names = Object.keys(exports).filter((name) => name !== 'default');
    return Object.freeze({ __proto__: null, ...Object.fromEntries(names.map((name) => [name, exports[name]])), default: exports });
  },
  // In an isolate that begins from a snapshot of the function.
  restored() {
    if (stackTraceLimit !== undefined) Object.defineProperty(Error, 'stackTraceLimit', stackTraceLimit);
    internal.forgetClock();
    internal.startClock();
  },
};
