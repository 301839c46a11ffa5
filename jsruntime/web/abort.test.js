// AbortController and AbortSignal (DOM standard 3).

test('abort', () => {
  const controller = new AbortController();
  const { signal } = controller;
  equal(controller.signal, signal);
  same([signal.aborted, signal.reason, signal.onabort], [false, undefined, null]);
  equal(signal.throwIfAborted(), undefined);
  const log = [];
  signal.onabort = function (event) { log.push('onabort', this === signal, event.type, event.isTrusted, event.target === signal); };
  signal.addEventListener('abort', () => log.push('listener', signal.aborted));
  controller.abort();
  same(log, ['onabort', true, 'abort', true, true, 'listener', true]);
  ok(signal.aborted);
  checkError(signal.reason, 'AbortError');
  throws(() => signal.throwIfAborted(), 'AbortError');
  controller.abort('again');
  checkError(signal.reason, 'AbortError');
  equal(log.length, 7);
});

test('reasons', () => {
  const controller = new AbortController();
  const reason = { why: 1 };
  controller.abort(reason);
  equal(controller.signal.reason, reason);
  let thrown;
  try {
    controller.signal.throwIfAborted();
  } catch (error) {
    thrown = error;
  }
  equal(thrown, reason);
  const withNull = new AbortController();
  withNull.abort(null);
  equal(withNull.signal.reason, null);
  ok(withNull.signal.aborted);
});

test('onabort can be replaced and removed', () => {
  const controller = new AbortController();
  const log = [];
  controller.signal.onabort = () => log.push(1);
  controller.signal.onabort = () => log.push(2);
  controller.abort();
  same(log, [2]);
  const other = new AbortController();
  other.signal.onabort = () => log.push(3);
  other.signal.onabort = null;
  equal(other.signal.onabort, null);
  other.signal.onabort = 'text';
  equal(other.signal.onabort, null);
  other.abort();
  same(log, [2]);
});

test('AbortSignal.abort', () => {
  const signal = AbortSignal.abort();
  ok(signal.aborted);
  checkError(signal.reason, 'AbortError');
  equal(AbortSignal.abort('x').reason, 'x');
});

test('AbortSignal.timeout', async () => {
  const signal = AbortSignal.timeout(1);
  equal(signal.aborted, false);
  await new Promise((resolve) => { signal.onabort = resolve; });
  checkError(signal.reason, 'TimeoutError');
  throws(() => AbortSignal.timeout(), TypeError);
  throws(() => AbortSignal.timeout(-1), TypeError);
  throws(() => AbortSignal.timeout(NaN), TypeError);
  throws(() => AbortSignal.timeout(Infinity), TypeError);
});

test('AbortSignal.any', () => {
  const a = new AbortController();
  const b = new AbortController();
  const any = AbortSignal.any([a.signal, b.signal]);
  equal(any.aborted, false);
  const log = [];
  a.signal.addEventListener('abort', () => log.push('a', any.aborted));
  any.addEventListener('abort', () => log.push('any'));
  a.abort('first');
  b.abort('second');
  same(log, ['a', true, 'any']);
  equal(any.reason, 'first');
  equal(AbortSignal.any([]).aborted, false);
  const done = AbortSignal.any([new AbortController().signal, AbortSignal.abort(1), AbortSignal.abort(2)]);
  same([done.aborted, done.reason], [true, 1]);
  throws(() => AbortSignal.any(), TypeError);
  throws(() => AbortSignal.any([{}]), TypeError);
  throws(() => AbortSignal.any(1), TypeError);
});

test('any of any', () => {
  const a = new AbortController();
  const inner = AbortSignal.any([a.signal]);
  const outer = AbortSignal.any([inner, new AbortController().signal]);
  const log = [];
  outer.onabort = () => log.push('outer');
  inner.onabort = () => log.push('inner');
  a.abort(7);
  same(log, ['inner', 'outer']);
  equal(outer.reason, 7);
});

test('the same signal twice', () => {
  const a = new AbortController();
  let count = 0;
  AbortSignal.any([a.signal, a.signal]).onabort = () => ++count;
  a.abort();
  equal(count, 1);
});

test('many short-lived signals of one long-lived one', () => {
  const long = new AbortController();
  let count = 0;
  for (let i = 0; i < 5000; ++i) {
    const any = AbortSignal.any([long.signal]);
    if (i % 1000 === 0) any.addEventListener('abort', () => ++count);
  }
  long.abort();
  equal(count, 5);
});

test('cannot be made by hand', () => {
  throws(() => new AbortSignal(), TypeError);
  throws(() => AbortController.prototype.abort.call({}), TypeError);
  throws(() => Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted').get.call(new EventTarget()), TypeError);
});

test('interfaces', () => {
  checkInterface('AbortController', 0, ['signal', 'abort']);
  checkInterface('AbortSignal', 0, ['aborted', 'reason', 'throwIfAborted', 'onabort'], ['abort', 'timeout', 'any']);
  ok(AbortSignal.abort() instanceof EventTarget);
});
