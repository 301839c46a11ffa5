// node:timers/promises.
const abortError = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

function wait(delay, value, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const onAbort = () => {
      clearTimeout(id);
      reject(abortError(signal));
    };
    const id = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, delay);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

async function* interval(delay, value, options) {
  for (;;) yield await wait(delay, value, options);
}

module.exports = {
  setTimeout: wait,
  setImmediate: (value, options) => wait(0, value, options),
  setInterval: interval,
  scheduler: { wait: (delay, options) => wait(delay, undefined, options), yield: () => wait(0) },
};
