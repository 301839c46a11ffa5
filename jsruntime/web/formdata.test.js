// FormData (XMLHttpRequest standard 5).

test('append, get, getAll, has, set, delete', () => {
  const form = new FormData();
  form.append('a', '1');
  form.append('b', 2);
  form.append('a', '3');
  same([form.get('a'), form.get('x'), form.has('b'), form.has('x')], ['1', null, true, false]);
  same(form.getAll('a'), ['1', '3']);
  form.set('a', 'x');
  same([...form], [['a', 'x'], ['b', '2']]);
  form.set('c', '\ud800');
  same([...form.keys()], ['a', 'b', 'c']);
  same([...form.values()], ['x', '2', '\ufffd']);
  form.delete('b');
  same([...form.entries()], [['a', 'x'], ['c', '\ufffd']]);
  const seen = [];
  form.forEach((value, name) => seen.push(name + value));
  same(seen, ['ax', 'c\ufffd']);
});

test('blobs become files', async () => {
  const form = new FormData();
  form.append('b', new Blob(['x'], { type: 'a/b' }));
  form.append('n', new Blob(['y']), 'name.txt');
  const file = new File(['z'], 'f.txt', { lastModified: 3 });
  form.append('f', file);
  form.append('r', file, 'other.txt');
  same([form.get('b').name, form.get('b').type, form.get('n').name], ['blob', 'a/b', 'name.txt']);
  equal(form.get('f'), file);
  same([form.get('r').name, form.get('r').lastModified, await form.get('r').text()], ['other.txt', 3, 'z']);
  throws(() => form.append('s', 'text', 'name'), TypeError);
});

test('arguments', () => {
  const form = new FormData();
  for (const [name, values] of [['append', ['a']], ['delete', []], ['get', []], ['getAll', []], ['has', []], ['set', ['a']]]) {
    throws(() => form[name](...values), TypeError, name);
    throws(() => FormData.prototype[name].call({}, 'a', 'b'), TypeError, name);
  }
  throws(() => new FormData({}), TypeError);
  equal([...new FormData(undefined)].length, 0);
});

test('interface', () => {
  checkInterface('FormData', 0, ['append', 'delete', 'get', 'getAll', 'has', 'set', 'entries', 'keys', 'values', 'forEach']);
  equal(Object.prototype.toString.call(new FormData().keys()), '[object FormData Iterator]');
});

// Bodies, through Response where it reads forms.
const asForm = (body, type) => new Response(body, { headers: { 'content-type': type } }).formData();
const multipart = (...lines) => lines.join('\r\n');

test('urlencoded bodies', async () => {
  same([...await asForm('a=1&b=x+y%26&a=2', 'application/x-www-form-urlencoded;charset=UTF-8')], [['a', '1'], ['b', 'x y&'], ['a', '2']]);
});

test('multipart bodies', async () => {
  const form = await asForm(multipart(
    '--xyz', 'Content-Disposition: form-data; name="text"', '', 'line one', 'line two',
    '--xyz', 'content-disposition:form-data;name=bare', '', '',
    '--xyz', 'Content-Disposition: form-data; name="q%22\u00e9"; filename="a%0Db.bin"', 'Content-Type: Application/X-Test', '', '\0\r\n--xy',
    '--xyz', 'Content-Disposition: form-data; name="f"; filename=""', '', 'data',
    '--xyz--', ''), 'multipart/form-data; boundary="xyz"');
  same([...form.keys()], ['text', 'bare', 'q"\u00e9', 'f']);
  equal(form.get('text'), 'line one\r\nline two');
  equal(form.get('bare'), '');
  const file = form.get('q"\u00e9');
  same([file.name, file.type, await file.text()], ['a\rb.bin', 'application/x-test', '\0\r\n--xy']);
  same([form.get('f').name, form.get('f').type], ['', 'text/plain']);
});

test('an empty form, and an epilogue', async () => {
  equal([...await asForm('--b--\r\n', 'multipart/form-data; boundary=b')].length, 0);
  equal([...await asForm('--b--', 'multipart/form-data; charset=utf-8; Boundary=b')].length, 0);
  same([...await asForm(multipart('--b', 'Content-Disposition: form-data; name="a"', '', '1', '--b--', 'rest'), 'multipart/form-data; boundary=b')], [['a', '1']]);
});

test('malformed multipart bodies', async () => {
  const type = 'multipart/form-data; boundary=b';
  const head = 'Content-Disposition: form-data; name="a"';
  const bad = [
    ['', type], ['x', type], ['--c--', type], ['--b', type], ['--b\r\n', type], ['--bx\r\n', type], [multipart('--b', head, '', 'x'), type],
    [multipart('--b', head, '', 'x', '--b'), type], [multipart('--b', head, '', 'x', '--bx--'), type], [multipart('--b', '', 'x', '--b--'), type],
    [multipart('--b', 'Content-Disposition: form-data', '', 'x', '--b--'), type], [multipart('--b', 'Content-Disposition: attachment; name="a"', '', 'x', '--b--'), type],
    [multipart('--b', 'no colon', '', 'x', '--b--'), type], [multipart('--b', ` ${head}`, '', 'x', '--b--'), type],
    [multipart('--b', 'Content-Disposition: form-data; name="a', '', 'x', '--b--'), type], [`--b\n${head}\n\nx\n--b--`, type],
    [multipart('--b', `${head}; ${'x'.repeat(20000)}=1`, '', 'x', '--b--'), type],
    ['--b--', 'multipart/form-data'], ['--b--', 'multipart/form-data; boundary='], [`--${'b'.repeat(71)}--`, `multipart/form-data; boundary=${'b'.repeat(71)}`],
    ['--b--', 'multipart/form-data; boundary="b'], ['--b@--', 'multipart/form-data; boundary=b@'], ['a=1', 'text/plain'], ['{}', 'application/json'],
  ];
  for (const [body, contentType] of bad) await rejects(asForm(body, contentType), TypeError, `${contentType} ${JSON.stringify(body).slice(0, 80)}`);
});

test('a form as a body comes back as it was', async () => {
  const form = new FormData();
  form.append('plain', 'a\nb\r\nc');
  form.append('na"me\r\n', '\u00e9\u{1f4a9}');
  form.append('empty', '');
  const binary = new Uint8Array(256).map((_, i) => i);
  form.append('file', new File([binary], 'b"in\n.dat', { type: 'application/x' }));
  const response = new Response(form);
  ok(/^multipart\/form-data; boundary=[\w-]+$/.test(response.headers.get('content-type')), response.headers.get('content-type'));
  const back = await response.formData();
  same([...back.keys()], ['plain', 'na"me\r\n', 'empty', 'file']);
  same([back.get('plain'), back.get('na"me\r\n'), back.get('empty')], ['a\r\nb\r\nc', '\u00e9\u{1f4a9}', '']);
  same([back.get('file').name, back.get('file').type], ['b"in\n.dat', 'application/x']);
  same(await back.get('file').bytes(), binary);
});

test('a form has at most 10000 parts', async () => {
  const part = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n';
  equal([...await asForm(`${part.repeat(10000)}--b--`, 'multipart/form-data; boundary=b')].length, 10000);
  await rejects(asForm(`${part.repeat(10001)}--b--`, 'multipart/form-data; boundary=b'), TypeError);
});
