// console's text (web/format.js). Each case is what console.log is called with, and the record it makes; the handler prints the
// first, and the C++ side of the test compares.

const circular = { name: 'ring' };
circular.self = circular;
const deep = { a: { b: { c: { d: { e: 1 } } } } };
class Point {
  #secret = 1;
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
  get length() { return this.#secret; }
}
const withStack = (error, stack) => Object.assign(error, { stack });
const named = Object.assign(function named() {}, { extra: 1 });
const hostile = new Proxy({ inside: 1 }, { get() { throw new Error('trap'); }, ownKeys() { throw new Error('trap'); } });
const sparse = [1, , , 4];
sparse.extra = true;
const huge = [];
huge[1000000] = 'far';
const nullProto = Object.assign(Object.create(null), { a: 1 });

const cases = [
  [[], ''],
  [['plain text'], 'plain text'],
  [['%'], '%'],
  [['100% sure'], '100% sure'],
  [['a', 'b', 1], 'a b 1'],
  [[1, 'a'], '1 a'],
  [[undefined, null, true, -0, NaN, 10n, Symbol('s')], 'undefined null true -0 NaN 10n Symbol(s)'],
  [['%s is %d', 'x', 42], 'x is 42'],
  [['%s', 'only', 'rest', { a: 1 }], 'only rest { a: 1 }'],
  [['%s %s', 'one'], 'one %s'],
  [['%d %d %d %d', '42', 1.5, {}, 7n], '42 1.5 NaN 7n'],
  [['%i %i %i', 42.9, '-7.5abc', Symbol('x')], '42 -7 NaN'],
  [['%f %f', '1.50', 'x'], '1.5 NaN'],
  [['%j %j', { a: [1] }, circular], '{"a":[1]} [Circular]'],
  [['%o|%O', [1], { b: 2 }], '[ 1 ]|{ b: 2 }'],
  [['%cred%c plain', 'color: red', ''], 'red plain'],
  [['%% %s %x', 'a', 'b'], '% a %x b'],
  [['%s %s %s', null, undefined, -0], 'null undefined -0'],
  [['ends with %', 1], 'ends with % 1'],
  [[{ s: 'text', q: "it's", both: `'"`, n: 'a\nb\\', c: '\x00\u2028' }], "{ s: 'text', q: \"it's\", both: `'\"`, n: 'a\\nb\\\\', c: '\\u0000\\u2028' }"],
  [[{}, [], new Map(), new Set(), Object.create(null)], '{} [] Map(0) {} Set(0) {} [Object: null prototype] {}'],
  [[nullProto], '[Object: null prototype] { a: 1 }'],
  [[[1, [2, [3]]], { a: { b: 1 } }], '[ 1, [ 2, [ 3 ] ] ] { a: { b: 1 } }'],
  [[deep], '{ a: { b: { c: { d: [Object] } } } }'],
  [[circular], "<ref *1> { name: 'ring', self: [Circular *1] }"],
  [[new Point(1, 2)], 'Point { x: 1, y: 2 }'],
  [[{ 'a-b': 1, 2: 3, [Symbol('k')]: 4 }], "{ '2': 3, 'a-b': 1, [Symbol(k)]: 4 }"],
  [[{ get g() { throw new Error('never run'); }, set s(v) {}, get b() { return 1; }, set b(v) {} }], '{ g: [Getter], s: [Setter], b: [Getter/Setter] }'],
  [[new Map([['k', { v: 1 }], [{}, 2]]), new Set([1, 'a'])], "Map(2) { 'k' => { v: 1 }, {} => 2 } Set(2) { 1, 'a' }"],
  [[new Map([[1, 2]]).entries(), new Set([5]).values()], '[Map Iterator] { 1 => 2 } [Set Iterator] { 5 }'],
  [[sparse], '[ 1, <2 empty items>, 4, extra: true ]'],
  [[huge], "[ <1000000 empty items>, 'far' ]"],
  [[new Uint8Array([1, 2]), new Float64Array(0), new BigInt64Array([3n])], 'Uint8Array(2) [ 1, 2 ] Float64Array(0) [] BigInt64Array(1) [ 3n ]'],
  [[new ArrayBuffer(3)], 'ArrayBuffer { [bytes]: <00 00 00>, byteLength: 3 }'],
  [[new DataView(new ArrayBuffer(4), 1)], 'DataView { byteLength: 3, byteOffset: 1 }'],
  [[function () {}, () => {}, async () => {}, function* gen() {}, class {}, class A extends Point {}, Math.max],
    '[Function (anonymous)] [Function (anonymous)] [AsyncFunction (anonymous)] [GeneratorFunction: gen] [class (anonymous)] [class A extends Point] [Function: max]'],
  [[named], '[Function: named] { extra: 1 }'],
  [[new Date(0), new Date(NaN), /a/gi], '1970-01-01T00:00:00.000Z Invalid Date /a/gi'],
  [[new Number(-0), new String('ab'), new Boolean(true), Object(1n), Object(Symbol('q'))], "[Number: -0] [String: 'ab'] [Boolean: true] [BigInt: 1n] [Symbol: Symbol(q)]"],
  [[Promise.resolve({ a: 1 }), new Promise(() => {})], 'Promise { { a: 1 } } Promise { <pending> }'],
  [[new WeakMap(), new WeakSet()], 'WeakMap { <items unknown> } WeakSet { <items unknown> }'],
  [[(function () { return arguments; })(1, 'a')], "[Arguments] [ 1, 'a' ]"],
  [[hostile], '{ inside: 1 }'],
  [[new URL('http://h/a?b')], "URL { href: 'http://h/a?b' }"],
  [[new URLSearchParams('a=1')], "URLSearchParams { 'a' => '1' }"],
  [[new Headers({ a: 'b' })], "Headers { a: 'b' }"],
  [[Math, JSON], 'Object [Math] {} Object [JSON] {}'],
  [[withStack(new Error('boom'), 'Error: boom\n    at here')], 'Error: boom\n    at here'],
  [[withStack(new Error('out', { cause: withStack(new TypeError('in'), 'TypeError: in\n    at there') }), 'Error: out\n    at here')],
    'Error: out\n    at here {\n  [cause]: TypeError: in\n      at there\n}'],
  [[withStack(Object.assign(new RangeError('r'), { code: 'E1' }), 'RangeError: r\n    at x')], "RangeError: r\n    at x {\n  code: 'E1'\n}"],
  [[withStack(new AggregateError([1, 2], 'all'), 'AggregateError: all')], 'AggregateError: all {\n  [errors]: [ 1, 2 ]\n}'],
  [[{ e: withStack(new Error('in'), 'Error: in\n    at y') }], '{\n  e: Error: in\n      at y\n}'],
  [[{ long: 'x'.repeat(30), other: 'y'.repeat(30), third: 'z'.repeat(10) }],
    `{\n  long: '${'x'.repeat(30)}',\n  other: '${'y'.repeat(30)}',\n  third: '${'z'.repeat(10)}'\n}`],
  [[Array.from({ length: 30 }, (_, i) => i * 100)],
    '[\n     0,  100,  200,  300,  400,  500,  600,  700,  800,  900, 1000, 1100,\n  1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900, 2000, 2100, 2200, 2300,\n' +
    '  2400, 2500, 2600, 2700, 2800, 2900\n]'],
  [[{ a: 'x'.repeat(3000) }], `{\n  a: '${'x'.repeat(2000)}'... 1000 more characters\n}`],
  [[undefined, null, true, 0, 1.5, NaN, '%s'], 'undefined null true 0 1.5 NaN %s'],
  [[-0], '-0'],
  [[0, -0], '0 -0'],
  [['a', 'x'.repeat(16384)], `a ${'x'.repeat(16382)}... 2 more characters`],
  [['x'.repeat(20000)], `${'x'.repeat(16384)}... 3616 more characters`],
];

export default {
  fetch() {
    for (const [values] of cases) console.log(...values);
    // Whatever it is, a record is bounded.
    console.log(Array.from({ length: 10000 }, () => ({ text: 'y'.repeat(1000) })));
    console.log(Array.from({ length: 150 }, (_, i) => Array.from({ length: 150 }, () => ({ i }))));
    console.log(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])));
    console.log('%s', 'z'.repeat(100000));
    return Response.json(cases.map(([, expected]) => expected));
  },
};
