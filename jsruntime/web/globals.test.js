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

test('globals stand in one order, whenever what is behind them is made', () => {
  const order = ['Event', 'EventTarget', 'CustomEvent', 'ErrorEvent', 'PromiseRejectionEvent', 'MessageEvent', 'reportError', 'addEventListener',
    'AbortSignal', 'AbortController', 'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'btoa', 'Blob', 'File', 'FormData', 'structuredClone',
    'Crypto', 'SubtleCrypto', 'CryptoKey', 'crypto', 'Performance', 'performance', 'Headers', 'Request', 'Response', 'setTimeout', 'fetch',
    'ReadableStream', 'CompressionStream', 'URLPattern'];
  const names = Object.getOwnPropertyNames(globalThis);
  same(names.filter((name) => order.includes(name)), order);
});

// Interfaces and members of the Minimum Common Web API (ECMA-429, sections 5 and 6), but for WebAssembly,
// fetch and the crypto interfaces, which have tests of their own.
const interfaces = {
  AbortController: ['abort', 'signal'],
  AbortSignal: ['aborted', 'onabort', 'reason', 'throwIfAborted'],
  Blob: ['arrayBuffer', 'bytes', 'size', 'slice', 'stream', 'text', 'type'],
  ByteLengthQueuingStrategy: ['highWaterMark', 'size'],
  CloseEvent: ['code', 'reason', 'wasClean'],
  CompressionStream: ['readable', 'writable'],
  CountQueuingStrategy: ['highWaterMark', 'size'],
  CustomEvent: ['detail'],
  DecompressionStream: ['readable', 'writable'],
  DOMException: ['code', 'message', 'name'],
  ErrorEvent: ['colno', 'error', 'filename', 'lineno', 'message'],
  Event: ['bubbles', 'cancelBubble', 'cancelable', 'composed', 'composedPath', 'currentTarget', 'defaultPrevented', 'eventPhase', 'isTrusted',
    'preventDefault', 'returnValue', 'srcElement', 'stopImmediatePropagation', 'stopPropagation', 'target', 'timeStamp', 'type'],
  EventTarget: ['addEventListener', 'dispatchEvent', 'removeEventListener'],
  File: ['lastModified', 'name'],
  FormData: ['append', 'delete', 'entries', 'forEach', 'get', 'getAll', 'has', 'keys', 'set', 'values'],
  Headers: ['append', 'delete', 'entries', 'forEach', 'get', 'getSetCookie', 'has', 'keys', 'set', 'values'],
  MessageChannel: ['port1', 'port2'],
  MessageEvent: ['data', 'lastEventId', 'origin', 'ports', 'source'],
  MessagePort: ['close', 'onmessage', 'onmessageerror', 'postMessage', 'start'],
  Performance: ['clearMarks', 'clearMeasures', 'getEntries', 'getEntriesByName', 'getEntriesByType', 'mark', 'measure', 'now', 'timeOrigin', 'toJSON'],
  PromiseRejectionEvent: ['promise', 'reason'],
  ReadableByteStreamController: ['byobRequest', 'close', 'desiredSize', 'enqueue', 'error'],
  ReadableStream: ['cancel', 'getReader', 'locked', 'pipeThrough', 'pipeTo', 'tee', 'values'],
  ReadableStreamBYOBReader: ['cancel', 'closed', 'read', 'releaseLock'],
  ReadableStreamBYOBRequest: ['respond', 'respondWithNewView', 'view'],
  ReadableStreamDefaultController: ['close', 'desiredSize', 'enqueue', 'error'],
  ReadableStreamDefaultReader: ['cancel', 'closed', 'read', 'releaseLock'],
  Request: ['arrayBuffer', 'blob', 'bodyUsed', 'bytes', 'clone', 'formData', 'headers', 'json', 'method', 'redirect', 'signal', 'text', 'url'],
  Response: ['arrayBuffer', 'blob', 'bodyUsed', 'bytes', 'clone', 'formData', 'headers', 'json', 'ok', 'redirected', 'status', 'statusText', 'text',
    'type', 'url'],
  TextDecoder: ['decode', 'encoding', 'fatal', 'ignoreBOM'],
  TextDecoderStream: ['encoding', 'fatal', 'ignoreBOM', 'readable', 'writable'],
  TextEncoder: ['encode', 'encodeInto', 'encoding'],
  TextEncoderStream: ['encoding', 'readable', 'writable'],
  TransformStream: ['readable', 'writable'],
  TransformStreamDefaultController: ['desiredSize', 'enqueue', 'error', 'terminate'],
  URL: ['hash', 'host', 'hostname', 'href', 'origin', 'password', 'pathname', 'port', 'protocol', 'search', 'searchParams', 'toJSON', 'toString',
    'username'],
  URLPattern: ['exec', 'hasRegExpGroups', 'hash', 'hostname', 'password', 'pathname', 'port', 'protocol', 'search', 'test', 'username'],
  URLSearchParams: ['append', 'delete', 'entries', 'forEach', 'get', 'getAll', 'has', 'keys', 'set', 'size', 'sort', 'toString', 'values'],
  WritableStream: ['abort', 'close', 'getWriter', 'locked'],
  WritableStreamDefaultController: ['error', 'signal'],
  WritableStreamDefaultWriter: ['abort', 'close', 'closed', 'desiredSize', 'ready', 'releaseLock', 'write'],
};

test('the interfaces of ECMA-429 and their members, as Web IDL has them', () => {
  for (const [name, members] of Object.entries(interfaces)) {
    const found = Object.getOwnPropertyDescriptor(globalThis, name);
    ok(found !== undefined, name);
    same([typeof found.value, found.writable, found.enumerable, found.configurable], ['function', true, false, true], name);
    equal(found.value.name, name);
    const { prototype } = found.value;
    equal(prototype[Symbol.toStringTag], name);
    for (const member of members) {
      const own = Object.getOwnPropertyDescriptor(prototype, member);
      ok(own !== undefined, `${name}.prototype.${member}`);
      same([own.enumerable, own.configurable], [true, true], `${name}.prototype.${member}`);
      if (own.get !== undefined) equal(own.get.name, `get ${member}`, name);
      else equal(own.value.name, member, name);
    }
  }
  for (const [Class, statics] of [[AbortSignal, ['abort', 'any', 'timeout']], [ReadableStream, ['from']], [Response, ['error', 'json', 'redirect']],
    [URL, ['canParse', 'parse']]]) {
    for (const name of statics) ok(Object.getOwnPropertyDescriptor(Class, name)?.enumerable, `${Class.name}.${name}`);
  }
  equal(typeof navigator.userAgent, 'string');
  equal(self, globalThis);
});

test('names that libraries ask for to choose their way are undefined', () => {
  for (const name of ['process', 'require', 'module', 'exports', 'Buffer', 'global', 'window', 'document', 'XMLHttpRequest', 'Deno', 'Bun',
    'native', 'internal', 'SharedArrayBuffer', 'Atomics']) {
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
