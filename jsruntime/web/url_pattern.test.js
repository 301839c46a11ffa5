// URL Pattern standard: construction, matching, groups, base URLs.

test('interface', () => {
  equal(URLPattern.name, 'URLPattern');
  equal(URLPattern.prototype[Symbol.toStringTag], 'URLPattern');
  same(Object.keys(URLPattern), []);
  for (const member of ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash', 'hasRegExpGroups', 'test', 'exec']) {
    ok(Object.getOwnPropertyDescriptor(URLPattern.prototype, member)?.enumerable, member);
  }
  throws(() => URLPattern(), TypeError);
  throws(() => URLPattern.prototype.pathname, TypeError);
});

test('matching with named groups, wildcards and regular expressions', () => {
  const books = new URLPattern({ pathname: '/books/:id(\\d+)' });
  ok(books.test('https://example.com/books/12'));
  ok(!books.test('https://example.com/books/x'));
  equal(books.exec('https://example.com/books/12').pathname.groups.id, '12');
  equal(books.pathname, '/books/:id(\\d+)');
  equal(books.hostname, '*');
  ok(books.hasRegExpGroups);
  const files = new URLPattern('https://*.example.com/files/*');
  equal(files.exec('https://cdn.example.com/files/a/b.txt').pathname.groups[0], 'a/b.txt');
  equal(files.exec('https://example.org/files/'), null);
  ok(!files.hasRegExpGroups);
  const optional = new URLPattern({ pathname: '/a{/b}?' });
  ok(optional.test('http://h/a') && optional.test('http://h/a/b') && !optional.test('http://h/ab'));
});

test('base URLs and options', () => {
  const pattern = new URLPattern('/x/:y', 'https://example.com');
  ok(pattern.test('/x/1', 'https://example.com'));
  ok(!pattern.test('http://example.com/x/1'));
  ok(new URLPattern({ pathname: '/UP' }, { ignoreCase: true }).test('http://h/up'));
  throws(() => new URLPattern('/relative'), TypeError);
  throws(() => new URLPattern({ pathname: '/(' }), TypeError);
});

test('canonical components, and patterns written as they are read', () => {
  const pattern = new URLPattern('https://ex\u00e4mple.com:443/caf\u00e9/:id(\\d+)?');
  equal(pattern.hostname, 'xn--exmple-cua.com');
  equal(pattern.port, '');
  equal(pattern.pathname, '/caf%C3%A9/:id(\\d+)?');
  const braces = new URLPattern({ pathname: '/a{/:b}?/(.*)/*' });
  equal(braces.pathname, '/a/:b?/*/*');
  same(braces.exec({ pathname: '/a/x/y/z' }).pathname.groups, { b: 'x', 0: 'y', 1: 'z' });
  same(new URLPattern({ pathname: '/x', baseURL: 'https://h/y?q#f' }).search, '*');
  equal(new URLPattern({ search: 'a', baseURL: 'https://h/y?q#f' }).pathname, '/y');
  equal(new URLPattern({ pathname: ':a\u{e0100}b' }).pathname, ':a\u{e0100}b');
  same(new URLPattern('data\\:foobar').protocol, 'data');
  for (const bad of [{ hostname: 'a b' }, { hostname: 'a%b' }, { port: 'x' }, { pathname: '/(?:a)' }, { pathname: '/:a/:a' }, { pathname: '/{a' }, { pathname: ':' },
    { protocol: 'a b' }]) throws(() => new URLPattern(bad), TypeError, JSON.stringify(bad));
  equal(new URLPattern({ port: '80' }).test({ port: '80x' }), true);
  equal(new URLPattern({ pathname: '/*' }).exec('not a url'), null);
  throws(() => new URLPattern({}, 'https://h'), TypeError);
  throws(() => new URLPattern().test({}, 'https://h'), TypeError);
});
