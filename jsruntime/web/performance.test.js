// performance (High Resolution Time 7) and navigator.

test('now grows from the origin', () => {
  const first = performance.now();
  ok(first >= 0);
  let last = first;
  for (let i = 0; i < 1000; ++i) {
    const now = performance.now();
    ok(now >= last);
    last = now;
  }
  ok(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000);
  ok(performance.timeOrigin > 1.7e12);
  equal(performance.timeOrigin, performance.timeOrigin);
});

test('is no finer than five microseconds', () => {
  for (let i = 0; i < 1000; ++i) {
    const steps = performance.now() * 200;
    ok(Math.abs(steps - Math.round(steps)) < 1e-3, steps);
  }
});

test('toJSON', () => same(performance.toJSON(), { timeOrigin: performance.timeOrigin }));

test('events carry the time', () => {
  const before = performance.now();
  const { timeStamp } = new Event('x');
  ok(timeStamp >= before && timeStamp <= performance.now());
});

test('interfaces', () => {
  checkInterface('Performance', 0, ['now', 'timeOrigin', 'toJSON']);
  checkInterface('Navigator', 0, ['userAgent']);
  ok(performance instanceof EventTarget);
  throws(() => new Performance(), TypeError);
  throws(() => Performance.prototype.now.call({}), TypeError);
  equal(navigator.userAgent, 'zts');
  equal(self, globalThis);
});
