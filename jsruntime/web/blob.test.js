// Blob and File (File API 3, 4).

test('parts', async () => {
  const buffer = new Uint8Array([65, 66, 67, 68]).buffer;
  const blob = new Blob(['a\u00e9', buffer, new Uint8Array(buffer, 1, 2), new DataView(buffer, 3), new Blob(['!']), 5, null]);
  equal(await blob.text(), 'a\u00e9ABCDBCD!5null');
  equal(blob.size, 16);
  equal(new Blob().size, 0);
  equal(new Blob(undefined).size, 0);
  equal(await new Blob(new Set(['x', 'y'])).text(), 'xy');
  equal(await new Blob(['\ud800']).text(), '\ufffd');
  for (const bad of [null, 'text', 1, {}]) throws(() => new Blob(bad), TypeError, show(bad));
  throws(() => new Blob([], 1), TypeError);
});

test('bytes belong to the blob', async () => {
  const source = new Uint8Array([1, 2, 3]);
  const blob = new Blob([source]);
  source[0] = 9;
  same(await blob.bytes(), bytes(1, 2, 3));
  (await blob.bytes())[0] = 9;
  new Uint8Array(await blob.arrayBuffer())[0] = 9;
  same(new Uint8Array(await blob.arrayBuffer()), bytes(1, 2, 3));
});

test('type', () => {
  equal(new Blob([], { type: 'Text/HTML' }).type, 'text/html');
  equal(new Blob([], { type: 'te\u00e9xt' }).type, '');
  equal(new Blob([], { type: 'a\nb' }).type, '');
  equal(new Blob([], {}).type, '');
  equal(new Blob([], { type: null }).type, 'null');
});

test('endings', async () => {
  equal(await new Blob(['a\r\nb\rc\nd'], { endings: 'native' }).text(), 'a\nb\nc\nd');
  equal(await new Blob(['a\r\nb'], { endings: 'transparent' }).text(), 'a\r\nb');
  throws(() => new Blob([], { endings: 'x' }), TypeError);
});

test('slice', async () => {
  const blob = new Blob(['0123456789'], { type: 'a/b' });
  const cases = [[[], '0123456789'], [[2], '23456789'], [[2, 5], '234'], [[-3], '789'], [[-3, -1], '78'], [[5, 2], ''], [[100], ''], [[0, 100], '0123456789'],
    [[-100, 2], '01'], [[NaN, 2], '01'], [['1', '3'], '12'], [[1.9, 3.9], '12'], [[undefined, 2], '01']];
  for (const [values, expected] of cases) equal(await blob.slice(...values).text(), expected, show(values));
  same([blob.slice().type, blob.slice(0, 1, 'X/Y').type, blob.slice(0, 1, '\u00e9').type], ['', 'x/y', '']);
  equal(await blob.slice(2, 8).slice(1, 3).text(), '34');
});

test('text drops a byte order mark', async () => {
  equal(await new Blob([bytes(0xef, 0xbb, 0xbf, 97)]).text(), 'a');
});

test('File', async () => {
  const file = new File(['abc'], 'n\ud800.txt', { type: 'text/plain', lastModified: 12.7 });
  same([file.name, file.lastModified, file.type, file.size, await file.text()], ['n\ufffd.txt', 12, 'text/plain', 3, 'abc']);
  ok(file instanceof Blob);
  const before = Date.now();
  const now = new File([], 'x').lastModified;
  ok(now >= before && now <= Date.now());
  ok(!(file.slice() instanceof File));
  throws(() => new File([]), TypeError);
  throws(() => new File('x', 'y'), TypeError);
});

test('interfaces', () => {
  checkInterface('Blob', 0, ['size', 'type', 'slice', 'text', 'arrayBuffer', 'bytes']);
  checkInterface('File', 2, ['name', 'lastModified']);
  equal(Object.prototype.toString.call(new File([], 'x')), '[object File]');
});

test('brand', async () => {
  await rejects(Blob.prototype.text.call({}), TypeError);
  throws(() => Blob.prototype.slice.call({}), TypeError);
});

test('stream: a byte stream of all, in chunks; empty for an empty one', async () => {
  const data = new Uint8Array(150000).map((_, i) => i);
  const chunks = [];
  for await (const chunk of new Blob([data]).stream()) chunks.push(chunk);
  same(chunks.map((chunk) => chunk.length), [65536, 65536, 18928]);
  same(await new Blob(chunks).bytes(), data);
  const reader = new Blob(['abc']).stream().getReader({ mode: 'byob' });
  same([...(await reader.read(new Uint8Array(2))).value], [97, 98]);
  equal((await new Blob([]).stream().getReader().read()).done, true);
});

test('object URLs: fetched, in part, and revoked', async () => {
  const url = URL.createObjectURL(new Blob(['hello world'], { type: 'text/x' }));
  ok(/^blob:null\/[0-9a-f-]{36}$/.test(url), url);
  ok(url !== URL.createObjectURL(new Blob([])));
  const response = await fetch(url);
  same([response.status, response.url, response.headers.get('content-type'), response.headers.get('content-length')], [200, url, 'text/x', '11']);
  equal(await response.text(), 'hello world');
  for (const [range, text, field] of [['bytes=0-4', 'hello', 'bytes 0-4/11'], ['bytes=6-', 'world', 'bytes 6-10/11'], ['bytes=-3', 'rld', 'bytes 8-10/11'],
    ['bytes=6-100', 'world', 'bytes 6-10/11']]) {
    const part = await fetch(`${url}#x`, { headers: { range } });
    same([part.status, part.headers.get('content-range'), await part.text()], [206, field, text], range);
  }
  for (const range of ['bytes=', 'bytes=11-', 'bytes=5-4', 'lines=1-2']) await rejects(fetch(url, { headers: { range } }), TypeError, range);
  await rejects(fetch(url, { method: 'POST' }), TypeError);
  const early = new Request(url);
  URL.revokeObjectURL(url);
  await rejects(fetch(url), TypeError);
  equal(await (await fetch(early)).text(), 'hello world');
  throws(() => URL.createObjectURL('x'), TypeError);
});
