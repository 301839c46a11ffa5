// URLSearchParams (URL standard 5, 6.2).

const parsed = [
  ['', []], ['?', []], ['a', [['a', '']]], ['a=', [['a', '']]], ['=a', [['', 'a']]], ['=', [['', '']]], ['&', []], ['&&a=1&&', [['a', '1']]],
  ['a=1&b=2', [['a', '1'], ['b', '2']]], ['?a=1', [['a', '1']]], ['??a=1', [['?a', '1']]], ['a=1=2', [['a', '1=2']]],
  ['a+b=c+d', [['a b', 'c d']]], ['a%20b=%2B', [['a b', '+']]], ['a=%zz', [['a', '%zz']]], ['a=%', [['a', '%']]], ['a=%4', [['a', '%4']]],
  ['a=%C3%A9', [['a', '\u00e9']]], ['a=%FF', [['a', '\ufffd']]], ['a=%F0%9F%92', [['a', '\ufffd']]], ['%F0%9F%92%A9=x', [['\u{1f4a9}', 'x']]],
  ['a=%EF%BB%BFx', [['a', '\ufeffx']]], ['id=0&value=%', [['id', '0'], ['value', '%']]], ['b=%2sf%2a', [['b', '%2sf*']]], ['b=%2%2af%2a', [['b', '%2*f*']]],
  ['\u00e9=\u{1f4a9}', [['\u00e9', '\u{1f4a9}']]], ['a=\ud800', [['a', '\ufffd']]], ['a=b\0c', [['a', 'b\0c']]], ['a=%00', [['a', '\0']]],
  ['a=1;b=2', [['a', '1;b=2']]], ['a=b%26c', [['a', 'b&c']]], ['%61+%4d%4D=', [['a MM', '']]], ['a=\u00e9%FF', [['a', '\u00e9\ufffd']]],
];
for (const [input, expected] of parsed) {
  test(`parses ${JSON.stringify(input)}`, () => same([...new URLSearchParams(input)], expected));
}

const written = [
  ['a b', 'a+b'], ['*-._', '*-._'], ["!'()~", '%21%27%28%29%7E'], ['\u00e9', '%C3%A9'], ['\u{1f4a9}', '%F0%9F%92%A9'], ['&=+%#?', '%26%3D%2B%25%23%3F'],
  ['\n\r\0', '%0A%0D%00'], ['aZ09', 'aZ09'], ['\ud800', '%EF%BF%BD'], ['', ''], ['%20', '%2520'], ['/:@[]', '%2F%3A%40%5B%5D'], ['^`{|}', '%5E%60%7B%7C%7D'],
];
for (const [text, expected] of written) {
  test(`writes ${JSON.stringify(text)}`, () => {
    const params = new URLSearchParams();
    params.append(text, text);
    equal(params.toString(), `${expected}=${expected}`);
    same([...new URLSearchParams(params.toString())], [[text.toWellFormed(), text.toWellFormed()]]);
  });
}

test('from sequences, records and other parameters', () => {
  same([...new URLSearchParams([['a', '1'], ['a', 2], new Set(['b', 'c'])])], [['a', '1'], ['a', '2'], ['b', 'c']]);
  same([...new URLSearchParams({ a: 1, b: null, c: undefined })], [['a', '1'], ['b', 'null'], ['c', 'undefined']]);
  same([...new URLSearchParams(new Map([['x', 'y']]))], [['x', 'y']]);
  same([...new URLSearchParams(new URLSearchParams('a=1&a=2'))], [['a', '1'], ['a', '2']]);
  same([...new URLSearchParams({ 'a\ud800': 1, 'a\udbff': 2 })], [['a\ufffd', '2']]);
  same([...new URLSearchParams(undefined)], []);
  same([...new URLSearchParams(null)], [['null', '']]);
  same([...new URLSearchParams(123)], [['123', '']]);
  same([...new URLSearchParams(Object.create({ inherited: 1 }))], []);
  function callable() {}
  callable.x = 1;
  same([...new URLSearchParams(callable)], [['x', '1']]);
  const source = new URLSearchParams('a=1');
  const copy = new URLSearchParams(source);
  source.append('b', '2');
  equal(copy.toString(), 'a=1');
});

test('refuses what is no sequence of pairs', () => {
  for (const bad of [[['a']], [['a', 'b', 'c']], ['ab'], [1], [null], [[]], { [Symbol('x')]: 1, a: Symbol() }]) {
    throws(() => new URLSearchParams(bad), TypeError, JSON.stringify(bad));
  }
  throws(() => new URLSearchParams(Symbol()), TypeError);
});

test('append, get, getAll, has, set, delete, size', () => {
  const params = new URLSearchParams('a=1&b=2&a=3');
  equal(params.size, 3);
  equal(params.get('a'), '1');
  equal(params.get('x'), null);
  same(params.getAll('a'), ['1', '3']);
  same(params.getAll('x'), []);
  ok(params.has('a'));
  ok(params.has('a', '3'));
  ok(!params.has('a', '2'));
  ok(params.has('a', undefined));
  params.set('a', 'x');
  equal(params.toString(), 'a=x&b=2');
  params.set('new', 4);
  equal(params.toString(), 'a=x&b=2&new=4');
  params.append('b', '5');
  params.delete('b', '2');
  equal(params.toString(), 'a=x&new=4&b=5');
  params.delete('b', undefined);
  equal(params.toString(), 'a=x&new=4');
  params.delete('none');
  equal(params.size, 2);
  equal(params.append('q', 'r'), undefined);
});

test('a value may equal a name', () => {
  const params = new URLSearchParams([['a', 'b'], ['b', 'a'], ['x', 'a']]);
  equal(params.get('b'), 'a');
  params.delete('a');
  same([...params], [['b', 'a'], ['x', 'a']]);
  ok(!params.has('a'));
  same(params.getAll('x'), ['a']);
});

test('sort is stable and by UTF-16 units', () => {
  const sorted = [
    ['z=b&a=b&z=a&a=a', [['a', 'b'], ['a', 'a'], ['z', 'b'], ['z', 'a']]],
    ['\ufffd=x&\ufffc&\ufffd=a', [['\ufffc', ''], ['\ufffd', 'x'], ['\ufffd', 'a']]],
    ['\ufb03&\u{1f308}', [['\u{1f308}', ''], ['\ufb03', '']]],
    ['b=1&aa=2&a=3&', [['a', '3'], ['aa', '2'], ['b', '1']]],
  ];
  for (const [input, expected] of sorted) {
    const params = new URLSearchParams(input);
    params.sort();
    same([...params], expected);
  }
});

test('iteration: order, liveness, prototypes', () => {
  const params = new URLSearchParams('a=1&b=2');
  same([...params.keys()], ['a', 'b']);
  same([...params.values()], ['1', '2']);
  same([...params.entries()], [['a', '1'], ['b', '2']]);
  equal(URLSearchParams.prototype[Symbol.iterator], URLSearchParams.prototype.entries);
  const iterator = params[Symbol.iterator]();
  equal(Object.prototype.toString.call(iterator), '[object URLSearchParams Iterator]');
  equal(iterator[Symbol.iterator](), iterator);
  iterator.next();
  params.append('c', '3');
  same([...iterator], [['b', '2'], ['c', '3']]);
  params.append('d', '4');
  const seen = [];
  for (const [name] of params) {
    seen.push(name);
    if (name === 'a') params.delete('b');
  }
  same(seen, ['a', 'c', 'd']);
  throws(() => iterator.next.call({}), TypeError);
  equal(Object.getPrototypeOf(iterator).constructor, Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())).constructor);
});

test('forEach', () => {
  const params = new URLSearchParams('a=1&b=2');
  const seen = [];
  const self = {};
  params.forEach(function (value, name, all) {
    equal(this, self);
    equal(all, params);
    seen.push([name, value]);
  }, self);
  same(seen, [['a', '1'], ['b', '2']]);
  throws(() => params.forEach(), TypeError);
  throws(() => params.forEach(1), TypeError);
});

test('missing arguments and wrong receivers', () => {
  const params = new URLSearchParams();
  for (const [name, values] of [['append', ['a']], ['delete', []], ['get', []], ['getAll', []], ['has', []], ['set', ['a']]]) {
    throws(() => params[name](...values), TypeError, name);
    throws(() => URLSearchParams.prototype[name].call({}, 'a', 'b'), TypeError, name);
  }
  throws(() => URLSearchParams.prototype.entries.call({}), TypeError);
});

test('interface', () => {
  checkInterface('URLSearchParams', 0, ['append', 'delete', 'get', 'getAll', 'has', 'set', 'sort', 'toString', 'size', 'entries', 'keys',
    'values', 'forEach']);
  equal(URLSearchParams.prototype.append.length, 2);
  equal(URLSearchParams.prototype.has.length, 1);
  equal(URLSearchParams.prototype.forEach.length, 1);
});
