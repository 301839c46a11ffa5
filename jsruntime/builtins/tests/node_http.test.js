// node:http: servers that answer the function's requests. What its client does over the wire is in tests/e2e.
import { Buffer } from 'node:buffer';
import http, { IncomingMessage, METHODS, STATUS_CODES, Server, ServerResponse, createServer } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

const ask = (handler, path = '/', init = {}) => createServer(handler).fetch(new Request(`http://host:8080${path}`, init));

test('the tables', () => {
  equal(STATUS_CODES[418], "I'm a Teapot");
  ok(METHODS.includes('PATCH') && http.maxHeaderSize > 0);
  throws(() => http.validateHeaderName('a b'), TypeError);
  throws(() => http.validateHeaderValue('a', 'b\n'), TypeError);
  equal(new https.Agent().defaultPort, 443);
  ok(new http.Agent({ keepAlive: true }) instanceof http.Agent && http.Agent() instanceof http.Agent);
});

test('a request as Node has it', async () => {
  let seen;
  const response = await ask(async (request, response) => {
    seen = request;
    response.end(await text(request));
  }, '/path?query#hash', { method: 'POST', body: 'the body', headers: { 'X-Name': 'value', accept: 'a' } });
  equal(await response.text(), 'the body');
  ok(seen instanceof IncomingMessage && seen instanceof Readable);
  same([seen.method, seen.url, seen.httpVersion, seen.complete, seen.headers['x-name'], seen.headersDistinct.accept], ['POST', '/path?query', '1.1', true, 'value', ['a']]);
  ok(seen.rawHeaders.includes('x-name') && seen.socket.encrypted === false && seen.socket === seen.connection);
});

test('the address of who asks', async () => {
  const seen = [];
  const look = ({ socket }) => [socket.remoteAddress, socket.remotePort, socket.remoteFamily];
  const server = createServer((request, response) => {
    seen.push(look(request));
    response.end();
  });
  let asked = 0;
  const context = (hostname) => ({ get remoteAddr() { asked++; return { transport: 'tcp', hostname, port: 4711 }; } });
  const request = new Request('http://host/');
  await server.fetch(request, {}, context('10.0.0.7'));
  await server.fetch(request, {}, context('2001:db8::1'));
  await server.fetch(request, {}, { remoteAddr: null });
  await server.fetch(request, {}, { get remoteAddr() { throw new TypeError('over'); } });
  await server.fetch(request);
  const none = [undefined, undefined, undefined];
  same(seen, [['10.0.0.7', 4711, 'IPv4'], ['2001:db8::1', 4711, 'IPv6'], none, none, none]);
  equal(asked, 2);
});

test('silence', async () => {
  const heard = [];
  const slow = (set) => ask((request, response) => set(request, response));
  // Who listens ends it.
  const answered = await slow((request, response) => response.setTimeout(5, () => response.writeHead(503).end('too slow')));
  same([answered.status, await answered.text()], [503, 'too slow']);
  const server = createServer(() => {}).setTimeout(5, (socket) => heard.push(socket.timeout));
  server.on('timeout', (socket) => socket.destroy());
  await rejects(server.fetch(new Request('http://host/')), Error);
  same(heard, [5]);
  // Nobody listens.
  await rejects(slow((request) => request.setTimeout(5)), Error);
  // What passes begins the time anew; what has ended has none.
  const steady = await slow((request, response) => {
    response.setTimeout(60, () => heard.push('silent'));
    let count = 0;
    const more = () => (++count < 10 ? (response.write('x'), setTimeout(more, 10)) : response.end());
    more();
  });
  equal(await steady.text(), 'xxxxxxxxx');
  await new Promise((resolve) => setTimeout(resolve, 80));
  same(heard, [5]);
});

test('a response in one piece', async () => {
  const response = await ask((request, response) => {
    response.statusCode = 201;
    response.setHeader('Content-Type', 'text/plain').appendHeader('X-Many', 'a').appendHeader('X-Many', 'b');
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('X-Gone', '1');
    response.removeHeader('x-gone');
    same(response.getHeaderNames(), ['content-type', 'x-many', 'set-cookie']);
    response.end('caf\u00e9');
    ok(response.headersSent && response.finished && response.writableEnded);
  });
  same([response.status, response.statusText, response.headers.get('x-many'), response.headers.getSetCookie(), response.headers.has('x-gone')],
       [201, 'Created', 'a, b', ['a=1', 'b=2'], false]);
  equal(await response.text(), 'caf\u00e9');
});

test('a response piece by piece, with back-pressure', async () => {
  let drained = 0;
  const finished = [];
  const response = await ask((request, response) => {
    response.on('finish', () => finished.push('finish')).on('close', () => finished.push('close')).on('drain', () => { drained++; });
    response.writeHead(200, { 'content-type': 'text/plain' });
    pipeline(Readable.from((function* () { for (let i = 0; i < 50; i++) yield Buffer.alloc(10_000, 'x'); })()), response);
  });
  const reader = response.body.getReader();
  equal((await reader.read()).value.length, 10_000);
  for (let i = 0; i < 20; i++) await null;
  ok(finished.length === 0);
  let size = 10_000;
  for (let piece; !(piece = await reader.read()).done;) size += piece.value.length;
  equal(size, 500_000);
  await new Promise((resolve) => setTimeout(resolve, 1));
  same(finished, ['finish', 'close']);
});

test('heads: writeHead, forms of its headers, order of calls', async () => {
  for (const headers of [{ 'X-A': '1', 'X-B': ['2', '3'] }, ['X-A', '1', 'X-B', '2', 'X-B', '3'], [['X-A', '1'], ['X-B', '2'], ['X-B', '3']]]) {
    const response = await ask((request, response) => response.writeHead(404, 'Nothing', headers).end('no'));
    same([response.status, response.statusText, response.headers.get('x-a'), response.headers.get('x-b'), await response.text()], [404, 'Nothing', '1', '2, 3', 'no']);
  }
  await ask((request, response) => {
    response.flushHeaders();
    equal(throws(() => response.setHeader('a', 'b'), Error).code, 'ERR_HTTP_HEADERS_SENT');
    equal(throws(() => response.writeHead(200), Error).code, 'ERR_HTTP_HEADERS_SENT');
    equal(throws(() => response.removeHeader('a'), Error).code, 'ERR_HTTP_HEADERS_SENT');
    response.end();
  });
  await ask((request, response) => {
    equal(throws(() => response.setHeader('a b', 'c'), TypeError).code, 'ERR_INVALID_HTTP_TOKEN');
    equal(throws(() => response.setHeader('a', undefined), TypeError).code, 'ERR_HTTP_INVALID_HEADER_VALUE');
    equal(throws(() => response.writeHead(1000), RangeError).code, 'ERR_HTTP_INVALID_STATUS_CODE');
    response.end();
  });
});

test('no body where none belongs', async () => {
  for (const status of [204, 304]) {
    const response = await ask((request, response) => response.writeHead(status).end('ignored'));
    same([response.status, response.body], [status, null]);
  }
  const head = await ask((request, response) => {
    response.write('ignored');
    response.end('too');
  }, '/', { method: 'HEAD' });
  equal(await head.text(), '');
});

test('what goes wrong', async () => {
  await rejects(ask((request, response) => response.destroy(new Error('gave up'))), Error, 'before the head');
  const cut = await ask((request, response) => {
    response.write('some');
    setTimeout(() => response.destroy(new Error('gave up')), 1);
  });
  await rejects(cut.text(), Error, 'in mid-response');
  let closed = false;
  const left = await ask((request, response) => {
    response.on('close', () => { closed = true; });
    response.write('some');
  });
  await left.body.cancel();
  await new Promise((resolve) => setTimeout(resolve, 1));
  ok(closed, 'the reader goes');
  const abort = new AbortController();
  let aborted = false;
  ask((request) => request.on('aborted', () => { aborted = true; }).on('error', () => {}), '/', { signal: abort.signal }).catch(() => {});
  abort.abort();
  ok(aborted, 'the client goes');
  equal((await new Server().fetch(new Request('http://host/'))).status, 404, 'nobody listens for requests');
});

test('a handler that throws after it has begun to answer', async () => {
  const told = [];
  const listen = (event) => {
    told.push(event.error.message);
    event.preventDefault();
  };
  addEventListener('error', listen);
  const response = await ask((request, response) => {
    response.on('close', () => told.push('closed'));
    response.write('begun');
    throw new Error('and then');
  });
  removeEventListener('error', listen);
  await rejects(response.text(), Error, 'the body is cut off');
  same(told, ['and then', 'closed']);
});

test('listening', async () => {
  const server = createServer();
  const events = [];
  server.on('listening', () => events.push('listening')).on('close', () => events.push('close'));
  equal(server.address(), null);
  await new Promise((resolve) => { server.listen(3000, resolve); });
  same([server.listening, server.address().port], [true, 3000]);
  equal(throws(() => server.listen(1), Error).code, 'ERR_SERVER_ALREADY_LISTEN');
  await new Promise((resolve) => { server.close(resolve); });
  same([server.listening, events], [false, ['listening', 'close']]);
});

test('responses that code makes for itself', () => {
  const response = new ServerResponse({ method: 'GET' });
  response.assignSocket(null);
  response.writeHead(200, { a: 'b' });
  equal(response._header, `HTTP/1.1 200 OK\r\na: b\r\nDate: ${response.getHeader('date')}\r\n\r\n`);
  response.write('goes nowhere');
  response.end();
  function Mine() { ServerResponse.call(this, { method: 'GET' }); }
  Object.setPrototypeOf(Mine.prototype, ServerResponse.prototype);
  ok(new Mine() instanceof ServerResponse && new Mine().statusCode === 200);
});

test('requests that cannot be made', async () => {
  const code = (request) => new Promise((resolve) => { request.on('error', (error) => resolve(error.code)).end(); });
  equal(await code(http.request('http://localhost/')), 'ECONNRESET');  // this test has no way out
  equal(await code(http.request({ socketPath: '/run/x.sock' })), 'ECONNRESET');
  equal(throws(() => http.request({ protocol: 'ftp:' }), TypeError).code, 'ERR_INVALID_PROTOCOL');
  equal(throws(() => http.request({ path: '/a b' }), TypeError).code, 'ERR_UNESCAPED_CHARACTERS');
  equal(throws(() => http.request({ method: 'A B' }), TypeError).code, 'ERR_INVALID_HTTP_TOKEN');
  const request = http.request({ host: 'localhost', headers: { 'X-A': '1' }, method: 'post' });
  same([request.method, request.path, request.getHeader('x-a'), request.host], ['POST', '/', '1', 'localhost']);
  const ended = code(request);
  request.destroy();
  equal(await ended, 'ECONNRESET');
});
