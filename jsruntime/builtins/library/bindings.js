// What Node's library asks of internalBinding().

// Properties that are those of what load() returns, which is called when one of them is read first; `load` null: the global ones.
function defineLazyProperties(target, load, names, enumerable = true) {
  for (const name of names) {
    if (load === null && !(name in globalThis)) continue;
    const define = (value) => Object.defineProperty(target, name, { value, writable: true, enumerable, configurable: true });
    Object.defineProperty(target, name, {
      get() {
        const from = load === null ? globalThis : load();
        const value = typeof from === 'function' && from.name === name ? from : from[name];
        define(value);
        return value;
      },
      set: define, enumerable, configurable: true,
    });
  }
}

module.exports = {
  constants: {
  os: { signals: {
    __proto__: null, SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGUSR1: 10, SIGSEGV: 11,
    SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGCHLD: 17, SIGCONT: 18, SIGSTOP: 19, SIGTSTP: 20, SIGTTIN: 21, SIGTTOU: 22, SIGURG: 23,
    SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28, SIGIO: 29, SIGPWR: 30, SIGSYS: 31,
  } },
  get crypto() { return require('zts:absent').absent('crypto').constants; },
  // With the one that JSON cannot say.
  get zlib() { return Object.assign(require('zts:absent').absent('zlib').constants, { Z_MAX_CHUNK: Infinity }); },
  },
  get crypto() { return require('zts:crypto_binding'); },
  get zlib() { return require('zts:zlib_binding'); },
  stream_wrap: {},
  get buffer() { return require('./buffer_binding.js'); },
  get encoding_binding() { return { toASCII: require('./url.js').toASCII }; },
  get url() { return require('./url.js'); },
  config: { hasIntl: false, hasInspector: false },
  // An exception that nobody has caught, when what has thrown it is done with.
  errors: { triggerUncaughtException: (error) => reportError(error) },
  diagnostics_channel: { subscribers: [], linkNativeChannel() {}, notifyChannelActive() {}, notifyChannelInactive() {} },
  get messaging() { return { DOMException }; },
  string_decoder: { encodings: ['ascii', 'utf8', 'base64', 'utf16le', 'latin1', 'hex', 'buffer', 'base64url'] },
  get types() { return require('util/types'); },
  util: {
    privateSymbols: {
      arrow_message_private_symbol: Symbol('arrow'), decorated_private_symbol: Symbol('decorated'), untransferable_object_private_symbol: Symbol('untransferable'),
    },
    constants: { ALL_PROPERTIES: 0, ONLY_ENUMERABLE: 2, kPending: 0, kFulfilled: 1, kRejected: 2 },
    defineLazyProperties,
    getOwnNonIndexProperties: native.ownNonIndexKeys,
    // What a proxy stands for, or [that, its handler]; undefined of others.
    getProxyDetails: (value, both = true) => {
      if (!native.isProxy(value)) return undefined;
      const details = native.lookInside(value);
      return both ? details : details[0];
    },
    getPromiseDetails: native.lookInside,
    // The entries of a Map, a Set or an iterator, a Map's as key, value, key, value; or [those, whether they are a Map's].
    previewEntries: (value, both = false) => (both ? native.lookInside(value) : native.lookInside(value)[0]),
    getConstructorName: native.classNameOf,
    getCallSites: native.callSites,
    markPromiseAsHandled: (promise) => { promise.then(undefined, () => {}); },
    parseEnv: (text) => require('zts:parse_env').parseEnv(text),
    isInsideNodeModules: () => true,  // what is deprecated is for packages to see to, not for those who run them
    guessHandleType: () => 5,         // unknown
  },
  uv: {
    UV_EOF: -4095,
    getErrorMap: () => require('zts:system_errors').map,
    getErrorMessage: (code) => require('zts:system_errors').map.get(code)?.[1] ?? `Unknown system error ${code}`,
  },
  os: { getOSInformation: () => [] },
};
