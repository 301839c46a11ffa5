// Headers (Fetch standard 5.1).

test('is an interface', () => checkInterface('Headers', 0,
  ['append', 'delete', 'get', 'getSetCookie', 'has', 'set', 'forEach', 'keys', 'values', 'entries']));

test('takes records, pairs and Headers', () => {
  same([...new Headers({ B: '2', a: '1' })], [['a', '1'], ['b', '2']]);
  same([...new Headers([['X', '1'], ['x', '2']])], [['x', '1, 2']]);
  same([...new Headers(new Headers({ q: 'r' }))], [['q', 'r']]);
  same([...new Headers(new Map([['m', 'n']]))], [['m', 'n']]);
  same([...new Headers()], []);
  same([...new Headers(undefined)], []);
});

test('refuses other initial values', () => {
  for (const init of [null, 'a', 1, true, Symbol('s')]) throws(() => new Headers(init), TypeError, String(init));
  throws(() => new Headers([['a']]), TypeError);
  throws(() => new Headers([['a', 'b', 'c']]), TypeError);
  throws(() => new Headers([1]), TypeError);
  throws(() => new Headers({ [Symbol('s')]: 'x' }), TypeError);
});

test('checks names and values', () => {
  const headers = new Headers();
  for (const name of ['', 'a b', 'a:b', 'ä', 'a\n', '\u0100']) throws(() => headers.set(name, 'x'), TypeError, name);
  for (const value of ['a\nb', 'a\rb', 'a\0b', '\u0100', '€']) throws(() => headers.set('a', value), TypeError, value);
  headers.set('a', ' \t\r\n x y \n');
  equal(headers.get('a'), 'x y');
  headers.set('b', 'caf\xe9');
  equal(headers.get('B'), 'caf\xe9');
  headers.set('c', undefined);
  equal(headers.get('c'), 'undefined');
  throws(() => headers.get('a b'), TypeError);
  throws(() => headers.has(''), TypeError);
  throws(() => headers.append('x'), TypeError);
});

test('appends, sets, deletes', () => {
  const headers = new Headers();
  headers.append('A', '1');
  headers.append('a', '2');
  equal(headers.get('a'), '1, 2');
  headers.set('A', '3');
  equal(headers.get('a'), '3');
  equal(headers.has('A'), true);
  headers.append('b', 'x');
  headers.append('b', 'y');
  headers.set('b', 'z');
  same([...headers], [['a', '3'], ['b', 'z']]);
  headers.delete('A');
  equal(headers.get('a'), null);
  equal(headers.has('a'), false);
});

test('keeps cookies apart', () => {
  const headers = new Headers({ 'set-cookie': 'a=1' });
  headers.append('Set-Cookie', 'b=2, c');
  same(headers.getSetCookie(), ['a=1', 'b=2, c']);
  same([...headers], [['set-cookie', 'a=1'], ['set-cookie', 'b=2, c']]);
  equal(headers.get('set-cookie'), 'a=1, b=2, c');
});

test('iterates sorted, and sees what is added', () => {
  const headers = new Headers({ c: '3', a: '1' });
  const seen = [];
  for (const [name] of headers) {
    seen.push(name);
    if (name === 'a') headers.set('b', '2');
  }
  same(seen, ['a', 'b', 'c']);
  same([...headers.keys()], ['a', 'b', 'c']);
  same([...headers.values()], ['1', '2', '3']);
  equal(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
  equal(Object.prototype.toString.call(headers.keys()), '[object Headers Iterator]');
  const pairs = [];
  headers.forEach(function (value, name, all) { pairs.push(name + value + (all === headers) + this.x); }, { x: 1 });
  same(pairs, ['a1true1', 'b2true1', 'c3true1']);
  throws(() => headers.forEach(1), TypeError);
});

test('knows its own', () => {
  throws(() => Headers.prototype.get.call({}, 'a'), TypeError);
  throws(() => Headers(), TypeError);
});

test('a record is read once, in the order that Web IDL gives', () => {
  const steps = [];
  const seen = new Proxy({ b: '1', a: '2' }, {
    get: (target, key) => (steps.push(`get ${String(key)}`), target[key]),
    ownKeys: (target) => (steps.push('keys'), Reflect.ownKeys(target)),
    getOwnPropertyDescriptor: (target, key) => (steps.push(`own ${key}`), Reflect.getOwnPropertyDescriptor(target, key)),
  });
  same([...new Headers(seen)], [['a', '2'], ['b', '1']]);
  same(steps, ['get Symbol(Symbol.iterator)', 'keys', 'own b', 'get b', 'own a', 'get a']);
});

test('what a request of mode no-cors may carry', () => {
  const { headers } = new Request('http://h/', { mode: 'no-cors', headers: { accept: 'text/html', authorization: 'x', 'content-type': 'text/plain' } });
  same([...headers], [['accept', 'text/html'], ['content-type', 'text/plain']]);
  headers.set('content-type', 'text/html');
  headers.append('x-other', '1');
  headers.append('accept', 'a'.repeat(128));
  same([...headers], [['accept', 'text/html'], ['content-type', 'text/plain']]);
  throws(() => new Request('http://h/', { mode: 'no-cors', method: 'PUT' }), TypeError);
});
