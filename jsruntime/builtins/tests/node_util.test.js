// node:util, node:assert and node:diagnostics_channel: Node's own JavaScript over what stands under it here. The answers are Node's.
import assert from 'node:assert';
import { AsyncLocalStorage, AsyncResource, executionAsyncId } from 'node:async_hooks';
import { Buffer } from 'node:buffer';
import crypto from 'node:crypto';
import channels from 'node:diagnostics_channel';
import process from 'node:process';
import punycode from 'node:punycode';
import util, { inspect } from 'node:util';

const codeOf = (action) => throws(action, Error).code;
const messageOf = (action) => throws(action, Error).message;

test('inspect: its options', () => {
  const value = { z: 12345678, list: [1, 2, { deep: { deeper: { deepest: {} } } }], get at() { return 5; }, text: 'hello' };
  equal(inspect(value), "{\n  z: 12345678,\n  list: [ 1, 2, { deep: [Object] } ],\n  at: [Getter],\n  text: 'hello'\n}");
  equal(inspect(value, { depth: 0 }), "{ z: 12345678, list: [Array], at: [Getter], text: 'hello' }");
  ok(inspect(value, { depth: null }).includes('deepest: {}'));
  equal(inspect(value, { depth: -1 }), '[Object]');
  equal(inspect({ a: 1, b: 'x' }, { colors: true }), "{ a: \u001b[33m1\u001b[39m, b: \u001b[32m'x'\u001b[39m }");
  equal(inspect(value, { sorted: true, depth: 0, breakLength: Infinity }), "{ at: [Getter], list: [Array], text: 'hello', z: 12345678 }");
  equal(inspect(value, { getters: true, depth: 0, breakLength: Infinity }), "{ z: 12345678, list: [Array], at: [Getter: 5], text: 'hello' }");
  equal(inspect(['abc', 'b', 'c'], { maxArrayLength: 1, maxStringLength: 2 }), "[ 'ab'... 1 more character, ... 2 more items ]");
  equal(inspect([1, 2], { showHidden: true }), '[ 1, 2, [length]: 2 ]');
  equal(inspect({ a: { b: 1 } }, { compact: false }), '{\n  a: {\n    b: 1\n  }\n}');
  equal(inspect(new Proxy({ a: 1 }, { get() { throw new Error('asked'); } }), { showProxy: true }), 'Proxy [ { a: 1 }, { get: [Function: get] } ]');
});

test('inspect: what values are', () => {
  class Own extends Map { extra = 1; }
  same([inspect(new Own([['a', 1]])), inspect(Promise.resolve(4)), inspect(new Map([[1, 2]]).entries()), inspect(new Set('a').values()), inspect(Object.create(null))],
       ["Own(1) [Map] { 'a' => 1, extra: 1 }", 'Promise { 4 }', '[Map Entries] { [ 1, 2 ] }', "[Set Iterator] { 'a' }", '[Object: null prototype] {}']);
  same([inspect(async () => {}), inspect(function* named() {}), inspect(class A extends Own {}), inspect(Object(Symbol('s'))), inspect([, 1]), inspect(-0)],
       ['[AsyncFunction (anonymous)]', '[GeneratorFunction: named]', '[class A extends Own]', '[Symbol: Symbol(s)]', '[ <1 empty item>, 1 ]', '-0']);
  const around = {};
  around.self = around;
  equal(inspect(around), '<ref *1> { self: [Circular *1] }');
  equal(inspect({ [inspect.custom]: (depth, options) => `${depth} ${options.stylize('x', 'number')}` }), '2 x');
  same([inspect(Buffer.from('ab')), inspect(new WeakSet()), inspect(new Uint8Array(2)), inspect(new DataView(new ArrayBuffer(1), 1))],
       ['<Buffer 61 62>', 'WeakSet { <items unknown> }', 'Uint8Array(2) [ 0, 0 ]', 'DataView {\n  [byteLength]: 0,\n  [byteOffset]: 1,\n  [buffer]: ArrayBuffer { [Uint8Contents]: <00>, [byteLength]: 1 }\n}']);
});

test('inspect: objects of the web, whose state is private', () => {
  equal(inspect(new Headers({ a: 'b' })), "Headers { a: 'b' }");
  equal(inspect(new URLSearchParams('a=b&c=d')), "URLSearchParams { 'a' => 'b', 'c' => 'd' }");
  ok(inspect(new URL('http://u:p@h:1/p?q#h')).startsWith("URL {\n  href: 'http://u:p@h:1/p?q#h',\n  origin: 'http://h:1',\n  protocol: 'http:',"));
  ok(inspect(new Response('x', { status: 201 })).includes('body: ReadableStream { locked: false, state: \'readable\', supportsBYOB: true }'));
  same([inspect(new AbortController()), inspect({ nested: { at: new Blob(['x']) } }), inspect(new TextDecoder(), { compact: true })],
       ['AbortController { signal: AbortSignal { aborted: false } }', "{ nested: { at: Blob { size: 1, type: '' } } }", "TextDecoder { encoding: 'utf-8', fatal: false, ignoreBOM: false }"]);
  equal(inspect(Object.create(Headers.prototype)), 'Headers {}');
});

test('format', () => {
  equal(util.format('%s %d %i %f %j %o %O %c%%', { a: 1 }, 4.5, 4.5, '4.5', { a: [1] }, [1], { b: 1 }, 'css', 'more', { c: 1 }),
        "{ a: 1 } 4.5 4 4.5 {\"a\":[1]} [ 1, [length]: 1 ] { b: 1 } % more { c: 1 }");
  equal(util.formatWithOptions({ colors: true }, '%O', 1), '\u001b[33m1\u001b[39m');
});

test('what else util has', async () => {
  same([util.getSystemErrorName(-2), util.getSystemErrorMessage(-2), util.getSystemErrorMap().get(-13)[0]], ['ENOENT', 'no such file or directory', 'EACCES']);
  equal(util.styleText('#f00', 'x', { validateStream: false }), '\u001b[38;2;255;0;0mx\u001b[39m');
  same([util.styleText('red', 'x', { validateStream: false }), util.stripVTControlCharacters('\u001b[31mx\u001b[0m')], ['\u001b[31mx\u001b[39m', 'x']);
  same(util.parseEnv('A=1\nexport B="x\\ny" # said\nC=\'q#\'\n# no\nD=un quoted # said\nE=`a\nb`\nF=\n'), { A: '1', B: 'x\ny', C: 'q#', D: 'un quoted', E: 'a\nb', F: '' });
  equal(new util.MIMEType('text/html; charset=utf-8').params.get('charset'), 'utf-8');
  equal(codeOf(() => util.inherits(function () {}, null)), 'ERR_INVALID_ARG_TYPE');
  equal(codeOf(() => util.promisify('x')), 'ERR_INVALID_ARG_TYPE');
  const called = util.callbackify(async (x) => x + 1);
  equal(await new Promise((resolve) => called(1, (error, value) => resolve(value))), 2);
  function here() { return util.getCallSites(1)[0].functionName; }
  equal(here(), 'here');
  const controller = new AbortController();
  const ended = util.aborted(controller.signal, {});
  controller.abort();
  await ended;
  await rejects(util.aborted('x', {}), TypeError);
  let warning;
  process.once('warning', (told) => { warning = told; });
  const old = util.deprecate((x) => x * 2, 'old is old', 'DEP_TEST');
  same([old(2), old(3)], [4, 6]);
  await new Promise((resolve) => queueMicrotask(resolve));
  same([warning.name, warning.code, warning.message], ['DeprecationWarning', 'DEP_TEST', 'old is old']);
});

test('types', async () => {
  const { types } = util;
  ok(types.isAsyncFunction(async () => {}) && !types.isAsyncFunction(() => {}) && types.isGeneratorFunction(async function* () {}));
  ok(types.isMapIterator(new Map().keys()) && !types.isMapIterator({ [Symbol.toStringTag]: 'Map Iterator' }) && types.isSetIterator(new Set().values()));
  ok(types.isWeakMap(new WeakMap()) && !types.isWeakMap(Object.create(WeakMap.prototype)) && types.isWeakSet(new WeakSet()) && types.isProxy(new Proxy({}, {})));
  ok(types.isNumberObject(Object(1)) && types.isStringObject(Object('')) && types.isSymbolObject(Object(Symbol())) && types.isBigIntObject(Object(1n)) && !types.isNumberObject(1));
  ok(types.isKeyObject(crypto.createSecretKey(Buffer.from('x'))) && !types.isKeyObject({ [Symbol.toStringTag]: 'KeyObject' }));
  ok(types.isArrayBuffer(new ArrayBuffer(1)) && !types.isSharedArrayBuffer(new ArrayBuffer(1)));
});

test('assert', async () => {
  const error = throws(() => assert.deepStrictEqual({ a: 1, b: [1, 2] }, { a: 1, b: [1, 3] }), assert.AssertionError);
  same([error.code, error.operator, error.generatedMessage], ['ERR_ASSERTION', 'deepStrictEqual', true]);
  ok(error.message.includes('+     2\n-     3'), error.message);
  same([messageOf(() => assert.strictEqual(1, 2)), messageOf(() => assert.ok(0)), messageOf(() => assert(false, 'mine')), messageOf(() => assert.fail())],
       ['Expected values to be strictly equal:\n\n1 !== 2\n', '0 == true', 'mine', 'Failed']);
  assert.throws(() => { throw Object.assign(new TypeError('bad'), { code: 'E' }); }, { name: 'TypeError', code: 'E' });
  await assert.rejects(Promise.reject(new Error('x')), /x/);
  equal(codeOf(() => assert.throws('x')), 'ERR_INVALID_ARG_TYPE');
  assert.partialDeepStrictEqual({ a: 1, b: 2 }, { a: 1 });
  assert.deepEqual(new Map([[{ a: 1 }, new Set([1])]]), new Map([[{ a: 1 }, new Set(['1'])]]));
  throws(() => assert.notDeepStrictEqual(new Uint8Array([1]), new Uint8Array([1])), assert.AssertionError);
  throws(() => assert.strict.equal(1, '1'), assert.AssertionError);
  ok(util.isDeepStrictEqual(new URL('http://h/'), new URL('http://h/')) && !util.isDeepStrictEqual(new URL('http://h/'), new URL('http://g/')));
  const key = (text) => crypto.createSecretKey(Buffer.from(text));
  ok(util.isDeepStrictEqual(key('x'), key('x')) && !util.isDeepStrictEqual(key('x'), key('y')));
});

test('diagnostics_channel', async () => {
  const told = [];
  const storage = new AsyncLocalStorage();
  const channel = channels.channel('test');
  channel.bindStore(storage, (data) => data.id);
  channels.subscribe('test', (data, name) => told.push([name, data.id, storage.getStore()]));
  equal(channel.runStores({ id: 1 }, function (x) { return [this.self, x, storage.getStore()].join(); }, { self: 's' }, 'x'), 's,x,1');
  equal(storage.getStore(), undefined);
  same(told, [['test', 1, 1]]);
  equal(codeOf(() => channels.channel(1)), 'ERR_INVALID_ARG_TYPE');
  const tracing = channels.tracingChannel('traced');
  const events = [];
  const note = (name) => (data) => events.push(`${name} ${data.result ?? data.error?.message ?? ''}`.trim());
  tracing.subscribe({ start: note('start'), end: note('end'), asyncStart: note('asyncStart'), asyncEnd: note('asyncEnd'), error: note('error') });
  equal(await tracing.tracePromise(async () => 2, {}), 2);
  throws(() => tracing.traceSync(() => { throw new Error('no'); }, {}), Error);
  same(events, ['start', 'end', 'asyncStart 2', 'asyncEnd 2', 'start', 'error no', 'end no']);
});

test('async_hooks', () => {
  const storage = new AsyncLocalStorage({ defaultValue: 0 });
  const scope = storage.withScope(1);
  equal(storage.getStore(), 1);
  scope[Symbol.dispose]();
  equal(storage.getStore(), 0);
  same([codeOf(() => AsyncLocalStorage.bind(1)), codeOf(() => new AsyncResource()), codeOf(() => new AsyncResource('x', -2))],
       ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ASYNC_ID']);
  const resource = new AsyncResource('x', 7);
  same([resource.triggerAsyncId(), resource.runInAsyncScope(() => executionAsyncId()) === resource.asyncId(), executionAsyncId()], [7, true, 1]);
});

test('punycode', () => {
  same([punycode.toASCII('ma\u00f1ana.com'), punycode.toUnicode('xn--maana-pta.com'), punycode.ucs2.decode('\u{1f600}')], ['xn--maana-pta.com', 'ma\u00f1ana.com', [0x1f600]]);
});
