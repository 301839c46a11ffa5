// Cache and CacheStorage (Service Workers standard 5.4, 5.5). add() and addAll() over the network are in tests/e2e/test_fetch.py.

const url = 'http://a.example/x?q=1';
const text = async (response) => (response === undefined ? undefined : await response.text());
// A cache of its own for each test.
let count = 0;
const fresh = () => caches.open(`test ${++count}`);

test('are the interfaces of the standard', async () => {
  checkInterface('Cache', 0, ['match', 'matchAll', 'add', 'addAll', 'put', 'delete', 'keys']);
  checkInterface('CacheStorage', 0, ['open', 'has', 'delete', 'keys', 'match', 'default']);
  throws(() => new Cache(), TypeError);
  throws(() => new CacheStorage(), TypeError);
  ok(caches instanceof CacheStorage && (await fresh()) instanceof Cache);
  throws(() => structuredClone(caches), 'DataCloneError');
});

test('what is put is found again and again', async () => {
  const cache = await fresh();
  equal(await cache.match(url), undefined);
  equal(await cache.put(url, new Response('body', { status: 201, statusText: 'Made', headers: { 'X-A': 'b' } })), undefined);
  for (let i = 0; i < 2; ++i) {
    const found = await cache.match(new Request(url));
    same([found.status, found.statusText, found.headers.get('x-a'), await found.text()], [201, 'Made', 'b', 'body']);
    throws(() => found.headers.set('a', 'b'), TypeError);
  }
  equal(await text(await cache.match(url + '#part')), 'body');
  equal(await cache.match('http://a.example/x?q=2'), undefined);
  equal((await cache.match('http://a.example/x', { ignoreSearch: true })).status, 201);
});

test('bodies are the caller\'s no more', async () => {
  const cache = await fresh();
  const bytes = new Uint8Array([1, 2, 3]);
  const response = new Response(bytes);
  const done = cache.put(url, response);
  bytes.fill(9);
  await done;
  ok(response.bodyUsed);
  const first = await (await cache.match(url)).bytes();
  first.fill(7);
  same([...await (await cache.match(url)).bytes()], [1, 2, 3]);
  await cache.put(url, new Response(new Blob(['streamed']).stream()));
  equal(await text(await cache.match(url)), 'streamed');
  await cache.put(url, new Response(null, { status: 204 }));
  equal((await cache.match(url)).body, null);
});

test('put refuses what cannot be kept', async () => {
  const cache = await fresh();
  await rejects(cache.put(new Request(url, { method: 'POST' }), new Response('')), TypeError);
  await rejects(cache.put('data:,x', new Response('')), TypeError);
  await rejects(cache.put(url, new Response('', { status: 206 })), TypeError);
  await rejects(cache.put(url, new Response('', { headers: { vary: 'a, *' } })), TypeError);
  await rejects(cache.put(url, 'text'), TypeError);
  await rejects(cache.put(url), TypeError);
  await rejects(cache.put('not absolute', new Response('')), TypeError);
  const used = new Response('x');
  await used.text();
  await rejects(cache.put(url, used), TypeError);
  const locked = new Response(new Blob(['x']).stream());
  locked.body.getReader();
  await rejects(cache.put(url, locked), TypeError);
  const broken = new Response(new ReadableStream({ pull() { throw new RangeError('broken'); } }));
  await rejects(cache.put(url, broken), RangeError);
  same(await cache.keys(), Object.freeze([]));
});

test('the same request replaces, and the order is that of putting', async () => {
  const cache = await fresh();
  for (const path of ['1', '2', '3', '1']) await cache.put(`http://a.example/${path}`, new Response(path + (await cache.keys()).length));
  same((await cache.keys()).map((request) => request.url), ['http://a.example/2', 'http://a.example/3', 'http://a.example/1']);
  equal(await text(await cache.match('http://a.example/1')), '13');
  same(await Promise.all((await cache.matchAll()).map(text)), ['21', '32', '13']);
  same((await cache.matchAll('http://a.example/2')).length, 1);
  ok(Object.isFrozen(await cache.keys()) && Object.isFrozen(await cache.matchAll()));
});

test('Vary tells requests apart', async () => {
  const cache = await fresh();
  const asking = (language) => new Request(url, { headers: { 'accept-language': language } });
  for (const language of ['de', 'fr']) await cache.put(asking(language), new Response(language, { headers: { vary: 'Accept-Language' } }));
  equal((await cache.keys()).length, 2);
  equal(await text(await cache.match(asking('fr'))), 'fr');
  equal(await cache.match(asking('it')), undefined);
  equal(await cache.match(url), undefined);
  equal(await text(await cache.match(url, { ignoreVary: true })), 'de');
  equal((await cache.keys(url, { ignoreVary: true }))[1].headers.get('accept-language'), 'fr');
});

test('names in Vary that are none tell nothing apart', async () => {
  const cache = await fresh();
  for (const vary of ['foo bar', 'a b, accept', '"quoted"', ', ,', 'f\u00fcr']) {
    await cache.put(url, new Response(vary, { headers: { vary } }));
    equal(await text(await cache.match(url)), vary);
    equal((await cache.keys()).length, 1, vary);
  }
  equal(await cache.match(new Request(url, { headers: { accept: 'x' } })) !== undefined, true);
  equal(await cache.delete(url), true);
});

test('methods other than GET find nothing, unless that is ignored', async () => {
  const cache = await fresh();
  await cache.put(url, new Response('x'));
  const head = new Request(url, { method: 'HEAD' });
  equal(await cache.match(head), undefined);
  equal(await text(await cache.match(head, { ignoreMethod: true })), 'x');
  equal(await cache.delete(head), false);
  equal(await cache.delete(url), true);
  equal(await cache.delete(url), false);
});

test('requests lose their signal', async () => {
  const cache = await fresh();
  const controller = new AbortController();
  const request = new Request(url, { signal: controller.signal });
  await cache.put(request, new Response('x'));
  controller.abort();
  const [found] = await cache.keys();
  same([found.signal.aborted, found.method, found.url], [false, 'GET', url]);
});

test('storage: by name, in the order of opening', async () => {
  for (const name of await caches.keys()) await caches.delete(name);
  const b = await caches.open('b');
  await caches.open('a');
  same([await caches.keys(), await caches.has('a'), await caches.has('c')], [['b', 'a'], true, false]);
  await b.put(url, new Response('from b'));
  equal(await text(await (await caches.open('b')).match(url)), 'from b');
  equal(await text(await caches.match(url)), 'from b');
  equal(await caches.match(url, { cacheName: 'a' }), undefined);
  equal(await caches.match(url, { cacheName: 'nobody' }), undefined);
  equal(await text(await caches.match(url, { cacheName: 'b' })), 'from b');
  same([await caches.delete('b'), await caches.delete('b'), await caches.keys()], [true, false, ['a']]);
  await caches.default.put(url, new Response('default'));
  equal(await text(await caches.default.match(url)), 'default');
  ok(await caches.has('default'));
});

test('beyond its bound the oldest go', async () => {
  const cache = await fresh();
  const megabyte = new Uint8Array(1 << 20);
  for (let i = 0; i < 20; ++i) await cache.put(`http://a.example/${i}`, new Response(megabyte));
  const left = (await cache.keys()).map((request) => Number(request.url.split('/').pop()));
  ok(left.length >= 14 && left.length < 17, `${left.length}`);
  same(left, Array.from({ length: left.length }, (_, i) => 20 - left.length + i));
  await rejects(cache.put(url, new Response(new Uint8Array(17 << 20))), 'QuotaExceededError');
  equal((await cache.keys()).length, left.length);
});

test('URLs and headers count, too', async () => {
  const cache = await fresh();
  const long = 'x'.repeat(1 << 20);
  for (let i = 0; i < 10; ++i) await cache.put(`http://a.example/${i}`, new Response('', { headers: { long } }));
  equal((await cache.keys()).length, 7);
  await cache.put(`http://a.example/${long}`, new Response(''));
  equal((await cache.keys()).length, 7);
  await cache.put(new Request(url, { headers: { long } }), new Response(''));
  equal((await cache.keys()).length, 7);
  await rejects(cache.put(`http://a.example/${'x'.repeat(9 << 20)}`, new Response('')), 'QuotaExceededError');
  equal((await cache.keys()).length, 7);
});

test('a stream that is too large is not read to its end', async () => {
  const cache = await fresh();
  let pulled = 0;
  let reason = null;
  const endless = new ReadableStream({
    pull(controller) { ++pulled; controller.enqueue(new Uint8Array(1 << 20)); },
    cancel(error) { reason = error; },
  });
  await rejects(cache.put(url, new Response(endless)), 'QuotaExceededError');
  ok(pulled >= 16 && pulled <= 18, `${pulled}`);
  equal(reason?.name, 'QuotaExceededError');
});

test('a deleted cache goes on for those who hold it', async () => {
  const held = await caches.open('held');
  await held.put(url, new Response('still there'));
  await caches.delete('held');
  equal(await text(await held.match(url)), 'still there');
  equal(await caches.match(url, { cacheName: 'held' }), undefined);
  const next = await caches.open('held');
  equal(await next.match(url), undefined);
  const megabyte = new Uint8Array(1 << 20);
  for (let i = 0; i < 20; ++i) await held.put(`http://a.example/${i}`, new Response(megabyte));
  const left = (await held.keys()).length;
  ok(left >= 14 && left < 17, `${left}`);
  await next.put(url, new Response('other'));
  equal((await held.keys()).length, left, 'the bounds are two');
});

test('there are only so many names', async () => {
  for (const name of await caches.keys()) await caches.delete(name);
  for (let i = 0; i < 1024; ++i) await caches.open(`name ${i}`);
  await rejects(caches.open('one more'), 'QuotaExceededError');
  ok(await caches.open('name 7') instanceof Cache);
  await caches.delete('name 7');
  ok(await caches.open('one more') instanceof Cache);
  for (const name of await caches.keys()) await caches.delete(name);
});

test('ignoreSearch finds by the path, the oldest first', async () => {
  const cache = await fresh();
  for (const end of ['x?a=1', 'xy?a=1', 'x', 'x?', 'x/?a']) await cache.put(`http://a.example/${end}`, new Response(end));
  const found = await cache.matchAll('http://a.example/x?else#part', { ignoreSearch: true });
  same(await Promise.all(found.map(text)), ['x?a=1', 'x', 'x?']);
  equal(await text(await cache.match('http://a.example/x?#part')), 'x?');
});

test('what is found is of the type that was put', async () => {
  const cache = await fresh();
  await cache.put(url, new Response('x'));
  equal((await cache.match(url)).type, 'default');
  await cache.put(url, Response.error());
  same([(await cache.match(url)).type, (await cache.match(url)).status], ['error', 0]);
});

test('add and addAll ask first', async () => {
  const cache = await fresh();
  await rejects(cache.add('data:,x'), TypeError);
  await rejects(cache.add(new Request(url, { method: 'POST' })), TypeError);
  await rejects(cache.addAll([url, 'data:,x']), TypeError);
  await cache.addAll([]);
  equal((await cache.keys()).length, 0);
});
