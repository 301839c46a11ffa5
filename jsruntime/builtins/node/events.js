// node:events: the package "events", with what newer Nodes have beside it.
const EventEmitter = require('../node_modules/events/events.js');

const { AsyncResource } = require('async_hooks');
const errorMonitor = Symbol('events.errorMonitor');
const captureRejectionSymbol = Symbol.for('nodejs.rejection');
const isTarget = (value) => typeof value?.addEventListener === 'function';

const { emit } = EventEmitter.prototype;
EventEmitter.prototype.emit = function (type, ...values) {
  if (type === 'error' && this.listenerCount(errorMonitor) > 0) Reflect.apply(emit, this, [errorMonitor, ...values]);
  return Reflect.apply(emit, this, [type, ...values]);
};

const abortError = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

function addAbortListener(signal, listener) {
  if (signal.aborted) queueMicrotask(() => listener({ type: 'abort', target: signal }));
  else signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose ?? Symbol.for('dispose')]() { signal.removeEventListener('abort', listener); } };
}

function listen(emitter, name, listener) {
  if (isTarget(emitter)) emitter.addEventListener(name, listener);
  else emitter.on(name, listener);
}
function unlisten(emitter, name, listener) {
  if (isTarget(emitter)) emitter.removeEventListener(name, listener);
  else emitter.removeListener(name, listener);
}

function once(emitter, name, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const end = (settle, value) => {
      unlisten(emitter, name, onEvent);
      if (name !== 'error' && !isTarget(emitter)) unlisten(emitter, 'error', onError);
      signal?.removeEventListener('abort', onAbort);
      settle(value);
    };
    const onEvent = (...values) => end(resolve, values);
    const onError = (error) => end(reject, error);
    const onAbort = () => end(reject, abortError(signal));
    listen(emitter, name, onEvent);
    if (name !== 'error' && !isTarget(emitter)) listen(emitter, 'error', onError);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function on(emitter, name, { signal, close = [] } = {}) {
  if (signal?.aborted) throw abortError(signal);
  const queue = [];
  const waiting = [];
  let failure = null;
  let done = false;
  const onEvent = (...values) => { waiting.length > 0 ? waiting.shift().resolve({ value: values, done: false }) : queue.push(values); };
  const onError = (error) => {
    waiting.length > 0 ? waiting.shift().reject(error) : failure = error;
    finish();
  };
  const onAbort = () => onError(abortError(signal));
  const finish = () => {
    if (done) return;
    done = true;
    unlisten(emitter, name, onEvent);
    if (name !== 'error') unlisten(emitter, 'error', onError);
    for (const each of close) unlisten(emitter, each, finish);
    signal?.removeEventListener('abort', onAbort);
    while (waiting.length > 0) waiting.shift().resolve({ value: undefined, done: true });
  };
  listen(emitter, name, onEvent);
  if (name !== 'error') listen(emitter, 'error', onError);
  for (const each of close) listen(emitter, each, finish);
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    async next() {
      if (queue.length > 0) return { value: queue.shift(), done: false };
      if (failure !== null) {
        const error = failure;
        failure = null;
        throw error;
      }
      if (done) return { value: undefined, done: true };
      return new Promise((resolve, reject) => { waiting.push({ resolve, reject }); });
    },
    async return() {
      finish();
      return { value: undefined, done: true };
    },
    async throw(error) {
      onError(error);
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() { return this; },
  };
}

class EventEmitterAsyncResource extends EventEmitter {
  #resource;
  constructor(options = {}) {
    super(options);
    this.#resource = new AsyncResource(typeof options === 'string' ? options : options.name ?? new.target.name);
  }
  emit(...values) { return this.#resource.runInAsyncScope(super.emit, this, ...values); }
  emitDestroy() { this.#resource.emitDestroy(); }
  get asyncResource() { return this.#resource; }
}

Object.assign(EventEmitter, {
  EventEmitter, EventEmitterAsyncResource, addAbortListener, captureRejectionSymbol, errorMonitor, on, once,
  getEventListeners: (emitter, name) => (isTarget(emitter) ? [] : emitter.listeners(name)),
  getMaxListeners: (emitter) => emitter.getMaxListeners?.() ?? EventEmitter.defaultMaxListeners,
  setMaxListeners: (count = EventEmitter.defaultMaxListeners, ...emitters) => {
    if (emitters.length === 0) EventEmitter.defaultMaxListeners = count;
    for (const emitter of emitters) emitter.setMaxListeners?.(count);
  },
});
module.exports = EventEmitter;
