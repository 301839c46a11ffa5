// node:timers: the timers of the web, as objects with Node's manners.
class Timeout {
  #id;
  #callback;
  #delay;
  #values;
  #repeats;
  constructor(callback, delay, values, repeats) {
    this.#callback = callback;
    this.#delay = delay;
    this.#values = values;
    this.#repeats = repeats;
    this.#start();
  }
  #start() { this.#id = (this.#repeats ? globalThis.setInterval : globalThis.setTimeout)(this.#callback, this.#delay, ...this.#values); }
  // An invocation waits for its timers anyway; there is no process that one could keep alive.
  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
  refresh() {
    this.close();
    this.#start();
    return this;
  }
  close() {
    globalThis.clearTimeout(this.#id);
    return this;
  }
  [Symbol.toPrimitive]() { return this.#id; }
  [Symbol.dispose ?? Symbol.for('dispose')]() { this.close(); }
}

const clear = (timer) => { timer instanceof Timeout ? timer.close() : globalThis.clearTimeout(timer); };
const timers = {
  setTimeout: (callback, delay, ...values) => new Timeout(callback, delay, values, false),
  setInterval: (callback, delay, ...values) => new Timeout(callback, delay, values, true),
  setImmediate: (callback, ...values) => new Timeout(callback, 0, values, false),
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
};
Object.defineProperty(timers, 'promises', { get: () => require('timers/promises'), enumerable: true });
module.exports = timers;
