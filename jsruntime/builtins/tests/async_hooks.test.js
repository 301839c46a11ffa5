// node:async_hooks: a context reaches everything that its code starts, and nothing else.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

const als = new AsyncLocalStorage();
const other = new AsyncLocalStorage();
const sleep = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

test('run: inside, after awaits, in promises; not outside', async () => {
  equal(als.getStore(), undefined);
  const inside = als.run('a', async () => {
    equal(als.getStore(), 'a');
    await null;
    equal(als.getStore(), 'a');
    await sleep(1);
    equal(als.getStore(), 'a');
    return Promise.resolve().then(() => als.getStore());
  });
  equal(als.getStore(), undefined);
  equal(await inside, 'a');
  equal(als.getStore(), undefined);
  throws(() => als.run('x', () => { throw new RangeError(); }), RangeError);
  equal(als.getStore(), undefined);
});

test('timers, microtasks, events, thenables', async () => {
  const seen = await new Promise((resolve) => {
    const got = [];
    const note = (name) => {
      got.push(`${name}:${als.getStore()}`);
      if (got.length === 5) resolve(got);
    };
    als.run('t', () => {
      setTimeout(() => note('timeout'), 1);
      const id = setInterval(() => {
        clearInterval(id);
        note('interval');
        queueMicrotask(() => note('micro in interval'));
      }, 2);
      queueMicrotask(() => note('micro'));
      const target = new EventTarget();
      target.addEventListener('e', () => note('event'));
      target.dispatchEvent(new Event('e'));
    });
  });
  same(seen, ['event:t', 'micro:t', 'timeout:t', 'interval:t', 'micro in interval:t']);
  const thenable = { then(resolve) { resolve(als.getStore()); } };
  equal(await als.run('then', async () => await thenable), 'then');
});

test('two storages, nested and side by side', async () => {
  await als.run(1, () => other.run(2, async () => {
    same([als.getStore(), other.getStore()], [1, 2]);
    await als.run(3, async () => {
      await sleep(1);
      same([als.getStore(), other.getStore()], [3, 2]);
    });
    same([als.getStore(), other.getStore()], [1, 2]);
    als.exit(() => same([als.getStore(), other.getStore()], [undefined, 2]));
  }));
  const answers = await Promise.all([1, 2, 3, 4].map((i) => als.run(i, async () => {
    for (let j = 0; j < 3; ++j) await sleep(5 - i);
    return als.getStore();
  })));
  same(answers, [1, 2, 3, 4]);
});

test('a promise resolved by somebody else wakes its waiter in the waiter\'s context', async () => {
  let resolve;
  const gate = new Promise((open) => { resolve = open; });
  const waiter = als.run('waiter', async () => {
    await gate;
    return als.getStore();
  });
  als.run('opener', resolve);
  equal(await waiter, 'waiter');
});

test('enterWith, bind, snapshot, AsyncResource', async () => {
  await als.run('outer', async () => {
    als.enterWith('entered');
    await null;
    equal(als.getStore(), 'entered');
  });
  const bound = als.run('b', () => AsyncLocalStorage.bind((x) => `${als.getStore()}${x}`));
  equal(bound(1), 'b1');
  equal(als.run('c', () => bound(2)), 'b2');
  const snapshot = als.run('s', () => AsyncLocalStorage.snapshot());
  equal(als.run('d', () => snapshot(() => als.getStore())), 's');
  const resource = als.run('r', () => new AsyncResource('thing'));
  equal(resource.runInAsyncScope(function (x) { return `${als.getStore()}${this.y}${x}`; }, { y: 1 }, 2), 'r12');
  equal(resource.bind(() => als.getStore())(), 'r');
  equal(new AsyncLocalStorage({ defaultValue: 7, name: 'n' }).getStore(), 7);
});
