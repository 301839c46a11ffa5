// "zts:library": what the modules of Node's own library stand on, in one text, since each text costs an isolate its while. The files beside this
// one are what Node's library asks Node for; primordials.js, errors.js, validators.js and abort_listener.js come from Node (../node_library.cjs).
module.exports = {
  get absent() { return require('./absent.js'); },
  get abort_listener() { return require('./abort_listener.js'); },
  get bindings() { return require('./bindings.js'); },
  get errors() { return require('./errors.js'); },
  get event_target() { return require('./event_target.js'); },
  get inspect() { return require('./inspect.js'); },
  get options() { return require('./options.js'); },
  get primordials() { return require('./primordials.js'); },
  get process() { return require('./process.js'); },
  get startup_snapshot() { return require('./startup_snapshot.js'); },
  get assert() { return require('./assert.js'); },
  get url() { return require('./url.js'); },
  get util() { return require('./util.js'); },
  get validators() { return require('./validators.js'); },
};
