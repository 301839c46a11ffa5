// Encoding standard 7.5 and 7.6.

const collect = async (stream) => {
  const all = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
};
const through = (chunks, pair) => collect(ReadableStream.from(chunks).pipeThrough(pair));

test('interfaces', () => {
  checkInterface('TextEncoderStream', 0, ['encoding', 'readable', 'writable']);
  checkInterface('TextDecoderStream', 0, ['encoding', 'fatal', 'ignoreBOM', 'readable', 'writable']);
  equal(new TextEncoderStream().encoding, 'utf-8');
  const decoder = new TextDecoderStream('utf-16le', { fatal: true, ignoreBOM: true });
  same([decoder.encoding, decoder.fatal, decoder.ignoreBOM], ['utf-16le', true, true]);
  throws(() => new TextDecoderStream('nothing'), RangeError);
});

test('encoder: pairs across chunks, lone surrogates, values that are no strings', async () => {
  same((await through(['a', 'é'], new TextEncoderStream())).map((chunk) => [...chunk]), [[97], [0xc3, 0xa9]]);
  same((await through(['\ud83d', '\ude00'], new TextEncoderStream())).map((chunk) => [...chunk]), [[0xf0, 0x9f, 0x98, 0x80]]);
  same((await through(['\ud83d', 'x'], new TextEncoderStream())).map((chunk) => [...chunk]), [[0xef, 0xbf, 0xbd, 120]]);
  same((await through(['x\ud83d'], new TextEncoderStream())).map((chunk) => [...chunk]), [[120], [0xef, 0xbf, 0xbd]]);
  same((await through(['', 7], new TextEncoderStream())).map((chunk) => [...chunk]), [[55]]);
});

test('decoder: at every cut, byte order mark, fatal, chunks of other kinds', async () => {
  const whole = new TextEncoder().encode('a\u00e9\u20ac\u{1f600}');
  for (let cut = 0; cut <= whole.length; ++cut) {
    equal((await through([whole.slice(0, cut), whole.slice(cut)], new TextDecoderStream())).join(''), 'a\u00e9\u20ac\u{1f600}', `cut ${cut}`);
  }
  same(await through([bytes(0xef), bytes(0xbb, 0xbf, 97)], new TextDecoderStream()), ['a']);
  same(await through([bytes(0xe2, 0x82)], new TextDecoderStream()), ['\ufffd']);
  same(await through([bytes(97).buffer], new TextDecoderStream()), ['a']);
  await rejects(through([bytes(0xff)], new TextDecoderStream('utf-8', { fatal: true })), TypeError);
  await rejects(through([bytes(0xe2)], new TextDecoderStream('utf-8', { fatal: true })), TypeError);
  await rejects(through(['text'], new TextDecoderStream()), TypeError);
});
