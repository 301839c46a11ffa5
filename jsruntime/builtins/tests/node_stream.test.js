// node:stream: Node's own JavaScript, over the streams, events and timers that are here. The answers are Node's.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import stream, { Duplex, PassThrough, Readable, Transform, Writable, addAbortSignal, compose, duplexPair, finished } from 'node:stream';
import { buffer, json, text } from 'node:stream/consumers';
import promises from 'node:stream/promises';

const upper = () => new Transform({ transform(chunk, encoding, done) { done(null, String(chunk).toUpperCase()); } });

test('one class, by all its names', () => {
  ok(stream.Stream === stream && stream.promises === promises && new PassThrough() instanceof stream);
});

test('operators of a Readable', async () => {
  const numbers = () => Readable.from([1, 2, 3, 4]);
  same(await numbers().filter((n) => n % 2 === 0).map(async (n) => n * 10).toArray(), [20, 40]);
  equal(await numbers().reduce((sum, n) => sum + n), 10);
  same(await numbers().flatMap((n) => [n, n]).drop(1).take(3).toArray(), [1, 2, 2]);
  same([await numbers().some((n) => n > 3), await numbers().every((n) => n > 3), await numbers().find((n) => n > 2)], [true, false, 3]);
  const controller = new AbortController();
  const waiting = numbers().map((n, { signal }) => once(signal, 'abort'), { signal: controller.signal }).toArray();
  controller.abort();
  equal((await rejects(waiting, Error)).code, 'ABORT_ERR');
});

test('pipelines', async () => {
  const out = [];
  await promises.pipeline(['a', 'b'], upper(), async function* (source) { for await (const chunk of source) yield `${chunk}!`; },
                          new Writable({ write(chunk, encoding, done) { out.push(String(chunk)); done(); } }));
  same(out, ['A!', 'B!']);
  const broken = promises.pipeline(Readable.from(['x']), new Transform({ transform(chunk, encoding, done) { done(new Error('no')); } }), new PassThrough());
  equal((await rejects(broken, Error)).message, 'no');
  equal((await rejects(promises.pipeline(new Readable({ read() {} }), new PassThrough(), { signal: AbortSignal.abort() }), Error)).name, 'AbortError');
  const both = compose(upper(), async function* (source) { for await (const chunk of source) yield `<${chunk}>`; });
  both.end('hi');
  equal(await text(both), '<HI>');
});

test('back-pressure, and the end', async () => {
  const slow = new Writable({ highWaterMark: 4, write(chunk, encoding, done) { setTimeout(done, 0); } });
  same([slow.write('ab'), slow.write('cd'), slow.writableNeedDrain], [true, false, true]);
  await once(slow, 'drain');
  slow.end();
  await promises.finished(slow);
  same([slow.writableFinished, slow.destroyed, slow.writableLength], [true, true, 0]);
  const early = new Readable({ read() {} });
  early.push('x');
  const ended = new Promise((resolve) => finished(early, resolve));
  early.destroy();
  equal((await ended).code, 'ERR_STREAM_PREMATURE_CLOSE');
  equal((await new Promise((resolve) => new PassThrough().on('error', resolve).destroy(new Error('broken')))).message, 'broken');
  const wrong = new Readable({ read() {} });
  const told = new Promise((resolve) => wrong.once('error', resolve));
  equal(wrong.push(1), false);
  equal((await told).code, 'ERR_INVALID_ARG_TYPE');
});

test('objects, pairs, signals, consumers', async () => {
  const [left, right] = duplexPair();
  left.end('over');
  equal(await text(right), 'over');
  same(await json(Readable.from(['{"a"', ':1}'])), { a: 1 });
  equal((await buffer(Readable.from([Buffer.from('a'), Buffer.from('b')]))).toString(), 'ab');
  const controller = new AbortController();
  const aborted = addAbortSignal(controller.signal, new Readable({ read() {} }));
  controller.abort();
  equal((await rejects(Array.fromAsync(aborted), Error)).name, 'AbortError');
  const storage = new AsyncLocalStorage();
  const seen = await storage.run('here', () => new Promise((resolve) => finished(Readable.from([]).resume(), () => resolve(storage.getStore()))));
  equal(seen, 'here');
});

test('to and from the streams of the web', async () => {
  const web = Readable.toWeb(Readable.from([Buffer.from('ab'), Buffer.from('c')], { objectMode: false }));
  equal(await new Response(web).text(), 'abc');
  equal(await text(Readable.fromWeb(new Blob(['blob']).stream())), 'blob');
  const chunks = [];
  const sink = Writable.fromWeb(new WritableStream({ write(chunk) { chunks.push(String(chunk)); }, close() { chunks.push('closed'); } }));
  sink.write('a');
  sink.end('b');
  await promises.finished(sink);
  same(chunks, ['a', 'b', 'closed']);
  const refused = Writable.fromWeb(new WritableStream({ write() { throw new Error('refused'); } }));
  refused.write('x');
  equal((await once(refused, 'error').catch((error) => [error]))[0].message, 'refused');
  const { readable, writable } = Duplex.toWeb(upper());
  const writer = writable.getWriter();
  writer.write(Buffer.from('x'));
  writer.close();
  equal(await new Response(readable).text(), 'X');
  let cancelled;
  const source = Readable.fromWeb(new ReadableStream({ pull(controller) { controller.enqueue('y'); }, cancel(reason) { cancelled = reason; } }));
  await once(source, 'readable');
  source.destroy(new Error('enough'));
  await once(source, 'close').catch(() => {});
  equal(cancelled.message, 'enough');
});
