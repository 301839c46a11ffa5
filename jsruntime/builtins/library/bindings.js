// What Node's library asks of internalBinding().
module.exports = {
  constants: { os: { signals: {
    __proto__: null, SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGUSR1: 10, SIGSEGV: 11,
    SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGCHLD: 17, SIGCONT: 18, SIGSTOP: 19, SIGTSTP: 20, SIGTTIN: 21, SIGTTOU: 22, SIGURG: 23,
    SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28, SIGIO: 29, SIGPWR: 30, SIGSYS: 31,
  } } },
  get buffer() { return require('./buffer_binding.js'); },
  get encoding_binding() { return { toASCII: require('./url.js').toASCII }; },
  get url() { return require('./url.js'); },
  config: { hasIntl: false },
  util: {
    privateSymbols: { arrow_message_private_symbol: Symbol('arrow'), untransferable_object_private_symbol: Symbol('untransferable') },
    constants: { ALL_PROPERTIES: 0, ONLY_ENUMERABLE: 2 },
    getOwnNonIndexProperties: (object, filter) => (filter === 2 ? Object.keys(object) : Reflect.ownKeys(object)).filter((key) => typeof key === 'symbol' || !/^\d+$/.test(key)),
    isInsideNodeModules: () => true,  // what is deprecated is for packages to see to, not for those who run them
  },
  uv: { getErrorMap: () => new Map() },
  os: { getOSInformation: () => [] },
};
