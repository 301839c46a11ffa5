// TextEncoder and TextDecoder (Encoding standard 7).

const encoder = new TextEncoder();
const cases = [
  ['', []], ['abc', [97, 98, 99]], ['\0', [0]], ['\u007f\u0080', [0x7f, 0xc2, 0x80]], ['\u00e9', [0xc3, 0xa9]], ['\u07ff\u0800', [0xdf, 0xbf, 0xe0, 0xa0, 0x80]],
  ['\u20ac', [0xe2, 0x82, 0xac]], ['\uffff', [0xef, 0xbf, 0xbf]], ['\u{1f4a9}', [0xf0, 0x9f, 0x92, 0xa9]], ['\u{10ffff}', [0xf4, 0x8f, 0xbf, 0xbf]],
];
for (const [text, expected] of cases) {
  test(`UTF-8 of ${JSON.stringify(text)}, both ways`, () => {
    same(encoder.encode(text), bytes(...expected));
    equal(new TextDecoder().decode(bytes(...expected)), text);
    equal(new TextDecoder('utf-8', { fatal: true }).decode(bytes(...expected)), text);
    for (const count of [21, 22, 64, 65, 600, 5000]) {
      const long = text.repeat(count);
      const encoded = encoder.encode(long);
      equal(encoded.length, expected.length * count);
      equal(new TextDecoder().decode(encoded), long);
    }
  });
}

test('lone surrogates are replaced', () => {
  const fffd = [0xef, 0xbf, 0xbd];
  same(encoder.encode('\ud800'), bytes(...fffd));
  same(encoder.encode('\udc00a'), bytes(...fffd, 97));
  same(encoder.encode('a\ud800b'), bytes(97, ...fffd, 98));
  same(encoder.encode('\udc00\ud800'), bytes(...fffd, ...fffd));
  same(encoder.encode('\ud800'.repeat(600)).length, 1800);
});

test('encode converts its argument', () => {
  equal(encoder.encode().length, 0);
  equal(encoder.encode(undefined).length, 0);
  same(encoder.encode(null), encoder.encode('null'));
  same(encoder.encode(12), bytes(49, 50));
  throws(() => encoder.encode(Symbol()), TypeError);
  const one = encoder.encode('abc');
  encoder.encode('xyz');
  same(one, bytes(97, 98, 99), 'results are independent');
  equal(one.byteOffset, 0);
  equal(one.buffer.byteLength, 3);
});

test('encodeInto', () => {
  const into = (text, size) => {
    const target = new Uint8Array(size).fill(1);
    const { read, written } = encoder.encodeInto(text, target);
    return [read, written, ...target];
  };
  same(into('hi', 4), [2, 2, 104, 105, 1, 1]);
  same(into('hello', 3), [3, 3, 104, 101, 108]);
  same(into('\u20ac', 2), [0, 0, 1, 1]);
  same(into('a\u{1f4a9}', 4), [1, 1, 97, 1, 1, 1]);
  same(into('\u{1f4a9}', 4), [2, 4, 0xf0, 0x9f, 0x92, 0xa9]);
  same(into('\ud800', 3), [1, 3, 0xef, 0xbf, 0xbd]);
  same(into('x', 0), [0, 0]);
  same(into('', 1), [0, 0, 1]);
  const view = new Uint8Array(8).subarray(2, 5);
  same(encoder.encodeInto('abcdef', view), { read: 3, written: 3 });
  same(new Uint8Array(view.buffer), bytes(0, 0, 97, 98, 99, 0, 0, 0));
  throws(() => encoder.encodeInto('x'), TypeError);
  throws(() => encoder.encodeInto('x', new ArrayBuffer(4)), TypeError);
  throws(() => encoder.encodeInto('x', [1]), TypeError);
  throws(() => encoder.encodeInto('x', new Int8Array(2)), TypeError);
});

// What is malformed becomes one U+FFFD for each maximal part of a sequence (Encoding standard 4.1).
const malformed = [
  [[0xff], '\ufffd'], [[0xc0, 0x80], '\ufffd\ufffd'], [[0xc1, 0xbf], '\ufffd\ufffd'], [[0x80], '\ufffd'], [[0xc3], '\ufffd'], [[0xc3, 0x28], '\ufffd('],
  [[0xe2, 0x82], '\ufffd'], [[0xe2, 0x28, 0xa1], '\ufffd(\ufffd'], [[0xe0, 0x80, 0x80], '\ufffd\ufffd\ufffd'], [[0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'],
  [[0xf0, 0x9f, 0x92], '\ufffd'], [[0xf0, 0x80, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'], [[0xf4, 0x90, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'],
  [[0xf8, 0x88, 0x80, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd\ufffd'], [[0xf0, 0x9f, 0x41], '\ufffdA'], [[0x41, 0xf0, 0x9f, 0x92, 0xe2, 0x82, 0xac], 'A\ufffd\u20ac'],
  [[0xe1, 0x80, 0xe2, 0xf0, 0x91, 0x92, 0xf1, 0xbf, 0x41], '\ufffd\ufffd\ufffd\ufffdA'],
];
for (const [values, expected] of malformed) {
  const input = bytes(...values);
  test(`malformed UTF-8 ${values.map((value) => value.toString(16))}`, () => {
    equal(new TextDecoder().decode(input), expected);
    equal(throws(() => new TextDecoder('utf-8', { fatal: true }).decode(input), TypeError).code, 'ERR_ENCODING_INVALID_ENCODED_DATA');
    const stream = new TextDecoder();
    let text = '';
    for (const value of values) text += stream.decode(bytes(value), { stream: true });
    equal(text + stream.decode(), expected, 'byte by byte');
    throws(() => {
      const fatal = new TextDecoder('utf-8', { fatal: true });
      for (const value of values) fatal.decode(bytes(value), { stream: true });
      fatal.decode();
    }, TypeError);
  });
}

test('every cut of a stream gives the same text', () => {
  const text = 'a\u00e9\u20ac\u{1f4a9}z\ufeff\u07ff\uffff\u{10ffff}';
  for (const [label, all] of [['utf-8', encoder.encode(text)], ['utf-16le', utf16(text, true)], ['utf-16be', utf16(text, false)]]) {
    for (let i = 0; i <= all.length; ++i) {
      for (let j = i; j <= all.length; ++j) {
        const decoder = new TextDecoder(label, { fatal: true });
        const got = decoder.decode(all.subarray(0, i), { stream: true }) + decoder.decode(all.subarray(i, j), { stream: true }) +
          decoder.decode(all.subarray(j));
        if (got !== text) fail(`got ${show(got)}`, `${label} cut at ${i} and ${j}`);
      }
    }
  }
});

function utf16(text, littleEndian) {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; ++i) view.setUint16(2 * i, text.charCodeAt(i), littleEndian);
  return new Uint8Array(view.buffer);
}

test('byte order marks', () => {
  const marked = bytes(0xef, 0xbb, 0xbf, 97);
  equal(new TextDecoder().decode(marked), 'a');
  equal(new TextDecoder('utf-8', { ignoreBOM: true }).decode(marked), '\ufeffa');
  equal(new TextDecoder().decode(bytes(...marked, ...marked)), 'a\ufeffa');
  equal(new TextDecoder().decode(bytes(0xef, 0xbb, 0xbf)), '');
  equal(new TextDecoder('utf-16le').decode(bytes(0xff, 0xfe, 97, 0)), 'a');
  equal(new TextDecoder('utf-16be').decode(bytes(0xfe, 0xff, 0, 97)), 'a');
  equal(new TextDecoder('utf-16le').decode(bytes(0xfe, 0xff)), '\ufffe');
  equal(new TextDecoder('utf-16le', { ignoreBOM: true }).decode(bytes(0xff, 0xfe)), '\ufeff');
  const decoder = new TextDecoder();
  for (let round = 0; round < 2; ++round) {
    let text = '';
    for (const value of [...marked, ...marked]) text += decoder.decode(bytes(value), { stream: true });
    equal(text + decoder.decode(), 'a\ufeffa', 'in a stream, each time');
  }
});

test('UTF-16', () => {
  equal(new TextDecoder('utf-16').decode(bytes(0x3d, 0xd8, 0xa9, 0xdc)), '\u{1f4a9}');
  equal(new TextDecoder('utf-16be').decode(bytes(0xd8, 0x3d, 0xdc, 0xa9)), '\u{1f4a9}');
  equal(new TextDecoder('utf-16le').decode(bytes(0x3d, 0xd8)), '\ufffd');
  equal(new TextDecoder('utf-16le').decode(bytes(0xa9, 0xdc, 97, 0)), '\ufffda');
  equal(new TextDecoder('utf-16le').decode(bytes(97)), '\ufffd');
  equal(new TextDecoder('utf-16le').decode(bytes(97, 0, 98)), 'a\ufffd');
  for (const bad of [[0x3d, 0xd8], [0xa9, 0xdc], [97], [0x3d, 0xd8, 97, 0]]) {
    throws(() => new TextDecoder('utf-16le', { fatal: true }).decode(bytes(...bad)), TypeError);
  }
  equal(new TextDecoder('utf-16le').decode(new Uint8Array(20).subarray(1, 5)), '\0\0', 'at an odd address');
});

test('windows-1252 has no invalid byte', () => {
  const all = new Uint8Array(256).map((_, i) => i);
  const text = new TextDecoder('latin1', { fatal: true }).decode(all);
  equal(text.length, 256);
  equal(text.slice(0x80, 0xa0), '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
    '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178');
  equal(text.charCodeAt(0xe9), 0xe9);
  equal(new TextDecoder('ascii').decode(bytes(0xe9)), '\u00e9');
});

test('labels', () => {
  const labels = {
    'utf-8': ['UTF-8', ' utf8\n', 'unicode-1-1-utf-8', 'x-unicode20utf8', 'unicode11utf8'],
    'utf-16le': ['utf-16', 'UTF-16LE', 'ucs-2', 'unicode', 'csunicode', 'iso-10646-ucs-2', 'unicodefeff'],
    'utf-16be': ['utf-16be', 'unicodefffe'],
    'windows-1252': ['latin1', 'ascii', 'us-ascii', 'iso-8859-1', 'ISO8859-1', 'iso_8859-1:1987', 'l1', 'cp1252', 'x-cp1252', 'ansi_x3.4-1968', 'ibm819'],
  };
  for (const [name, all] of Object.entries(labels)) for (const label of all) equal(new TextDecoder(label).encoding, name, label);
  for (const label of ['', 'utf-7', 'utf-32', 'utf-8\0', 'utf\u00a0-8', '\u00a0utf-8']) {
    const error = throws(() => new TextDecoder(label), RangeError, label);
    ok(error.message.includes('is not supported') && error.code === 'ERR_ENCODING_NOT_SUPPORTED', error.message);
  }
});

test('inputs of decode', () => {
  const decoder = new TextDecoder();
  const buffer = encoder.encode('hello world').buffer;
  equal(decoder.decode(buffer), 'hello world');
  equal(decoder.decode(new DataView(buffer, 6)), 'world');
  equal(decoder.decode(new Uint16Array(buffer, 0, 2)), 'hell');
  equal(decoder.decode(), '');
  equal(decoder.decode(undefined), '');
  equal(decoder.decode(new Uint8Array(0)), '');
  for (const bad of ['text', 1, null, {}, [1, 2]]) throws(() => decoder.decode(bad), TypeError, show(bad));
  const detached = new ArrayBuffer(4);
  structuredClone(detached, { transfer: [detached] });
  equal(decoder.decode(detached), '');
});

test('attributes', () => {
  const decoder = new TextDecoder('utf-8', { fatal: 1, ignoreBOM: 'x' });
  same([decoder.encoding, decoder.fatal, decoder.ignoreBOM], ['utf-8', true, true]);
  same([new TextDecoder().fatal, new TextDecoder().ignoreBOM, encoder.encoding], [false, false, 'utf-8']);
  equal(new TextDecoder(undefined, null).encoding, 'utf-8');
  throws(() => new TextDecoder('utf-8', 1), TypeError);
  throws(() => TextEncoder.prototype.encode.call({}, 'x'), TypeError);
  throws(() => TextDecoder.prototype.decode.call({}), TypeError);
});

test('a fatal stream starts anew after an error', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  throws(() => decoder.decode(bytes(0xff), { stream: true }), TypeError);
  equal(decoder.decode(bytes(97)), 'a');
});

test('interfaces', () => {
  checkInterface('TextEncoder', 0, ['encoding', 'encode', 'encodeInto']);
  checkInterface('TextDecoder', 0, ['encoding', 'fatal', 'ignoreBOM', 'decode']);
});

test('legacy encodings: names and labels', () => {
  for (const [label, name] of [['latin2', 'iso-8859-2'], [' KOI8-R\n', 'koi8-r'], ['cp866', 'ibm866'], ['x-sjis', 'shift_jis'], ['gb2312', 'gbk'],
    ['logical', 'iso-8859-8-i'], ['visual', 'iso-8859-8'], ['ks_c_5601-1987', 'euc-kr'], ['tis-620', 'windows-874'], ['latin5', 'windows-1254'],
    ['x-mac-ukrainian', 'x-mac-cyrillic'], ['iso-8859-10', 'iso-8859-10'], ['iso-8859-14', 'iso-8859-14'], ['big5-hkscs', 'big5']]) {
    equal(new TextDecoder(label).encoding, name, label);
  }
  for (const label of ['replacement', 'hz-gb-2312', 'iso-2022-kr', 'utf-7', 'nothing']) throws(() => new TextDecoder(label), RangeError, label);
});

test('legacy encodings: text', () => {
  for (const [label, data, text] of [
    ['ibm866', [0x8f, 0xe0, 0xa8], '\u041f\u0440\u0438'],
    ['iso-8859-2', [0xb1, 0xe6], '\u0105\u0107'],
    ['iso-8859-15', [0xa4], '\u20ac'],
    ['koi8-r', [0xf0, 0xd2, 0xc9], '\u041f\u0440\u0438'],
    ['koi8-u', [0xa4, 0xb4], '\u0454\u0404'],
    ['macintosh', [0x8e, 0xdb], '\u00e9\u20ac'],
    ['windows-874', [0xa1], '\u0e01'],
    ['windows-1250', [0x9a, 0xe8], '\u0161\u010d'],
    ['windows-1251', [0xcf, 0xf0, 0xe8, 0x88], '\u041f\u0440\u0438\u20ac'],
    ['windows-1253', [0xe1], '\u03b1'],
    ['windows-1254', [0xfe, 0x80], '\u015f\u20ac'],
    ['windows-1255', [0xe0], '\u05d0'],
    ['windows-1256', [0xc7], '\u0627'],
    ['x-mac-cyrillic', [0x80, 0xff], '\u0410\u20ac'],
    ['gbk', [0xc4, 0xe3, 0xba, 0xc3, 0x80], '\u4f60\u597d\u20ac'],
    ['gb18030', [0x94, 0x39, 0xfc, 0x36], '\u{1f600}'],
    ['big5', [0xa7, 0x41, 0xa6, 0x6e], '\u4f60\u597d'],
    ['euc-jp', [0xa4, 0xa2, 0x8e, 0xb1], '\u3042\uff71'],
    ['shift_jis', [0x82, 0xa0, 0xb1, 0x5c], '\u3042\uff71\\'],
    ['iso-2022-jp', [0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42, 0x41], '\u3042A'],
    ['euc-kr', [0xc7, 0xd1, 0x81, 0x41], '\ud55c\uac02'],
    ['x-user-defined', [0x41, 0x80, 0xff], 'A\uf780\uf7ff'],
  ]) {
    equal(new TextDecoder(label).decode(bytes(...data)), text, label);
    const decoder = new TextDecoder(label, { fatal: true });
    let pieces = '';
    for (const byte of data) pieces += decoder.decode(bytes(byte), { stream: true });
    equal(pieces + decoder.decode(), text, `${label}, byte by byte`);
  }
});

test('legacy encodings: what is not valid', () => {
  equal(new TextDecoder('shift_jis').decode(bytes(0x82)), '\ufffd');
  equal(new TextDecoder('euc-kr').decode(bytes(0xc7, 0x20)), '\ufffd ');
  throws(() => new TextDecoder('shift_jis', { fatal: true }).decode(bytes(0x82)), TypeError);
  const decoder = new TextDecoder('euc-jp', { fatal: true });
  throws(() => decoder.decode(bytes(0xff)), TypeError);
  equal(decoder.decode(bytes(0x41)), 'A');
});

test('iso-8859-16', () => {
  equal(new TextDecoder('ISO-8859-16').encoding, 'iso-8859-16');
  equal(new TextDecoder('iso-8859-16').decode(new Uint8Array([0x41, 0x80, 0xa0, 0xa1, 0xa4, 0xff])), 'A\x80\xa0\u0104\u20ac\xff');
});
