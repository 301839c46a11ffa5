// What stands on the global object, and what does not.

test('values are not enumerable, operations are, as Web IDL has it', () => {
  for (const name of ['URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'Event', 'EventTarget', 'AbortController', 'AbortSignal', 'Blob', 'File',
    'FormData', 'DOMException', 'Headers', 'Request', 'Response', 'crypto', 'performance', 'navigator', 'console']) {
    const found = Object.getOwnPropertyDescriptor(globalThis, name);
    same([found.writable, found.enumerable, found.configurable], [true, false, true], name);
  }
  for (const name of ['atob', 'btoa', 'structuredClone', 'queueMicrotask', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'reportError']) {
    const found = Object.getOwnPropertyDescriptor(globalThis, name);
    same([found.writable, found.enumerable, found.configurable, found.value.name], [true, true, true, name], name);
  }
  for (const operation of [atob, btoa, structuredClone, reportError]) throws(() => new operation('x'), TypeError, operation.name);
});

test('names that libraries ask for to choose their way are undefined', () => {
  for (const name of ['process', 'require', 'module', 'exports', 'Buffer', 'global', 'window', 'document', 'XMLHttpRequest', 'WebSocket', 'Deno', 'Bun',
    'native', 'internal', 'SharedArrayBuffer', 'WebAssembly']) {
    equal(typeof globalThis[name], 'undefined', name);
  }
});

test('the web API can be replaced by the function, as polyfills do', () => {
  const { URL: Original } = globalThis;
  globalThis.URL = class Fake {};
  equal(new URL().href, undefined);
  globalThis.URL = Original;
  equal(new URL('http://h').href, 'http://h/');
});

test('replaced built-ins do not break the platform', () => {
  const { slice } = Array.prototype;
  Array.prototype.slice = () => { throw new Error('broken'); };
  try {
    equal(new URLSearchParams('a=1').get('a'), '1');
    equal(new URL('http://h/x').pathname, '/x');
  } finally {
    Array.prototype.slice = slice;
  }
});

test('a lazy global looks like any other, and can be replaced before it is read', () => {
  globalThis.TransformStreamDefaultController = 7;
  equal(TransformStreamDefaultController, 7);
  const found = Object.getOwnPropertyDescriptor(globalThis, 'ByteLengthQueuingStrategy');
  same([typeof found.value, found.writable, found.enumerable, found.configurable], ['function', true, false, true]);
  equal(globalThis.ByteLengthQueuingStrategy, found.value);
  ok(delete globalThis.CountQueuingStrategy);
  equal(typeof CountQueuingStrategy, 'undefined');
  equal(Object.keys(globalThis).includes('WritableStream'), false);
});
