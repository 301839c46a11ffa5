// Modules of Node's for what a function has not: its machine's files, sockets and processes. They can be imported, since packages import
// much that they never use; what is called throws an Error that says why it is not there, and what there is instead.
//
//   absent(name)        a new object with all that Node's module exports; undefined where Node has no such module
//   reasonOf(name)      why it is not there: a sentence without its full stop
//   unavailable(what, reason)   the error, code ERR_METHOD_NOT_IMPLEMENTED
const shapes = require('zts:node_exports');

const kNoFiles = 'A function has no file system: import data into the bundle, or fetch() it';
const kNoSockets = 'A function has no sockets: make outgoing requests with fetch(), WebSocket, or node:http';
const kNoProcesses = 'A function has one thread and starts no process; work after the response goes to ctx.waitUntil()';
const kNoHost = 'A function does not see its machine';
const kNoEngine = 'A function cannot look into its engine';
const reasons = {
  __proto__: null,
  fs: kNoFiles, 'fs/promises': kNoFiles, sqlite: kNoFiles, wasi: kNoFiles, ffi: kNoEngine,
  http: 'Only the client and servers made by createServer are there', https: 'Only the client and servers made by createServer are there',
  http2: 'Make outgoing requests with fetch(), which speaks HTTP/2 where the server does',
  net: kNoSockets, tls: kNoSockets, dgram: kNoSockets, dns: kNoSockets, 'dns/promises': kNoSockets,
  child_process: kNoProcesses, cluster: kNoProcesses, worker_threads: kNoProcesses,
  os: kNoHost, tty: kNoHost, readline: kNoHost, 'readline/promises': kNoHost, repl: kNoHost,
  vm: kNoEngine, v8: kNoEngine, inspector: kNoEngine, 'inspector/promises': kNoEngine, trace_events: kNoEngine, sea: kNoEngine,
  crypto: 'It is not part of this runtime\'s node:crypto; see crypto.subtle', zlib: 'It is not part of this runtime\'s node:zlib',
  domain: 'Use AsyncLocalStorage of node:async_hooks',
  test: 'Test with the runner of your choice before deploying', 'test/reporters': 'Test with the runner of your choice before deploying',
};
const reasonOf = (name) => reasons[name] ?? 'This runtime does not have it';

const unavailable = (what, reason) => Object.assign(new Error(`${what} is not available. ${reason}`), { code: 'ERR_METHOD_NOT_IMPLEMENTED' });

// Also a class, to extend and to ask for by instanceof.
function missing(name, what, reason) {
  const made = function () { throw unavailable(what, reason); };
  return Object.defineProperty(made, 'name', { value: name, configurable: true });
}
function missingAsync(name, what, reason) {
  return Object.defineProperty(async () => { throw unavailable(what, reason); }, 'name', { value: name, configurable: true });
}

function valueOf(shape, name, what, reason) {
  if (shape === 'f') return missing(name, what, reason);
  if (shape === 'a') return missingAsync(name, what, reason);
  if (typeof shape === 'string') return shape.slice(1);
  if (Array.isArray(shape)) return shape.map((each) => valueOf(each, name, what, reason));
  if (typeof shape === 'object' && shape !== null) return objectOf(shape, what, reason);
  return shape === null ? undefined : shape;
}
function objectOf(shape, what, reason) {
  const made = {};
  for (const name of Object.keys(shape)) made[name] = valueOf(shape[name], name, `${what}.${name}`, reason);
  return made;
}

function absent(name) {
  if (!Object.hasOwn(shapes, name)) return undefined;
  return valueOf(JSON.parse(shapes[name]), name, `node:${name}`, reasonOf(name));
}

module.exports = { absent, reasonOf, unavailable };
