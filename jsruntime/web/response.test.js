// Response (Fetch standard 5.5).

test('is an interface', () => checkInterface('Response', 0,
  ['status', 'statusText', 'ok', 'headers', 'type', 'url', 'redirected', 'body', 'bodyUsed', 'clone', 'text', 'json', 'arrayBuffer',
    'bytes', 'blob', 'formData'], ['error', 'redirect', 'json']));

test('has defaults', () => {
  const response = new Response();
  same([response.status, response.statusText, response.ok, response.type, response.url, response.redirected, response.body, response.bodyUsed],
       [200, '', true, 'default', '', false, null, false]);
  same([...response.headers], []);
});

test('copies what bytes it is given', async () => {
  for (const size of [1, 64, 4095, 4096, 5000, 70001]) {
    const all = new Uint8Array(size + 8).map((_, i) => i);
    const sources = [
      [all.slice().buffer, 0, size + 8],
      [all.slice().subarray(3, 3 + size), 3, size],
      [new DataView(all.slice().buffer, 5, size), 5, size],
      [new Uint16Array(all.slice(0, 2 * (size >> 1)).buffer), 0, 2 * (size >> 1)],
    ];
    for (const [source, from, length] of sources) {
      const response = new Response(source);
      new Uint8Array(source.buffer ?? source).fill(255);
      const got = await response.bytes();
      equal(got.length, length);
      for (let i = 0; i < length; ++i) if (got[i] !== all[from + i]) fail(`byte ${i} of ${size} is ${got[i]}`);
    }
  }
  const gone = new Uint8Array(5000);
  gone.buffer.transfer();
  equal(await new Response(gone).text(), '');
});

test('takes bodies with their types', async () => {
  const type = (body, init) => new Response(body, init).headers.get('content-type');
  equal(type('x'), 'text/plain;charset=UTF-8');
  equal(type(''), 'text/plain;charset=UTF-8');
  equal(type(bytes(1)), null);
  equal(type(new ArrayBuffer(1)), null);
  equal(type(new DataView(new ArrayBuffer(1))), null);
  equal(type(new URLSearchParams('a=b')), 'application/x-www-form-urlencoded;charset=UTF-8');
  equal(type(new Blob(['x'])), null);
  equal(type(new Blob(['x'], { type: 'text/html' })), 'text/html');
  equal(type(new FormData()).startsWith('multipart/form-data'), true);
  equal(type(42), 'text/plain;charset=UTF-8');
  equal(type('x', { headers: { 'Content-Type': 'text/html' } }), 'text/html');
  equal(type('x', { headers: { a: 'b' } }), 'text/plain;charset=UTF-8');
  equal(type(null), null);
  equal(await new Response(42).text(), '42');
  equal(await new Response({ toString: () => 'made' }).text(), 'made');
});

test('checks status and text', () => {
  for (const status of [199, 600, 0, -1, 65536 + 199, NaN, 'x']) throws(() => new Response('', { status }), RangeError, String(status));
  equal(new Response('', { status: 599 }).status, 599);
  equal(new Response('', { status: '404' }).ok, false);
  throws(() => new Response('', { statusText: 'a\nb' }), TypeError);
  throws(() => new Response('', { statusText: '€' }), TypeError);
  equal(new Response('', { statusText: 'Fine' }).statusText, 'Fine');
  for (const status of [204, 205, 304]) {
    throws(() => new Response('', { status }), TypeError);
    equal(new Response(null, { status }).status, status);
  }
});

test('json', async () => {
  const response = Response.json({ a: 1 }, { status: 201, headers: { x: 'y' } });
  equal(response.status, 201);
  equal(response.headers.get('content-type'), 'application/json');
  equal(response.headers.get('x'), 'y');
  same(await response.json(), { a: 1 });
  equal(Response.json(1, { headers: { 'content-type': 'a/b' } }).headers.get('content-type'), 'a/b');
  throws(() => Response.json(undefined), TypeError);
  throws(() => Response.json(() => {}), TypeError);
  throws(() => Response.json(1, { status: 204 }), TypeError);
  throws(() => Response.json(), TypeError);
  const loop = {};
  loop.loop = loop;
  throws(() => Response.json(loop), TypeError);
});

test('redirect and error', () => {
  const response = Response.redirect('http://h/a b');
  equal(response.status, 302);
  equal(response.headers.get('location'), 'http://h/a%20b');
  equal(Response.redirect('http://h/', 308).status, 308);
  throws(() => Response.redirect('http://h/', 200), RangeError);
  throws(() => Response.redirect('/x'), TypeError);
  throws(() => response.headers.set('a', 'b'), TypeError);
  same([Response.error().type, Response.error().status], ['error', 0]);
});

test('reads and clones', async () => {
  const response = new Response('hé', { headers: { a: 'b' } });
  const copy = response.clone();
  copy.headers.set('a', 'c');
  equal(response.headers.get('a'), 'b');
  equal(await response.text(), 'hé');
  await rejects(response.json(), TypeError);
  throws(() => response.clone(), TypeError);
  equal(copy.bodyUsed, false);
  same(await copy.bytes(), bytes(104, 195, 169));
  const first = new Response(bytes(1, 2));
  const second = first.clone();
  (await first.bytes())[0] = 9;
  same(await second.bytes(), bytes(1, 2));
  const empty = new Response();
  equal(await empty.text(), '');
  equal(empty.bodyUsed, false);
  equal(await empty.text(), '');
});

test('headers are its own', () => {
  const given = new Headers({ a: 'b' });
  const response = new Response('', { headers: given });
  given.set('a', 'c');
  equal(response.headers.get('a'), 'b');
  response.headers.set('x', 'y');
  equal(response.headers.get('x'), 'y');
  equal(Object.keys(response).length, 0);
  throws(() => Response.prototype.status, TypeError);
});

test('takes and gives a stream as its body', async () => {
  const response = new Response(ReadableStream.from([new Uint8Array([104]), new Uint8Array([105])]));
  equal(response.headers.get('content-type'), null);
  const copy = response.clone();
  equal(await response.text(), 'hi');
  equal(response.bodyUsed, true);
  equal((await copy.bytes()).length, 2);
  const text = new Response('text');
  const reader = text.body.getReader();
  equal(new TextDecoder().decode((await reader.read()).value), 'text');
  equal((await reader.read()).done, true);
  equal(text.bodyUsed, true);
  equal(new Response(null).body, null);
});

test('refuses a stream of strings', async () => {
  let error;
  await new Response(ReadableStream.from(['text'])).text().catch((e) => { error = e; });
  equal(error instanceof TypeError, true);
  equal(error.message.includes('TextEncoderStream'), true);
});

test('a stream that was read from makes the body used', async () => {
  for (const use of [(stream) => stream.getReader().read(), (stream) => stream.cancel()]) {
    const stream = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([1])) });
    const response = new Response(stream);
    const request = new Request('http://a/', { method: 'POST', body: new Response('x').body, duplex: 'half' });
    equal(response.bodyUsed, false);
    equal(request.bodyUsed, false);
    await use(stream);
    equal(response.bodyUsed, true);
    await use(request.body);
    equal(request.bodyUsed, true);
  }
});

test('the stream of a body that was read is locked', async () => {
  const asked = new Response('x');
  const { body } = asked;
  await asked.text();
  throws(() => body.getReader(), TypeError);
  const late = new Response('x');
  await late.text();
  throws(() => late.body.getReader(), TypeError);
  const request = new Request('http://a/', { method: 'POST', body: 'x' });
  await request.text();
  throws(() => request.body.getReader(), TypeError);
});
