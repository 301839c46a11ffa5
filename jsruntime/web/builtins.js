// Modules that come with the runtime: node:buffer and its like (jsruntime/builtins). Each is evaluated when it is first asked for, so that an
// isolate pays only for what its function uses.
//
//   internal.requireBuiltin(name)  a module's exports; "zts:NAME" is one of our own, which functions cannot name
//   internal.importBuiltin(name)   for functions: undefined for a name that is not Node's, an Error for what Node has and zts has not

const modules = new Map(); // name -> { exports }

internal.requireBuiltin = (name) => {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const body = native.builtin(name);
  if (body === undefined) throw new Error(`there is no module ${name}`);
  const module = { exports: {} };
  modules.set(name, module); // before it runs: modules that need each other see what is there so far
  try {
    Reflect.apply(body, undefined, [native, internal, module, module.exports, requireFromBuiltin]);
  } catch (error) {
    modules.delete(name);
    throw error;
  }
  return module.exports;
};

// "node:util", "util" and npm's way of "util/" are one.
const plainName = (specifier) => specifier.replace(/^node:/, '').replace(/\/$/, '');
const requireFromBuiltin = (specifier) => internal.requireBuiltin(specifier.startsWith('zts:') ? specifier : plainName(specifier));

const kNoFiles = 'A function has no file system: import data into the bundle, or fetch() it';
const kNoSockets = 'Make outgoing requests with fetch()';
const kNoProcesses = 'A function has one thread and starts no process; work after the response goes to ctx.waitUntil()';
const kNoHost = 'A function does not see its machine';
const kNoEngine = 'A function cannot look into its engine';
const advice = {
  __proto__: null,
  fs: kNoFiles, 'fs/promises': kNoFiles, sqlite: kNoFiles, wasi: kNoFiles,
  http: kNoSockets, https: kNoSockets, http2: kNoSockets, net: kNoSockets, tls: kNoSockets, dgram: kNoSockets, dns: kNoSockets,
  'dns/promises': kNoSockets,
  child_process: kNoProcesses, cluster: kNoProcesses, worker_threads: kNoProcesses,
  os: kNoHost, tty: kNoHost, readline: kNoHost, 'readline/promises': kNoHost, repl: kNoHost,
  vm: kNoEngine, v8: kNoEngine, inspector: kNoEngine, trace_events: kNoEngine, perf_hooks: 'Use the global performance',
  zlib: 'Use CompressionStream and DecompressionStream', domain: 'Use AsyncLocalStorage of node:async_hooks',
  constants: kNoHost, diagnostics_channel: 'Use EventTarget, or EventEmitter of node:events', punycode: 'Use URL',
  sys: 'Use node:util', test: 'Test with the runner of your choice before deploying', sea: kNoEngine,
};

internal.importBuiltin = (specifier) => {
  const name = plainName(specifier);
  if (native.builtinNames().includes(name)) return internal.requireBuiltin(name);
  if (!specifier.startsWith('node:') && !(name in advice)) return undefined;
  const error = new Error(`Cannot load the module "${specifier}": zts has no node:${name}. ${advice[name] ?? 'Node has no such module either'}. ` +
                          `There are ${native.builtinNames().map((each) => `node:${each}`).join(', ')}`);
  error.code = 'ERR_UNKNOWN_BUILTIN_MODULE';
  throw error;
};

// What crypto.js, subtle_crypto.js and builtins/webcrypto must not look up where functions may have put their own.
const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
internal.trusted = {
  jsonParse: JSON.parse,
  isArray: Array.isArray,
  bufferOf: Object.getOwnPropertyDescriptor(typedArray, 'buffer').get,
  typeOf: Object.getOwnPropertyDescriptor(typedArray, Symbol.toStringTag).get,
  decode: TextDecoder.prototype.decode,
  apply: Reflect.apply,
  Uint8Array,
};
