// "zts:library": what the modules of Node's own library stand on, in one text, since each text costs an isolate its while. The files beside this
// one are what Node's library asks Node for; primordials.js, errors.js, validators.js, util.js and abort_listener.js come from Node
// (../node_library.cjs).
module.exports = {
  get absent() { return require('./absent.js'); },
  get abort_controller() { return require('./abort_controller.js'); },
  get abort_listener() { return require('./abort_listener.js'); },
  get assert() { return require('./assert.js'); },
  get bindings() { return require('./bindings.js'); },
  get colors() { return require('./colors.js'); },
  get crypto_keys() { return require('./crypto_keys.js'); },
  get errors() { return require('./errors.js'); },
  get event_target() { return require('./event_target.js'); },
  get inspect() { return require('./inspect.js'); },
  get options() { return require('./options.js'); },
  get platform_view() { return require('./platform_view.js'); },
  get primordials() { return require('./primordials.js'); },
  get process() { return require('./process.js'); },
  get realm() { return require('./realm.js'); },
  get startup_snapshot() { return require('./startup_snapshot.js'); },
  get task_queues() { return require('./task_queues.js'); },
  get timers() { return require('./timers.js'); },
  get trace_events() { return require('./trace_events.js'); },
  get url() { return require('./url.js'); },
  get util() { return require('./util.js'); },
  get validators() { return require('./validators.js'); },
};
