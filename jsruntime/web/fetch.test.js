// What of fetch() needs no network: arguments, data: URLs, refusals. The rest is in jsruntime/fetch_test.cc and tests/e2e/test_fetch.py.

async function refuses(promise, what, part) {
  const error = await rejects(promise, what);
  ok(error.message.includes(part), error.message);
  return error;
}

test('is a function with one argument that never throws', async () => {
  equal(fetch.length, 1);
  equal(fetch.name, 'fetch');
  await refuses(fetch(), TypeError, '1 argument');
  await refuses(fetch('not a url'), TypeError, 'absolute URL');
  await refuses(fetch('http://user:pw@a/'), TypeError, 'password');
  await refuses(fetch('http://a/', { method: 'GET', body: 'x' }), TypeError, 'cannot have a body');
  await refuses(fetch('http://a/', { method: 'CONNECT' }), TypeError, 'not allowed');
  await refuses(fetch('http://a/', { headers: { 'a b': '1' } }), TypeError, 'Invalid header name');
  await refuses(fetch('http://a/', { redirect: 'maybe' }), TypeError, 'redirect');
});

test('is refused while the module loads', async () => {
  const error = await refuses(fetch('http://example.com/'), TypeError, 'while the module loads');
  equal(error.code, 'canceled');
});

test('refuses other schemes', async () => {
  for (const url of ['ftp://a/', 'file:///etc/passwd', 'about:blank']) await refuses(fetch(url), TypeError, 'not a scheme');
});

test('answers data: URLs', async () => {
  const cases = [
    ['data:,hello%20there', 'text/plain;charset=US-ASCII', 'hello there'],
    ['data:text/html,<p>#fragment', 'text/html', '<p>'],
    ['data:text/plain;base64,aGVsbG8=', 'text/plain', 'hello'],
    ['data:;charset=utf-8,%C3%A4', 'text/plain;charset=utf-8', 'ä'],
    ['data:nonsense,x', 'text/plain;charset=US-ASCII', 'x'],
    ['data:a/b;c=d ; BASE64,aGk=', 'a/b;c=d', 'hi'],
    ['data:,%zz%4', 'text/plain;charset=US-ASCII', '%zz%4'],
  ];
  for (const [url, type, text] of cases) {
    const response = await fetch(url);
    equal(response.status, 200, url);
    ok(response.ok && response.type === 'basic', url);
    equal(response.headers.get('content-type'), type, url);
    equal(await response.text(), text, url);
  }
  await refuses(fetch('data:text/plain'), TypeError, 'comma');
  await refuses(fetch('data:;base64,***'), TypeError, 'base64');
});

test('a signal that is aborted already ends it', async () => {
  await refuses(fetch('data:,x', { signal: AbortSignal.abort() }), 'AbortError', 'aborted');
  const reason = new Error('mine');
  try {
    await fetch('http://a/', { signal: AbortSignal.abort(reason) });
    fail('it did not reject');
  } catch (error) {
    ok(error === reason);
  }
});

test('the type of a data: URL is a MIME type, parsed and serialized', async () => {
  for (const [url, type] of [
    ['data:,x', 'text/plain;charset=US-ASCII'], ['data:IMAGE/gif;CHARSET=x,', 'image/gif;charset=x'], ['data:;base64;base64,WA', 'text/plain'],
    ['data:;charset= x,X', 'text/plain;charset=" x"'], ['data:;charset="x",X', 'text/plain;charset=x'], ['data:;charset,X', 'text/plain'],
    ['data:no type,X', 'text/plain;charset=US-ASCII'],
  ]) equal((await fetch(url)).headers.get('content-type'), type, url);
});
