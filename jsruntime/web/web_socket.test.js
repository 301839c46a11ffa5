// WebSocket and CloseEvent (WebSockets Standard), as far as they need no server. Against a door: jsruntime/web_socket_test.cc; against
// servers: tests/e2e/test_web_socket.py. While a module loads no requests are made, so each of them fails.

test('are the interfaces of the standard', () => {
  checkInterface('WebSocket', 1, ['url', 'readyState', 'bufferedAmount', 'onopen', 'onerror', 'onclose', 'extensions', 'protocol', 'close', 'onmessage',
    'binaryType', 'send'], ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']);
  same([WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED], [0, 1, 2, 3]);
  same([WebSocket.prototype.CONNECTING, WebSocket.prototype.CLOSED], [0, 3]);
  equal(Object.getOwnPropertyDescriptor(WebSocket, 'OPEN').writable, false);
  same([WebSocket.prototype.close.length, WebSocket.prototype.send.length], [0, 1]);
  checkInterface('CloseEvent', 1, ['wasClean', 'code', 'reason']);
  throws(() => new WebSocket(), TypeError);
  throws(() => WebSocket('ws://a/'), TypeError);
});

test('CloseEvent', () => {
  const plain = new CloseEvent('close');
  ok(plain instanceof Event);
  same([plain.type, plain.wasClean, plain.code, plain.reason, plain.isTrusted], ['close', false, 0, '', false]);
  const event = new CloseEvent('x', { wasClean: 1, code: 65537, reason: 'why\ud800', bubbles: true });
  same([event.wasClean, event.code, event.reason, event.bubbles], [true, 1, 'why\ufffd', true]);
  throws(() => new CloseEvent(), TypeError);
});

test('URLs', () => {
  for (const [given, url] of [
    ['ws://a/', 'ws://a/'], ['wss://a:443/x?y', 'wss://a/x?y'], ['http://a/b', 'ws://a/b'], ['https://a:8443', 'wss://a:8443/'],
    ['WS://A.example:80/%41 b', 'ws://a.example/%41%20b'], ['ws://[::1]:99/', 'ws://[::1]:99/'], [new URL('ws://u/'), 'ws://u/'],
  ]) {
    const ws = new WebSocket(given);
    equal(ws.url, url);
    same([ws.readyState, ws.protocol, ws.extensions, ws.binaryType, ws.bufferedAmount], [0, '', '', 'blob', 0]);
    ok(ws instanceof EventTarget);
  }
  for (const bad of ['', 'not absolute', '/chat', 'ftp://a/', 'ws://', 'ws://a:99999/', 'ws://a/#f', 'wss://a/#', 'mailto:x', 'data:,x', undefined]) {
    throws(() => new WebSocket(bad), 'SyntaxError', bad);
  }
  throws(() => new WebSocket(Symbol()), TypeError);
});

test('protocols', () => {
  for (const good of [undefined, [], 'chat', ['a', 'b.c'], "!#$%&'*+-.^_`|~09AZaz", new Set(['a', 'b']), ['a', 'A'], null]) {
    equal(new WebSocket('ws://a/', good).protocol, '');
  }
  for (const bad of ['', 'a b', 'a,b', ['a', 'a'], ['a', ''], 'é', ['\u0000'], 'a/b', '"a"', '(a)', 'a\r\nx: y', {}]) {
    throws(() => new WebSocket('ws://a/', bad), 'SyntaxError', String(bad));
  }
  // The arguments are converted before any of them is looked at.
  throws(() => new WebSocket('nonsense', [Symbol()]), TypeError);
  throws(() => new WebSocket('ws://a/', { [Symbol.iterator]: 7 }), TypeError);
});

test('binaryType takes its two values, and ignores others', () => {
  const ws = new WebSocket('ws://a/');
  ws.binaryType = 'arraybuffer';
  equal(ws.binaryType, 'arraybuffer');
  ws.binaryType = 'text';
  equal(ws.binaryType, 'arraybuffer');
  ws.binaryType = { toString: () => 'blob' };
  equal(ws.binaryType, 'blob');
});

test('close() looks at its arguments in every state', async () => {
  const check = (ws) => {
    for (const code of [0, 999, 1001, 1005, 2999, 5000, 65536, -1, NaN, 'x', 2999.4, 1000.5001, null]) {
      throws(() => ws.close(code), 'InvalidAccessError', code);
    }
    throws(() => ws.close(1000, 'x'.repeat(124)), 'SyntaxError');
    throws(() => ws.close(3000, 'é'.repeat(62)), 'SyntaxError');
    throws(() => ws.close(undefined, 'x'.repeat(124)), 'SyntaxError');
    throws(() => ws.close(1000, Symbol()), TypeError);
  };
  const ws = new WebSocket('ws://a/');
  check(ws);
  equal(ws.readyState, 0);
  ws.close(1000.5, 'é'.repeat(61));
  equal(ws.readyState, 2);
  check(ws);
  await new Promise((resolve) => { ws.onclose = resolve; });
  check(ws);
  ws.close();
  equal(ws.readyState, 3);
});

test('send() before it is open', () => {
  const ws = new WebSocket('ws://a/');
  throws(() => ws.send(), TypeError);
  for (const data of ['x', new Blob(['x']), new ArrayBuffer(1), Uint8Array.of(1), 7, null]) throws(() => ws.send(data), 'InvalidStateError');
  throws(() => ws.send(Symbol()), TypeError);
  equal(ws.bufferedAmount, 0);
});

test('failing is an error event, then a close event', async () => {
  const ws = new WebSocket('ws://a/');
  const seen = [];
  ws.onopen = () => seen.push('open');
  ws.onerror = (event) => {
    seen.push(event.constructor.name, event.type, event.isTrusted, ws.readyState, event.target === ws);
    seen.push(event.message.startsWith('WebSocket failed: '), event.error.code);
  };
  await new Promise((resolve) => {
    ws.addEventListener('close', (event) => {
      seen.push(event.constructor.name, event.code, event.reason, event.wasClean, event.isTrusted, event.cancelable);
      resolve();
    });
  });
  same(seen, ['ErrorEvent', 'error', true, 3, true, true, 'canceled', 'CloseEvent', 1006, '', false, true, false]);
  ws.send('12345');
  equal(ws.bufferedAmount, 5);
});

test('cannot be cloned', () => {
  throws(() => structuredClone(new WebSocket('ws://a/')), 'DataCloneError');
});
