// atob and btoa (HTML 8.3, Infra 7).

const pairs = [['', ''], ['f', 'Zg=='], ['fo', 'Zm8='], ['foo', 'Zm9v'], ['foob', 'Zm9vYg=='], ['fooba', 'Zm9vYmE='], ['foobar', 'Zm9vYmFy'],
  ['\0', 'AA=='], ['\xff\xfe\xfd', '//79'], ['\xfb\xff', '+/8='], ['\xe9', '6Q==']];
for (const [text, encoded] of pairs) {
  test(`${JSON.stringify(text)} is ${encoded}`, () => {
    equal(btoa(text), encoded);
    equal(atob(encoded), text);
    equal(atob(encoded.replace(/=+$/, '')), text, 'without padding');
    equal(atob(` ${encoded.split('').join(' \t\n\f\r')} `), text, 'with white space');
  });
}

test('all bytes, all lengths', () => {
  let text = '';
  for (let i = 0; i < 300; ++i) {
    equal(atob(btoa(text)), text, `length ${i}`);
    text += String.fromCharCode((i * 7) & 255);
  }
  const long = text.repeat(1000);
  equal(atob(btoa(long)), long);
});

test('atob refuses', () => {
  for (const bad of ['a', 'aaaaa', '=', '==', 'a=', 'a==', 'a===', 'aa=', 'aaa==', 'aaaa=', 'ab=c', '=aaa', 'a-_b', 'ab\u00e9d', '\u0100', 'ab\vc', 'ab\u00a0cd',
    '\u2028', 'ab..', 'Zg==Zg==', '\0aaa']) {
    throws(() => atob(bad), 'InvalidCharacterError', JSON.stringify(bad));
  }
});

test('bits after the last byte are ignored', () => {
  equal(atob('ab'), 'i');
  equal(atob('YR=='), 'a');
  equal(atob('abc'), 'i\xb7');
});

test('btoa refuses what is not Latin-1', () => {
  for (const bad of ['\u0100', 'abc\u20ac', '\u{1f4a9}', 'x'.repeat(2000) + '\u0100']) throws(() => btoa(bad), 'InvalidCharacterError');
  equal(btoa('\u0101'.slice(1) + '\xe9'), '6Q==');
});

test('arguments', () => {
  equal(btoa(undefined), 'dW5kZWZpbmVk');
  equal(btoa(null), 'bnVsbA==');
  equal(btoa(12), 'MTI=');
  equal(atob(null), '\x9e\xe9e');
  throws(() => atob(undefined), 'InvalidCharacterError');
  throws(() => btoa(), TypeError);
  throws(() => atob(), TypeError);
  throws(() => btoa(Symbol()), TypeError);
  same([atob.length, btoa.length, atob.name, btoa.name], [1, 1, 'atob', 'btoa']);
});
