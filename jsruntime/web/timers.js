// setTimeout, setInterval, queueMicrotask. The native side keeps the times and calls internal.fireTimer; the callbacks stay here.

// `context` is what AsyncLocalStorage carries over; undefined as long as no function uses it.
const callbacks = new Map(); // id -> { callback, values, repeats, context }
const kDelayMax = 2 ** 31 - 1;

function toDelay(value) {
  const delay = Math.trunc(Number(value));
  if (!(delay >= 1)) return 1;
  return delay > kDelayMax ? 1 : delay;
}

function start(callback, delay, values, repeats) {
  if (typeof callback !== 'function') {
    throw new TypeError(`${repeats ? 'setInterval' : 'setTimeout'}: the callback is ${typeof callback}, not a function`);
  }
  const id = native.timerStart(toDelay(delay), repeats);
  callbacks.set(id, { callback, values, repeats, context: internal.captureContext?.() });
  return id;
}

function stop(id) {
  const number = Number(id);
  if (callbacks.delete(number)) native.timerStop(number);
}

internal.startTimer = (callback, delay) => start(callback, delay, [], false);
internal.stopTimer = stop;

// A task of the running invocation, after the microtasks and before what is due later.
internal.queueTask = (callback) => { callbacks.set(native.timerStart(0, false), { callback, values: [], repeats: false }); };

internal.fireTimer = (id) => {
  const timer = callbacks.get(id);
  if (timer === undefined) return;
  if (!timer.repeats) callbacks.delete(id);
  if (timer.context !== undefined) native.contextSet(timer.context);
  Reflect.apply(timer.callback, globalThis, timer.values);
};
// The invocation it belonged to is gone.
internal.forgetTimer = (id) => { callbacks.delete(id); };

internal.exposeOperation('setTimeout', function (callback, delay = 0, ...values) { return start(callback, delay, values, false); });
internal.exposeOperation('setInterval', function (callback, delay = 0, ...values) { return start(callback, delay, values, true); });
internal.exposeOperation('clearTimeout', function (id = undefined) { stop(id); });
internal.exposeOperation('clearInterval', function (id = undefined) { stop(id); });
internal.exposeOperation('queueMicrotask', function (callback) {
  if (typeof callback !== 'function') throw new TypeError('queueMicrotask: the callback is not a function');
  native.enqueueMicrotask(callback);
});
