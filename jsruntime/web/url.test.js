// URL (URL standard 4, 6.1).

const parts = (url) => [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname,
  url.search, url.hash];

// input, base, then href, origin, protocol, username, password, host, hostname, port, pathname, search, hash
const parsed = [
  ['http://example.com/', , 'http://example.com/', 'http://example.com', 'http:', '', '', 'example.com', 'example.com', '', '/', '', ''],
  ['http://example.com', , 'http://example.com/', 'http://example.com', 'http:', '', '', 'example.com', 'example.com', '', '/', '', ''],
  ['https://user:pass@sub.example.com:8080/p/a/t/h?query=string#hash', , 'https://user:pass@sub.example.com:8080/p/a/t/h?query=string#hash',
    'https://sub.example.com:8080', 'https:', 'user', 'pass', 'sub.example.com:8080', 'sub.example.com', '8080', '/p/a/t/h', '?query=string', '#hash'],
  ['https://user@h/', , 'https://user@h/', 'https://h', 'https:', 'user', '', 'h', 'h', '', '/', '', ''],
  ['https://:pw@h/', , 'https://:pw@h/', 'https://h', 'https:', '', 'pw', 'h', 'h', '', '/', '', ''],
  ['https://@h/', , 'https://h/', 'https://h', 'https:', '', '', 'h', 'h', '', '/', '', ''],
  ['HTTP://EXAMPLE.com:80/%7Efoo/../bar', , 'http://example.com/bar', 'http://example.com', 'http:', '', '', 'example.com', 'example.com', '', '/bar', '', ''],
  ['  http://example.com/ \t\n', , 'http://example.com/', 'http://example.com', 'http:', '', '', 'example.com', 'example.com', '', '/', '', ''],
  ['ht\ntp://exa\tmple.com/a\rb', , 'http://example.com/ab', 'http://example.com', 'http:', '', '', 'example.com', 'example.com', '', '/ab', '', ''],
  ['http:\\\\x\\y', , 'http://x/y', 'http://x', 'http:', '', '', 'x', 'x', '', '/y', '', ''],
  ['http://h/a b?c d#e f', , 'http://h/a%20b?c%20d#e%20f', 'http://h', 'http:', '', '', 'h', 'h', '', '/a%20b', '?c%20d', '#e%20f'],
  ['http://h/?#', , 'http://h/?#', 'http://h', 'http:', '', '', 'h', 'h', '', '/', '', ''],
  ['http://h/?', , 'http://h/?', 'http://h', 'http:', '', '', 'h', 'h', '', '/', '', ''],
  ['http://h/#', , 'http://h/#', 'http://h', 'http:', '', '', 'h', 'h', '', '/', '', ''],
  ['http://h?x', , 'http://h/?x', 'http://h', 'http:', '', '', 'h', 'h', '', '/', '?x', ''],
  ['http://h#x?y', , 'http://h/#x?y', 'http://h', 'http:', '', '', 'h', 'h', '', '/', '', '#x?y'],
  ['http://h/#a#b', , 'http://h/#a#b', 'http://h', 'http:', '', '', 'h', 'h', '', '/', '', '#a#b'],
  ['http://h/a?b?c/./..', , 'http://h/a?b?c/./..', 'http://h', 'http:', '', '', 'h', 'h', '', '/a', '?b?c/./..', ''],
  ['http://192.168.0.1:81/', , 'http://192.168.0.1:81/', 'http://192.168.0.1:81', 'http:', '', '', '192.168.0.1:81', '192.168.0.1', '81', '/', '', ''],
  ['http://0x7f.1/', , 'http://127.0.0.1/', 'http://127.0.0.1', 'http:', '', '', '127.0.0.1', '127.0.0.1', '', '/', '', ''],
  ['http://2130706433/', , 'http://127.0.0.1/', 'http://127.0.0.1', 'http:', '', '', '127.0.0.1', '127.0.0.1', '', '/', '', ''],
  ['http://[::1]:3000/', , 'http://[::1]:3000/', 'http://[::1]:3000', 'http:', '', '', '[::1]:3000', '[::1]', '3000', '/', '', ''],
  ['http://[2001:DB8:0:0::1]/', , 'http://[2001:db8::1]/', 'http://[2001:db8::1]', 'http:', '', '', '[2001:db8::1]', '[2001:db8::1]', '', '/', '', ''],
  ['http://b\u00fccher.example/', , 'http://xn--bcher-kva.example/', 'http://xn--bcher-kva.example', 'http:', '', '', 'xn--bcher-kva.example', 'xn--bcher-kva.example', '', '/', '', ''],
  ['http://\u{1f4a9}/\u{1f4a9}', , 'http://xn--ls8h/%F0%9F%92%A9', 'http://xn--ls8h', 'http:', '', '', 'xn--ls8h', 'xn--ls8h', '', '/%F0%9F%92%A9', '', ''],
  ['http://ex%41mple.com/', , 'http://example.com/', 'http://example.com', 'http:', '', '', 'example.com', 'example.com', '', '/', '', ''],
  ['http://h/\ud800', , 'http://h/%EF%BF%BD', 'http://h', 'http:', '', '', 'h', 'h', '', '/%EF%BF%BD', '', ''],
  ['http://h/%zz%4', , 'http://h/%zz%4', 'http://h', 'http:', '', '', 'h', 'h', '', '/%zz%4', '', ''],
  ['http://h/a/%2e%2E/b/%2e', , 'http://h/b/', 'http://h', 'http:', '', '', 'h', 'h', '', '/b/', '', ''],
  ['http://h/.a/..b/...', , 'http://h/.a/..b/...', 'http://h', 'http:', '', '', 'h', 'h', '', '/.a/..b/...', '', ''],
  ["http://h/it's?it's#it's", , "http://h/it's?it%27s#it's", 'http://h', 'http:', '', '', 'h', 'h', '', "/it's", '?it%27s', "#it's"],
  ['http://h/a^b|c{d}', , 'http://h/a%5Eb|c%7Bd%7D', 'http://h', 'http:', '', '', 'h', 'h', '', '/a%5Eb|c%7Bd%7D', '', ''],
  ['https://h:443/', , 'https://h/', 'https://h', 'https:', '', '', 'h', 'h', '', '/', '', ''],
  ['https://h:0/', , 'https://h:0/', 'https://h:0', 'https:', '', '', 'h:0', 'h', '0', '/', '', ''],
  ['https://h:00080/', , 'https://h:80/', 'https://h:80', 'https:', '', '', 'h:80', 'h', '80', '/', '', ''],
  ['https://h:/', , 'https://h/', 'https://h', 'https:', '', '', 'h', 'h', '', '/', '', ''],
  ['ws://h:80/', , 'ws://h/', 'ws://h', 'ws:', '', '', 'h', 'h', '', '/', '', ''],
  ['wss://h:444/', , 'wss://h:444/', 'wss://h:444', 'wss:', '', '', 'h:444', 'h', '444', '/', '', ''],
  ['ftp://h:21/x', , 'ftp://h/x', 'ftp://h', 'ftp:', '', '', 'h', 'h', '', '/x', '', ''],
  ['file:///etc/passwd', , 'file:///etc/passwd', 'null', 'file:', '', '', '', '', '', '/etc/passwd', '', ''],
  ['file:c:\\foo\\bar', , 'file:///c:/foo/bar', 'null', 'file:', '', '', '', '', '', '/c:/foo/bar', '', ''],
  ['mailto:x@example.com?subject=Hi', , 'mailto:x@example.com?subject=Hi', 'null', 'mailto:', '', '', '', '', '', 'x@example.com', '?subject=Hi', ''],
  ['data:text/plain,hello#f', , 'data:text/plain,hello#f', 'null', 'data:', '', '', '', '', '', 'text/plain,hello', '', '#f'],
  ['javascript:alert(1)', , 'javascript:alert(1)', 'null', 'javascript:', '', '', '', '', '', 'alert(1)', '', ''],
  ['foo://bar:99/x', , 'foo://bar:99/x', 'null', 'foo:', '', '', 'bar:99', 'bar', '99', '/x', '', ''],
  ['foo://', , 'foo://', 'null', 'foo:', '', '', '', '', '', '', '', ''],
  ['foo:/.//p', , 'foo:/.//p', 'null', 'foo:', '', '', '', '', '', '//p', '', ''],
  ['blob:https://example.com:443/', , 'blob:https://example.com:443/', 'https://example.com', 'blob:', '', '', '', '', '', 'https://example.com:443/', '', ''],
  ['blob:d3958f5c', , 'blob:d3958f5c', 'null', 'blob:', '', '', '', '', '', 'd3958f5c', '', ''],
  ['blob:file:///x', , 'blob:file:///x', 'null', 'blob:', '', '', '', '', '', 'file:///x', '', ''],
  ['/x/y?z', 'http://h/a/b?c#d', 'http://h/x/y?z', 'http://h', 'http:', '', '', 'h', 'h', '', '/x/y', '?z', ''],
  ['../x', 'http://h/a/b/c', 'http://h/a/x', 'http://h', 'http:', '', '', 'h', 'h', '', '/a/x', '', ''],
  ['', 'http://h/a?b#c', 'http://h/a?b', 'http://h', 'http:', '', '', 'h', 'h', '', '/a', '?b', ''],
  ['#f', 'http://h/a?b#c', 'http://h/a?b#f', 'http://h', 'http:', '', '', 'h', 'h', '', '/a', '?b', '#f'],
  ['?q', 'http://h/a?b#c', 'http://h/a?q', 'http://h', 'http:', '', '', 'h', 'h', '', '/a', '?q', ''],
  ['//other/x', 'https://h/a', 'https://other/x', 'https://other', 'https:', '', '', 'other', 'other', '', '/x', '', ''],
  ['http:foo', 'http://h/a/b', 'http://h/a/foo', 'http://h', 'http:', '', '', 'h', 'h', '', '/a/foo', '', ''],
  ['#x', 'mailto:me', 'mailto:me#x', 'null', 'mailto:', '', '', '', '', '', 'me', '', '#x'],
];
for (const [input, base, ...expected] of parsed) {
  test(`parses ${JSON.stringify(input)} on ${base}`, () => {
    const url = base === undefined ? new URL(input) : new URL(input, base);
    same(parts(url), expected);
    equal(String(url), expected[0]);
    equal(JSON.stringify(url), JSON.stringify(expected[0]));
    ok(URL.canParse(input, base));
    same(parts(URL.parse(input, base)), expected);
    same(parts(new URL(url.href)), expected, 'the href parses to itself');
  });
}

const refused = [
  ['', undefined], ['/x', undefined], ['foo', undefined], ['http://', undefined], ['http:///', 'mailto:x'], ['https://', undefined],
  ['http://a b/', undefined], ['http://h:port/', undefined], ['http://h:65536/', undefined], ['http://[::1', undefined], ['http://[1:2]/', undefined],
  ['http://256.256.256.256/', undefined], ['http://1.2.3.4.5/', undefined], ['http://a<b/', undefined], ['http://%/', undefined],
['http://user@/', undefined], ['//x', undefined], ['x', 'mailto:me'], ['/a', 'not a url'], ['http://h%00/', undefined],
  ['http://\u00ad/', undefined], ['http://09.1/', undefined],
];
for (const [input, base] of refused) {
  test(`refuses ${JSON.stringify(input)} on ${base}`, () => {
    const error = throws(() => new URL(input, base), TypeError);
    same([error.code, error.input, error.base], ['ERR_INVALID_URL', input, base]);
    equal(URL.canParse(input, base), false);
    equal(URL.parse(input, base), null);
  });
}

// start, attribute, value, href after
const setters = [
  ['http://h/', 'href', 'https://x/y', 'https://x/y'],
  ['https://h:8080/p', 'protocol', 'http', 'http://h:8080/p'],
  ['https://h/p', 'protocol', 'http:ignored', 'http://h/p'],
  ['http://h:443/p', 'protocol', 'https', 'https://h/p'],
  ['http://h/', 'protocol', 'mailto', 'http://h/'],
  ['mailto:a', 'protocol', 'http', 'mailto:a'],
  ['http://h/', 'protocol', '1x', 'http://h/'],
  ['http://h/', 'protocol', '', 'http://h/'],
  ['file:///x', 'protocol', 'http', 'file:///x'],
  ['http://h/', 'username', 'me', 'http://me@h/'],
  ['http://h/', 'username', 'a:b@c/\u00e9', 'http://a%3Ab%40c%2F%C3%A9@h/'],
  ['http://a:b@h/', 'username', '', 'http://:b@h/'],
  ['file:///x', 'username', 'me', 'file:///x'],
  ['http://me@h/', 'password', 's ecret', 'http://me:s%20ecret@h/'],
  ['http://a:b@h/', 'password', '', 'http://a@h/'],
  ['mailto:a', 'password', 'x', 'mailto:a'],
  ['http://h:1/', 'host', 'x:2', 'http://x:2/'],
  ['http://h:1/', 'host', 'x', 'http://x:1/'],
  ['http://h:1/', 'host', 'x:80', 'http://x/'],
  ['http://h/', 'host', '', 'http://h/'],
  ['http://h/', 'host', 'a b', 'http://h/'],
  ['http://h/p', 'host', 'x/y?z', 'http://x/p'],
  ['mailto:a', 'host', 'x', 'mailto:a'],
  ['http://h:1/', 'hostname', 'x', 'http://x:1/'],
  ['http://h:1/', 'hostname', 'x:2', 'http://h:1/'],
  ['http://h/', 'hostname', '0x7f000001', 'http://127.0.0.1/'],
  ['foo://h/p', 'hostname', '', 'foo:///p'],
  ['http://h/', 'port', '8080', 'http://h:8080/'],
  ['http://h:1/', 'port', '', 'http://h/'],
  ['http://h:1/', 'port', '80', 'http://h/'],
  ['http://h:1/', 'port', '99x', 'http://h:99/'],
  ['http://h:1/', 'port', 'x', 'http://h:1/'],
  ['http://h:1/', 'port', '65536', 'http://h:1/'],
  ['http://h/', 'port', 9000, 'http://h:9000/'],
  ['file:///x', 'port', '1', 'file:///x'],
  ['http://h/a', 'pathname', 'b c', 'http://h/b%20c'],
  ['http://h/a', 'pathname', '', 'http://h/'],
  ['http://h/a?q#f', 'pathname', '/x?y#z', 'http://h/x%3Fy%23z?q#f'],
  ['http://h/a', 'pathname', '/b/../c', 'http://h/c'],
  ['mailto:a', 'pathname', 'b', 'mailto:a'],
  ['foo:/a', 'pathname', '//p', 'foo:/.//p'],
  ['http://h/', 'search', 'a b', 'http://h/?a%20b'],
  ['http://h/?x#f', 'search', '', 'http://h/#f'],
  ['http://h/', 'search', '?', 'http://h/?'],
  ['http://h/', 'search', '??x', 'http://h/??x'],
  ['http://h/', 'search', '#', 'http://h/?%23'],
  ['http://h/', 'hash', 'x y', 'http://h/#x%20y'],
  ['http://h/#x', 'hash', '', 'http://h/'],
  ['http://h/', 'hash', '#', 'http://h/#'],
  ['http://h/', 'hash', '##a', 'http://h/##a'],
];
for (const [start, attribute, value, expected] of setters) {
  test(`${attribute} = ${JSON.stringify(value)} on ${start}`, () => {
    const url = new URL(start);
    url[attribute] = value;
    equal(url.href, expected);
    same(parts(url), parts(new URL(expected)));
  });
}

test('href refuses what is no URL and keeps the old one', () => {
  const url = new URL('http://h/a?b');
  throws(() => { url.href = 'nonsense'; }, TypeError);
  equal(url.href, 'http://h/a?b');
  equal(url.search, '?b');
});

test('origin and searchParams cannot be set', () => {
  const url = new URL('http://h/?a=1');
  const params = url.searchParams;
  throws(() => { url.origin = 'http://x'; }, TypeError);
  throws(() => { url.searchParams = 'x'; }, TypeError);
  equal(url.searchParams, params);
});

test('searchParams is one live object, both ways', () => {
  const url = new URL('http://h/p?a=1&b=2#f');
  const params = url.searchParams;
  equal(url.searchParams, params);
  params.append('c', 'x y&z');
  equal(url.href, 'http://h/p?a=1&b=2&c=x+y%26z#f');
  equal(url.hash, '#f');
  params.delete('a');
  params.set('b', '3');
  equal(url.search, '?b=3&c=x+y%26z');
  url.search = '?n=1&m=2';
  equal(params.get('n'), '1');
  equal(params.get('b'), null);
  params.sort();
  equal(url.search, '?m=2&n=1');
  url.href = 'https://other/?q=9';
  equal(url.searchParams, params);
  same([...params], [['q', '9']]);
  params.delete('q');
  equal(url.href, 'https://other/');
  equal(url.search, '');
  url.hash = 'h';
  params.append('z', '1');
  equal(url.href, 'https://other/?z=1#h');
  equal(url.hash, '#h');
  url.search = '';
  equal(params.size, 0);
});

test('searchParams without a query, and with an opaque path', () => {
  const url = new URL('data:x');
  url.searchParams.append('a', 'b');
  equal(url.href, 'data:x?a=b');
  equal(url.pathname, 'x');
  url.searchParams.delete('a');
  equal(url.href, 'data:x');
});

test('a write through searchParams normalises the query, reading does not', () => {
  const url = new URL('http://h/?a=~');
  url.searchParams;
  equal(url.search, '?a=~');
  url.searchParams.append('b', "'");
  equal(url.search, '?a=%7E&b=%27');
});

test('arguments are converted once and in order', () => {
  const log = [];
  const text = (name, value) => ({ toString() { log.push(name); return value; } });
  equal(new URL(text('url', 'x'), text('base', 'http://h/')).href, 'http://h/x');
  same(log.slice(0, 2), ['url', 'base']);
  throws(() => new URL(), TypeError);
  throws(() => URL.canParse(), TypeError);
  throws(() => URL.parse(), TypeError);
  throws(() => new URL(Symbol()), TypeError);
  throws(() => new URL('x', null), TypeError);
  equal(new URL('x', new URL('http://h/a/b')).href, 'http://h/a/x');
  equal(new URL('http://h', undefined).href, 'http://h/');
});

test('brand checks', () => {
  throws(() => Object.getOwnPropertyDescriptor(URL.prototype, 'href').get.call({}), TypeError);
  throws(() => URL.prototype.toString.call({}), TypeError);
  throws(() => URL.prototype.toJSON.call(Object.create(URL.prototype)), TypeError);
  equal(Object.prototype.toString.call(new URL('http://h')), '[object URL]');
});

test('interface', () => {
  checkInterface('URL', 1, ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search',
    'searchParams', 'hash', 'toJSON', 'toString'], ['canParse', 'parse']);
});

test('subclasses work', () => {
  class Mine extends URL {
    get first() { return this.pathname.split('/')[1]; }
  }
  equal(new Mine('http://h/a/b').first, 'a');
});

test('long URLs', () => {
  const path = 'a'.repeat(100000);
  const url = new URL(`http://h/${path}?${path}#${path}`);
  equal(url.pathname.length, 100001);
  equal(url.hash.length, 100001);
  equal(new URL(`http://h/${'\u00e9'.repeat(1000)}`).pathname.length, 6001);
});
