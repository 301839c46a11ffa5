// HTML 8.1.4.6: errors and rejections that nobody handles, as events of the global object.

const later = () => new Promise((resolve) => setTimeout(resolve, 2));

test('the global object is an event target', () => {
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) equal(globalThis[name], EventTarget.prototype[name]);
  let seen;
  const listener = function (event) { seen = [this, event.target, event.currentTarget]; };
  addEventListener('mine', listener);
  ok(dispatchEvent(new Event('mine')));
  ok(seen.every((each) => each === globalThis));
  removeEventListener('mine', listener);
  seen = undefined;
  EventTarget.prototype.dispatchEvent.call(globalThis, new Event('mine'));
  equal(seen, undefined);
  for (const name of ['onerror', 'onunhandledrejection', 'onrejectionhandled']) {
    const found = Object.getOwnPropertyDescriptor(globalThis, name);
    same([typeof found.get, typeof found.set, found.enumerable, found.configurable], ['function', 'function', true, true], name);
    equal(globalThis[name], null);
    globalThis[name] = 7;
    equal(globalThis[name], null);
  }
});

test('reportError: an error event, and onerror with its five arguments', () => {
  const events = [];
  const listener = (event) => { events.push(event); event.preventDefault(); };
  addEventListener('error', listener);
  const error = new RangeError('far');
  reportError(error);
  ok(events[0] instanceof ErrorEvent && events[0].cancelable && events[0].isTrusted);
  equal(events[0].error, error);
  equal(events[0].message, 'Uncaught RangeError: far');
  removeEventListener('error', listener);
  let given;
  globalThis.onerror = (...values) => { given = values; return true; };
  reportError(error);
  globalThis.onerror = null;
  equal(given.length, 5);
  equal(given[4], error);
});

test('an exception of a timer is an error event with its place', async () => {
  const seen = new Promise((resolve) => { globalThis.onerror = (...values) => { resolve(values); return true; }; });
  setTimeout(() => { throw new TypeError('late'); });
  const [message, filename, lineno, colno, error] = await seen;
  globalThis.onerror = null;
  equal(message, 'Uncaught TypeError: late');
  equal(typeof filename, 'string');
  ok(lineno > 0 && colno > 0);
  ok(error instanceof TypeError);
});

test('an error of an error listener does not go round', () => {
  let calls = 0;
  globalThis.onerror = () => { ++calls; throw new Error('again'); };
  reportError(new Error('first'));
  globalThis.onerror = null;
  equal(calls, 1);
});

test('unhandledrejection, then rejectionhandled when a handler comes after all', async () => {
  const events = [];
  const listener = (event) => { events.push(event); event.preventDefault(); };
  addEventListener('unhandledrejection', listener);
  addEventListener('rejectionhandled', listener);
  const handled = Promise.reject(1);
  handled.catch(() => {});
  const promise = Promise.reject('why');
  await later();
  equal(events.length, 1);
  ok(events[0] instanceof PromiseRejectionEvent && events[0].cancelable);
  same([events[0].type, events[0].reason], ['unhandledrejection', 'why']);
  equal(events[0].promise, promise);
  promise.catch(() => {});
  await later();
  removeEventListener('unhandledrejection', listener);
  removeEventListener('rejectionhandled', listener);
  equal(events.length, 2);
  same([events[1].type, events[1].reason], ['rejectionhandled', 'why']);
  equal(events[1].promise, promise);
});
