// node:worker_threads: there is one thread, the main one.
const { absent } = require('zts:absent');

const environment = new Map();
module.exports = {
  ...absent('worker_threads'),
  isMainThread: true, isInternalThread: false, threadId: 0, threadName: '', parentPort: null, workerData: null, resourceLimits: {},
  SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'),
  get BroadcastChannel() { return globalThis.BroadcastChannel; },
  get MessageChannel() { return globalThis.MessageChannel; },
  get MessagePort() { return globalThis.MessagePort; },
  getEnvironmentData: (key) => environment.get(key),
  setEnvironmentData: (key, value) => { value === undefined ? environment.delete(key) : environment.set(key, value); },
  markAsUntransferable() {}, markAsUncloneable() {}, isMarkedAsUntransferable: () => false,
};
