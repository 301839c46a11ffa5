// EventSource (HTML standard 9.2), of streams that need no network. Reconnecting is in tests/e2e/test_fetch.py.

const streamUrl = (text) => `data:text/event-stream;charset=utf-8,${encodeURIComponent(text)}`;

// What a stream says until it ends, as [type, data, lastEventId].
const read = (text, types = ['message']) => new Promise((resolve) => {
  const source = new EventSource(streamUrl(text));
  const seen = [];
  for (const type of types) source.addEventListener(type, (event) => seen.push([type, event.data, event.lastEventId]));
  source.onerror = () => { source.close(); resolve(seen); };
});

test('is the interface of the standard', () => {
  checkInterface('EventSource', 1, ['url', 'withCredentials', 'readyState', 'close', 'onopen', 'onmessage', 'onerror'], ['CONNECTING', 'OPEN', 'CLOSED']);
  same([EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED], [0, 1, 2]);
  throws(() => new EventSource(), TypeError);
  throws(() => new EventSource('not absolute'), 'SyntaxError');
});

test('opens, reports, closes', async () => {
  const source = new EventSource(streamUrl('data: one\n\n'), { withCredentials: true });
  ok(source instanceof EventTarget);
  same([source.readyState, source.withCredentials], [EventSource.CONNECTING, true]);
  await new Promise((resolve) => { source.onopen = resolve; });
  equal(source.readyState, EventSource.OPEN);
  const event = await new Promise((resolve) => { source.onmessage = resolve; });
  ok(event instanceof MessageEvent && event.isTrusted);
  same([event.type, event.data, event.origin], ['message', 'one', 'null']);
  source.close();
  equal(source.readyState, EventSource.CLOSED);
});

test('fields, comments and the end of an event', async () => {
  same(await read('data: a\ndata:b\ndata:  c\n\n'), [['message', 'a\nb\n c', '']]);
  same(await read(': hello\n\ndata\n\n'), [['message', '', '']]);
  same(await read('nonsense: x\ndata: y\nevent\n\n'), [['message', 'y', '']]);
  same(await read('event: tick\ndata: 1\n\ndata: 2\n\n', ['tick', 'message']), [['tick', '1', ''], ['message', '2', '']]);
  same(await read('data: whole\n\ndata: half\n'), [['message', 'whole', '']]);
  same(await read('event: tick\n\ndata: x\n\n', ['tick', 'message']), [['message', 'x', '']]);
  same(await read('data: \u00e9\u4f60\n\n'), [['message', '\u00e9\u4f60', '']]);
  same(await read('\ufeffdata: mark\n\n'), [['message', 'mark', '']]);
});

test('lines end in three ways', async () => {
  same(await read('data: a\r\rdata: b\r\n\r\ndata: c\n\n'), [['message', 'a', ''], ['message', 'b', ''], ['message', 'c', '']]);
});

test('ids stay until another comes, and have no NUL', async () => {
  same(await read('id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n'),
       [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '1'], ['message', 'd', '']]);
});

test('what is no event stream ends it', async () => {
  for (const url of ['data:text/plain,data:x', 'ftp://a/', 'data:nocomma']) {
    const source = new EventSource(url);
    await new Promise((resolve) => { source.onerror = resolve; });
    equal(source.readyState, EventSource.CLOSED, url);
  }
});

test('a stream that ends is asked for again', async () => {
  const source = new EventSource(streamUrl('retry: 1\ndata: x\n\n'));
  let messages = 0, errors = 0;
  await new Promise((resolve) => {
    source.onmessage = () => { if (++messages === 3) resolve(); };
    source.onerror = () => { ++errors; equal(source.readyState, EventSource.CONNECTING); };
  });
  equal(errors, 2);
  source.close();
});

test('closing in a listener ends the stream there', async () => {
  const source = new EventSource(streamUrl('data: 1\n\ndata: 2\n\n'));
  const seen = [];
  await new Promise((resolve) => {
    source.onmessage = (event) => { seen.push(event.data); source.close(); setTimeout(resolve, 5); };
  });
  same(seen, ['1']);
});
