// Request (Fetch standard 5.4), as functions make it. What comes in is tested by v8_isolate_test.cc.

test('is an interface', () => checkInterface('Request', 1,
  ['method', 'url', 'headers', 'body', 'bodyUsed', 'signal', 'redirect', 'clone', 'text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData']));

test('takes a URL', () => {
  const request = new Request('HTTP://Example.com:80/a b?c#d');
  equal(request.url, 'http://example.com/a%20b?c#d');
  equal(request.method, 'GET');
  same([...request.headers], []);
  equal(request.body, null);
  equal(request.bodyUsed, false);
  equal(request.redirect, 'follow');
  equal(new Request(new URL('http://x/')).url, 'http://x/');
});

test('refuses what is no request', () => {
  throws(() => new Request(), TypeError);
  throws(() => new Request('/relative'), TypeError);
  throws(() => new Request('http://user:pw@h/'), TypeError);
  throws(() => new Request('http://h/', { method: 'a b' }), TypeError);
  throws(() => new Request('http://h/', { method: 'CONNECT' }), TypeError);
  throws(() => new Request('http://h/', { method: 'track' }), TypeError);
  throws(() => new Request('http://h/', { body: 'x' }), TypeError);
  throws(() => new Request('http://h/', { method: 'HEAD', body: 'x' }), TypeError);
  throws(() => new Request('http://h/', { redirect: 'x' }), TypeError);
  throws(() => new Request('http://h/', { signal: {} }), TypeError);
  throws(() => new Request('http://h/', 'init'), TypeError);
});

test('normalizes the six methods only', () => {
  equal(new Request('http://h/', { method: 'post' }).method, 'POST');
  equal(new Request('http://h/', { method: 'patch' }).method, 'patch');
});

test('reads a body once', async () => {
  const request = new Request('http://h/', { method: 'POST', body: 'tëxt' });
  equal(request.headers.get('content-type'), 'text/plain;charset=UTF-8');
  const copy = request.clone();
  equal(await request.text(), 'tëxt');
  equal(request.bodyUsed, true);
  await rejects(request.text(), TypeError);
  throws(() => request.clone(), TypeError);
  equal(copy.bodyUsed, false);
  same(await copy.bytes(), bytes(116, 195, 171, 120, 116));
});

test('reads a body in every form', async () => {
  const make = (body, headers) => new Request('http://h/', { method: 'PUT', body, headers });
  same(await make('{"a":[1]}').json(), { a: [1] });
  await rejects(make('{').json(), SyntaxError);
  same(await make(bytes(1, 2, 3)).arrayBuffer(), bytes(1, 2, 3).buffer);
  same(await make(bytes(1, 2, 3, 4).subarray(1, 3)).bytes(), bytes(2, 3));
  same(await make(bytes(9, 8).buffer).bytes(), bytes(9, 8));
  equal(await make(new URLSearchParams({ a: 'b c' })).text(), 'a=b+c');
  equal((await make(new Blob(['xy'], { type: 'a/b' })).blob()).type, 'a/b');
  equal((await make('a=1&b=2', { 'content-type': 'application/x-www-form-urlencoded' }).formData()).get('b'), '2');
  equal(await make('\ufeffx').text(), 'x');
  equal(await make('\ud800').text(), '\ufffd');
  equal(await new Request('http://h/').text(), '');
});

test('bodies are copies', async () => {
  const given = bytes(1, 2);
  const request = new Request('http://h/', { method: 'POST', body: given });
  given[0] = 9;
  same(await request.bytes(), bytes(1, 2));
});

test('copies a request', async () => {
  const first = new Request('http://h/', { method: 'POST', body: 'x', headers: { a: 'b' }, redirect: 'manual' });
  const second = new Request(first, { headers: { c: 'd' } });
  equal(first.bodyUsed, true);
  equal(second.method, 'POST');
  equal(second.headers.get('a'), null);
  equal(second.redirect, 'manual');
  equal(await second.text(), 'x');
  throws(() => new Request(first), TypeError);
});

test('has a signal', () => {
  const controller = new AbortController();
  const request = new Request('http://h/', { signal: controller.signal });
  equal(request.signal.aborted, false);
  equal(new Request('http://h/').signal instanceof AbortSignal, true);
});

test('gives its body as a stream', async () => {
  const request = new Request('http://h/', { method: 'POST', body: 'x' });
  equal(request.body instanceof ReadableStream, true);
  equal(request.body, request.body);
  equal(request.bodyUsed, false);
  equal(await request.text(), 'x');
  equal(request.bodyUsed, true);
  const { value } = await new Request('http://h/', { method: 'POST', body: 'yz' }).body.getReader().read();
  equal(new TextDecoder().decode(value), 'yz');
});

test('takes a stream as its body', async () => {
  const stream = () => ReadableStream.from([new Uint8Array([104, 105])]);
  const request = new Request('http://h/', { method: 'POST', body: stream(), duplex: 'half' });
  const copy = request.clone();
  equal(await request.text(), 'hi');
  equal(await copy.text(), 'hi');
  const used = stream();
  await used.getReader().read();
  throws(() => new Request('http://h/', { method: 'POST', body: used, duplex: 'half' }), TypeError);
});

test('options that a request cannot have', () => {
  for (const init of [{ window: 'x' }, { mode: 'navigate' }, { cache: 'only-if-cached' }, { referrerPolicy: 'none' }, { priority: 'first' },
    { duplex: 'full' }, { referrer: 'http://:x' }, { method: 'POST', body: new Response('x').body },
    { method: 'POST', body: new Response('x').body, duplex: 'half', keepalive: true }]) {
    throws(() => new Request('http://h/', init), TypeError, Object.keys(init).join());
  }
  new Request('http://h/', { window: null, cache: 'only-if-cached', mode: 'same-origin', referrer: '', priority: 'low' });
});
