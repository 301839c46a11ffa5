// Streams standard: the classes' looks, and the behaviour that functions build on; the cases are those of its algorithms.

const collect = async (stream) => {
  const all = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
};
const fromBytes = (...chunks) => new ReadableStream({
  type: 'bytes',
  start(controller) {
    for (const chunk of chunks) controller.enqueue(new Uint8Array(chunk));
    controller.close();
  },
});

test('interfaces', () => {
  checkInterface('ReadableStream', 0, ['locked', 'cancel', 'getReader', 'pipeThrough', 'pipeTo', 'tee', 'values'], ['from']);
  checkInterface('ReadableStreamDefaultReader', 1, ['closed', 'cancel', 'read', 'releaseLock']);
  checkInterface('ReadableStreamBYOBReader', 1, ['closed', 'cancel', 'read', 'releaseLock']);
  checkInterface('ReadableStreamDefaultController', 0, ['desiredSize', 'close', 'enqueue', 'error']);
  checkInterface('ReadableByteStreamController', 0, ['byobRequest', 'desiredSize', 'close', 'enqueue', 'error']);
  checkInterface('ReadableStreamBYOBRequest', 0, ['view', 'respond', 'respondWithNewView']);
  checkInterface('WritableStream', 0, ['locked', 'abort', 'close', 'getWriter']);
  checkInterface('WritableStreamDefaultWriter', 1, ['closed', 'desiredSize', 'ready', 'abort', 'close', 'releaseLock', 'write']);
  checkInterface('WritableStreamDefaultController', 0, ['signal', 'error']);
  checkInterface('TransformStream', 0, ['readable', 'writable']);
  checkInterface('TransformStreamDefaultController', 0, ['desiredSize', 'enqueue', 'error', 'terminate']);
  checkInterface('ByteLengthQueuingStrategy', 1, ['highWaterMark', 'size']);
  checkInterface('CountQueuingStrategy', 1, ['highWaterMark', 'size']);
  equal('abortReason' in WritableStreamDefaultController.prototype, false);
  equal(ReadableStream.prototype[Symbol.asyncIterator], ReadableStream.prototype.values);
  for (const [method, length] of [['cancel', 0], ['getReader', 0], ['pipeThrough', 1], ['pipeTo', 1], ['tee', 0], ['values', 0]]) {
    equal(ReadableStream.prototype[method].length, length, method);
    equal(ReadableStream.prototype[method].name, method);
  }
  equal(Object.getOwnPropertyDescriptor(ReadableStream.prototype, 'locked').get.name, 'get locked');
  for (const Class of [ReadableStreamDefaultController, ReadableByteStreamController, ReadableStreamBYOBRequest,
    WritableStreamDefaultController, TransformStreamDefaultController]) throws(() => new Class(), TypeError, Class.name);
});

test('brands: members refuse objects that are no streams', async () => {
  const fake = Object.create(ReadableStream.prototype);
  throws(() => fake.locked, TypeError);
  throws(() => fake.getReader(), TypeError);
  await rejects(fake.cancel(), TypeError);
  await rejects(fake.pipeTo(new WritableStream()), TypeError);
  throws(() => new ReadableStreamDefaultReader({}), TypeError);
  throws(() => Object.create(TransformStream.prototype).readable, TypeError);
});

test('read, close, cancel, error', async () => {
  let cancelled;
  const stream = new ReadableStream({
    start(controller) { controller.enqueue('a'); controller.enqueue('b'); },
    cancel(reason) { cancelled = reason; },
  });
  const reader = stream.getReader();
  ok(stream.locked);
  throws(() => stream.getReader(), TypeError);
  same(await reader.read(), { value: 'a', done: false });
  await reader.cancel('enough');
  equal(cancelled, 'enough');
  same(await reader.read(), { value: undefined, done: true });
  await reader.closed;
  reader.releaseLock();
  ok(!stream.locked);
  const broken = new ReadableStream({ start(controller) { controller.error(new RangeError('x')); } });
  await rejects(broken.getReader().read(), RangeError);
});

test('pull is called as the queue drains, one call at a time', async () => {
  let pulls = 0;
  const stream = new ReadableStream({ pull(controller) { controller.enqueue(++pulls); if (pulls === 4) controller.close(); } },
    new CountQueuingStrategy({ highWaterMark: 2 }));
  await null;
  await null;
  equal(pulls, 2);
  same(await collect(stream), [1, 2, 3, 4]);
});

test('releaseLock rejects reads that are pending', async () => {
  const reader = new ReadableStream().getReader();
  const read = reader.read();
  reader.releaseLock();
  await rejects(read, TypeError);
  await rejects(reader.closed, TypeError);
});

test('async iteration: return cancels, preventCancel does not', async () => {
  let cancelled = false;
  const make = () => new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { cancelled = true; } });
  for await (const chunk of make()) { equal(chunk, 1); break; }
  ok(cancelled);
  cancelled = false;
  const kept = make();
  for await (const chunk of kept.values({ preventCancel: true })) { equal(chunk, 1); break; }
  ok(!cancelled && !kept.locked);
});

test('from: iterables, async iterables, promises in arrays', async () => {
  same(await collect(ReadableStream.from(['a', Promise.resolve('b')])), ['a', 'b']);
  same(await collect(ReadableStream.from(new Set([1, 2]))), [1, 2]);
  let returned = false;
  async function* generate() { try { yield 1; yield 2; } finally { returned = true; } }
  const stream = ReadableStream.from(generate());
  for await (const chunk of stream) { equal(chunk, 1); break; }
  ok(returned);
  throws(() => ReadableStream.from({}), TypeError);
  throws(() => ReadableStream.from(null), TypeError);
});

test('byte streams: BYOB reads fill the given buffer and detach it', async () => {
  const reader = fromBytes([1, 2, 3], [4]).getReader({ mode: 'byob' });
  ok(reader instanceof ReadableStreamBYOBReader);
  const given = new Uint8Array(2);
  const first = await reader.read(given);
  equal(given.byteLength, 0);
  same([...first.value], [1, 2]);
  same([...(await reader.read(new Uint8Array(8), { min: 2 })).value], [3, 4]);
  const end = await reader.read(new Uint8Array(4));
  equal(end.done, true);
  equal(end.value.byteLength, 0);
  await rejects(reader.read(new Uint8Array(0)), TypeError);
});

test('byte streams: byobRequest is answered by respond, autoAllocateChunkSize makes one for default readers', async () => {
  const views = [];
  const source = {
    type: 'bytes',
    autoAllocateChunkSize: 4,
    pull(controller) {
      const { byobRequest } = controller;
      views.push(byobRequest.view.byteLength);
      byobRequest.view[0] = 7;
      byobRequest.respond(1);
    },
  };
  same([...(await new ReadableStream(source).getReader().read()).value], [7]);
  same([...(await new ReadableStream(source).getReader({ mode: 'byob' }).read(new Uint8Array(9))).value], [7]);
  same(views, [4, 9]);
});

test('byte streams take only views with bytes', () => {
  new ReadableStream({ type: 'bytes', start(controller) {
    throws(() => controller.enqueue('text'), TypeError);
    throws(() => controller.enqueue(new Uint8Array(0)), TypeError);
    controller.enqueue(new DataView(new ArrayBuffer(2)));
  } });
  throws(() => new ReadableStream({ type: 'other' }), TypeError);
  throws(() => new ReadableStream({ type: 'bytes' }, { size() { return 1; } }), RangeError);
});

test('tee: both branches read all; bytes are copied for the second', async () => {
  const [a, b] = ReadableStream.from(['x', 'y']).tee();
  same(await Promise.all([collect(a), collect(b)]), [['x', 'y'], ['x', 'y']]);
  const [c, d] = fromBytes([1, 2]).tee();
  const [left, right] = [(await c.getReader().read()).value, (await d.getReader().read()).value];
  same([...left], [...right]);
  ok(left.buffer !== right.buffer);
  let reason;
  const [e, f] = new ReadableStream({ cancel(why) { reason = why; } }).tee();
  e.cancel(1);
  await f.cancel(2);
  same(reason, [1, 2]);
});

test('writable: back-pressure, close, abort with a signal', async () => {
  const written = [];
  const stream = new WritableStream({ write(chunk) { written.push(chunk); }, close() { written.push('closed'); } },
    new CountQueuingStrategy({ highWaterMark: 1 }));
  const writer = stream.getWriter();
  equal(writer.desiredSize, 1);
  writer.write('a');
  equal(writer.desiredSize, 0);
  await writer.ready;
  await writer.close();
  same(written, ['a', 'closed']);
  await writer.closed;
  let signal;
  const slow = new WritableStream({ start(controller) { signal = controller.signal; }, write() { return new Promise(() => {}); } });
  const slowWriter = slow.getWriter();
  slowWriter.write(1).catch(() => {});
  slowWriter.closed.catch(() => {});
  await null;
  slowWriter.abort('stop').catch(() => {});
  ok(signal instanceof AbortSignal && signal.aborted);
  equal(signal.reason, 'stop');
});

test('pipeTo: moves all, closes; options keep ends open; errors go the other way', async () => {
  const written = [];
  const sink = () => new WritableStream({ write(chunk) { written.push(chunk); } });
  await ReadableStream.from([1, 2]).pipeTo(sink());
  same(written, [1, 2]);
  const open = sink();
  await ReadableStream.from([3]).pipeTo(open, { preventClose: true });
  await open.getWriter().write(4);
  same(written, [1, 2, 3, 4]);
  let cancelled;
  const broken = new WritableStream({ write() { throw new RangeError('full'); } });
  const source = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(reason) { cancelled = reason; } });
  await rejects(source.pipeTo(broken), RangeError);
  ok(cancelled instanceof RangeError);
});

test('pipeTo with a signal: rejects with its reason, aborts and cancels both ends', async () => {
  const controller = new AbortController();
  const ends = [];
  const done = new ReadableStream({ cancel(reason) { ends.push(reason); } })
    .pipeTo(new WritableStream({ abort(reason) { ends.push(reason); } }), { signal: controller.signal });
  await null;
  controller.abort();
  const error = await rejects(done, 'AbortError');
  same(ends, [error, error]);
  await rejects(new ReadableStream().pipeTo(new WritableStream(), { signal: AbortSignal.abort('why') }).catch((reason) => {
    equal(reason, 'why');
    throw new SyntaxError();
  }), SyntaxError);
  await rejects(new ReadableStream().pipeTo(new WritableStream(), { signal: {} }), TypeError);
});

test('transform: pipeThrough, flush, terminate, cancel', async () => {
  const upper = new TransformStream({
    transform(chunk, controller) { controller.enqueue(chunk.toUpperCase()); },
    flush(controller) { controller.enqueue('!'); },
  });
  same(await collect(ReadableStream.from(['a', 'b']).pipeThrough(upper)), ['A', 'B', '!']);
  const first = new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk); controller.terminate(); } });
  same(await collect(ReadableStream.from([1, 2, 3]).pipeThrough(first)), [1]);
  let cancelled;
  const { readable } = new TransformStream({ cancel(reason) { cancelled = reason; } });
  await readable.cancel('bye');
  equal(cancelled, 'bye');
  throws(() => new TransformStream({ readableType: 'bytes' }), RangeError);
});

test('strategies', () => {
  equal(new ByteLengthQueuingStrategy({ highWaterMark: 5 }).highWaterMark, 5);
  equal(new ByteLengthQueuingStrategy({ highWaterMark: 5 }).size(new Uint8Array(3)), 3);
  equal(new CountQueuingStrategy({ highWaterMark: 1 }).size(), 1);
  equal(new CountQueuingStrategy({ highWaterMark: 1 }).size, new CountQueuingStrategy({ highWaterMark: 2 }).size);
  throws(() => new CountQueuingStrategy({}), TypeError);
  throws(() => new ReadableStream({}, { highWaterMark: -1 }), RangeError);
});

test('structuredClone refuses a stream that is not transferred', () => {
  throws(() => structuredClone(new ReadableStream()), 'DataCloneError');
});

test('what streams keep to themselves is out of sight', () => {
  const seen = [];
  const start = (controller) => { seen.push(controller); };
  const streams = [new ReadableStream({ start }), new ReadableStream({ start, type: 'bytes' }), new WritableStream({ start }), new TransformStream({ start })];
  seen.push(...streams, streams[0].getReader(), streams[1].getReader({ mode: 'byob' }), streams[2].getWriter(), new CountQueuingStrategy({ highWaterMark: 1 }));
  seen.push(new ReadableStream().values());
  for (const one of seen) {
    same(Reflect.ownKeys(one), [], Object.prototype.toString.call(one));
    equal(JSON.stringify(one), '{}');
  }
  // A subclass, and what only looks like a stream.
  class Mine extends ReadableStream {}
  same(Reflect.ownKeys(new Mine()), []);
  throws(() => Object.create(ReadableStream.prototype).getReader(), TypeError);
  throws(() => new Proxy(new ReadableStream(), {}).getReader(), TypeError);
});
