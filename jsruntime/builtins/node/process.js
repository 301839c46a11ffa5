// node:process: the function's settings in env, and what packages ask for while they load.
//
// The version is that of the Node whose modules these are: packages that look for it find here what they then use, or hear why not.
const EventEmitter = require('events');

const seconds = () => internal.now() / 1000;
const notHere = (what) => () => { throw new Error(`process.${what} is not available: a function is not a process of its own`); };

class Stream extends EventEmitter {
  #write;
  #rest = '';
  isTTY = false;
  writable = true;
  constructor(write) {
    super();
    this.#write = write;
  }
  // A record of the log is a line.
  write(chunk, encoding, callback) {
    const lines = (this.#rest + (typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk))).split('\n');
    this.#rest = lines.pop().slice(0, 16384);
    for (const line of lines) this.#write(line);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') queueMicrotask(done);
    return true;
  }
  end(chunk) {
    this.write(`${chunk ?? ''}\n`);
  }
}

// Of the function's isolate: there is no process of its own.
function memoryUsage() {
  const [heapTotal, heapUsed, external] = native.memoryUse();
  return { rss: heapTotal + external, heapTotal, heapUsed, external, arrayBuffers: external };
}
memoryUsage.rss = () => memoryUsage().rss;

function hrtime(since) {
  if (since !== undefined) {
    const { errors, validators } = require('zts:library');
    validators.validateArray(since, 'time');
    if (since.length !== 2) throw new errors.codes.ERR_OUT_OF_RANGE('time', 2, since.length);
  }
  const now = seconds();
  let whole = Math.trunc(now);
  let nanos = Math.trunc((now - whole) * 1e9);
  if (since !== undefined) {
    whole -= since[0];
    nanos -= since[1];
    if (nanos < 0) {
      whole -= 1;
      nanos += 1e9;
    }
  }
  return [whole, nanos];
}
hrtime.bigint = () => BigInt(Math.trunc(seconds() * 1e9));

const process = Object.assign(new EventEmitter(), {
  title: 'zts',
  argv: [],
  argv0: 'zts',
  execArgv: [],
  execPath: '',
  exitCode: undefined,
  pid: 1,
  ppid: 0,
  platform: 'linux',
  arch: 'x64',
  version: `v${NODE_VERSION}`,
  versions: { node: NODE_VERSION },
  release: { name: 'node' },
  features: {},
  config: { variables: {} },
  browser: false,
  stdout: new Stream((line) => console.log(line)),
  stderr: new Stream((line) => console.error(line)),
  cwd: () => '/',
  umask: () => 0o22,
  uptime: seconds,
  hrtime,
  nextTick: (callback, ...values) => {
    if (typeof callback !== 'function') require('zts:library').validators.validateFunction(callback, 'callback');
    queueMicrotask(values.length === 0 ? callback : () => callback(...values));
  },
  emitWarning(warning, type, code) {
    const options = typeof type === 'object' && type !== null ? type : { type, code: typeof code === 'string' ? code : undefined };
    const made = warning instanceof Error ? warning : Object.assign(new Error(`${warning}`), { name: options.type ?? 'Warning' });
    if (options.code !== undefined) made.code = options.code;
    if (options.detail !== undefined) made.detail = options.detail;
    if (made.name === 'DeprecationWarning' && process.noDeprecation) return;
    console.warn(`${made.code === undefined ? '' : `[${made.code}] `}${made.name}: ${made.message}`);
    queueMicrotask(() => process.emit('warning', made));
  },
  memoryUsage,
  constrainedMemory: () => native.memoryUse()[3],
  availableMemory: () => Math.max(0, native.memoryUse()[3] - memoryUsage().rss),
  cpuUsage: notHere('cpuUsage'),
  getuid: () => 0,
  getgid: () => 0,
  exit: notHere('exit'),
  abort: notHere('abort'),
  kill: notHere('kill'),
  chdir: notHere('chdir'),
  binding: notHere('binding'),
  dlopen: notHere('dlopen'),
});

// Read when something of it is first asked for: a module that only imports it does not depend on it.
let read = false;
const whenAsked = {};
for (const trap of ['get', 'set', 'has', 'deleteProperty', 'ownKeys', 'getOwnPropertyDescriptor', 'defineProperty']) {
  whenAsked[trap] = (values, ...rest) => {
    if (!read) {
      read = true;
      Object.assign(values, native.environment());
    }
    if (trap === 'set') rest[1] = `${rest[1]}`;  // they are text, whatever is put there
    return Reflect[trap](values, ...(trap === 'get' || trap === 'set' ? rest.slice(0, -1) : rest));
  };
}
process.env = new Proxy({}, whenAsked);
Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });
module.exports = process;
