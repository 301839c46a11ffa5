// Content-Type fields as types of a Blob: MIME Sniffing 4.4, Fetch's "extract a MIME type".
const typeOf = async (field) => (await new Response('x', { headers: { 'content-type': field } }).blob()).type;

test('a type is serialized: lower case, blanks gone, parameters kept', async () => {
  equal(await typeOf('text/html'), 'text/html');
  equal(await typeOf(' Text/HTML ; Charset=UTF-8 '), 'text/html;charset=UTF-8');
  equal(await typeOf('text/html;charset= "shift_jis"'), 'text/html;charset=" \\"shift_jis\\""');
  equal(await typeOf('text/html;test=";"'), 'text/html;test=";"');
  equal(await typeOf('a/b;x="\\'), 'a/b;x="\\\\"');
  equal(await typeOf('a/b;x=1;x=2;;=3;y'), 'a/b;x=1');
});

test('what is no type is none', async () => {
  for (const field of ['x', '/', 'text/', '/html', 'te xt/html', 'text/ht ml', 'text/html(', '\u0001/x']) equal(await typeOf(field), '', field);
});

test('the last valid one of several counts, and its charset carries over within one type', async () => {
  equal(await typeOf('text/plain, text/html'), 'text/html');
  equal(await typeOf('text/html, x'), 'text/html');
  equal(await typeOf('text/html;charset=gbk, text/html'), 'text/html;charset=gbk');
  equal(await typeOf('text/html;charset=gbk, text/plain'), 'text/plain');
  equal(await typeOf('text/html;a=",", */*'), 'text/html;a=","');
});
