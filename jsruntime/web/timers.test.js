// Timers and microtasks (HTML 8.6, 8.7), and console's manners.

test('are global functions', () => {
  for (const name of ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'queueMicrotask']) {
    const property = Object.getOwnPropertyDescriptor(globalThis, name);
    same([property.writable, property.enumerable, property.configurable, property.value.name], [true, true, true, name]);
  }
});

test('check the callback', () => {
  throws(() => setTimeout('code'), TypeError);
  throws(() => setInterval(), TypeError);
  throws(() => queueMicrotask(null), TypeError);
});

test('ids are positive and clearing is forgiving', () => {
  const id = setTimeout(() => {}, 1e9);
  ok(id > 0);
  clearTimeout(id);
  clearTimeout(id);
  clearTimeout();
  clearTimeout('nothing');
  clearInterval(-1);
});

test('timers run in order of time, microtasks first', async () => {
  const order = [];
  await new Promise((done) => {
    setTimeout((x, y) => { order.push(`b${x}${y}`); done(); }, 2, 1, 2);
    setTimeout(() => order.push('a'), 1);
    const cancelled = setTimeout(() => order.push('never'), 1);
    clearTimeout(cancelled);
    queueMicrotask(() => order.push('m'));
  });
  same(order, ['m', 'a', 'b12']);
});

test('intervals repeat until cleared', async () => {
  let count = 0;
  await new Promise((done) => {
    const id = setInterval(() => {
      if (++count === 3) {
        clearInterval(id);
        done();
      }
    }, 1);
  });
  equal(count, 3);
});

test('console is a namespace', () => {
  equal(Object.prototype.toString.call(console), '[object console]');
  for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'assert', 'count', 'countReset', 'time', 'timeLog', 'timeEnd',
    'table', 'dir', 'dirxml', 'group', 'groupCollapsed', 'groupEnd', 'clear']) equal(typeof console[name], 'function', name);
  const { log } = console;
  log('detached methods work');
});
