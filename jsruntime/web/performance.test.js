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

test('marks and measures', () => {
  for (const [name, length] of [['PerformanceEntry', 0], ['PerformanceMark', 1], ['PerformanceMeasure', 0]]) checkInterface(name, length, []);
  performance.clearMarks();
  const detail = { a: 1 };
  const first = performance.mark('first', { startTime: 5, detail });
  ok(first instanceof PerformanceMark && first instanceof PerformanceEntry);
  same([first.name, first.entryType, first.startTime, first.duration], ['first', 'mark', 5, 0]);
  same(first.detail, detail);
  ok(first.detail !== detail);
  performance.mark('second', { startTime: 12 });
  const between = performance.measure('between', 'first', 'second');
  same([between.entryType, between.startTime, between.duration, between.detail], ['measure', 5, 7, null]);
  same([performance.measure('x', { start: 1, duration: 2 }).startTime, performance.measure('x', { end: 'second', duration: 2 }).startTime], [1, 10]);
  equal(performance.measure('whole').startTime, 0);
  throws(() => performance.measure('x', 'nothing'), 'SyntaxError');
  throws(() => performance.measure('x', { start: 1, end: 2, duration: 3 }), TypeError);
  throws(() => performance.mark('x', { startTime: -1 }), TypeError);
  same(performance.getEntriesByType('mark').map((entry) => entry.name), ['first', 'second']);
  equal(performance.getEntriesByName('between', 'measure')[0], between);
  same(JSON.parse(JSON.stringify(first)), { name: 'first', entryType: 'mark', startTime: 5, duration: 0, detail: { a: 1 } });
  performance.clearMarks('first');
  same(performance.getEntriesByType('mark').map((entry) => entry.name), ['second']);
  performance.clearMarks();
  performance.clearMeasures();
  same(performance.getEntries(), []);
});

test('marks are bounded', () => {
  for (let i = 0; i < 5000; ++i) performance.mark(`m${i}`);
  ok(performance.getEntries().length <= 1000);
  performance.clearMarks();
});

test('observers', async () => {
  checkInterface('PerformanceObserver', 1, ['observe', 'disconnect', 'takeRecords']);
  checkInterface('PerformanceObserverEntryList', 0, ['getEntries', 'getEntriesByType', 'getEntriesByName']);
  same(PerformanceObserver.supportedEntryTypes, ['mark', 'measure']);
  performance.mark('before', { startTime: 3 });
  const reports = [];
  const observer = new PerformanceObserver(function (list, self, options) {
    equal(this, self);
    reports.push([list.getEntries().map((entry) => entry.name), options.droppedEntriesCount]);
  });
  throws(() => observer.observe(), TypeError);
  throws(() => observer.observe({ entryTypes: ['mark'], buffered: true }), TypeError);
  observer.observe({ type: 'mark', buffered: true });
  throws(() => observer.observe({ entryTypes: ['mark'] }), 'InvalidModificationError');
  observer.observe({ type: 'no such type' });
  performance.mark('after', { startTime: 1 });
  performance.measure('unwatched');
  same(reports, []);
  await new Promise((go) => setTimeout(go, 0));
  same(reports.map(([names]) => names), [['after', 'before']]);
  equal(typeof reports[0][1], 'number');
  performance.mark('taken');
  same(observer.takeRecords().map((entry) => entry.name), ['taken']);
  performance.mark('forgotten');
  observer.disconnect();
  performance.mark('unseen');
  await new Promise((go) => setTimeout(go, 0));
  equal(reports.length, 1);
  performance.clearMarks();
  performance.clearMeasures();
});
