// FileReader (File API 6).

const read = (method, blob, ...rest) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  const seen = [];
  for (const type of ['loadstart', 'progress', 'load', 'error', 'abort']) reader.addEventListener(type, () => seen.push(type));
  reader.onloadend = (event) => {
    ok(event instanceof ProgressEvent);
    reader.error ? reject(reader.error) : resolve({ result: reader.result, seen, loaded: event.loaded });
  };
  reader[method](blob, ...rest);
});

test('each form', async () => {
  const blob = new Blob(['h\u00e9'], { type: 'text/plain' });
  equal((await read('readAsText', blob)).result, 'h\u00e9');
  equal((await read('readAsBinaryString', blob)).result, 'h\u00c3\u00a9');
  equal((await read('readAsDataURL', blob)).result, 'data:text/plain;base64,aMOp');
  same([...new Uint8Array((await read('readAsArrayBuffer', blob)).result)], [0x68, 0xc3, 0xa9]);
});

test('encodings: a byte order mark, the argument, the charset of the type, UTF-8', async () => {
  const bytes = new Uint8Array([0xe9]);
  equal((await read('readAsText', new Blob([bytes]), 'latin1')).result, '\u00e9');
  equal((await read('readAsText', new Blob([bytes], { type: 'text/plain;charset=latin1' }))).result, '\u00e9');
  equal((await read('readAsText', new Blob([bytes]), 'no-such-label')).result, '\ufffd');
  equal((await read('readAsText', new Blob([new Uint8Array([0xff, 0xfe, 0x41, 0])]), 'latin1')).result, 'A');
});

test('events in the order of the standard', async () => {
  const some = await read('readAsText', new Blob(['abc']));
  same(some.seen, ['loadstart', 'progress', 'load']);
  equal(some.loaded, 3);
  same((await read('readAsText', new Blob([]))).seen, ['loadstart', 'load']);
});

test('at once', () => {
  checkInterface('FileReaderSync', 0, ['readAsText', 'readAsArrayBuffer', 'readAsDataURL', 'readAsBinaryString']);
  const reader = new FileReaderSync();
  equal(reader.readAsText(new Blob(['abc'])), 'abc');
  equal(reader.readAsDataURL(new Blob([])), 'data:application/octet-stream;base64,');
  throws(() => reader.readAsText('no blob'), TypeError);
});

test('one read at a time, and abort', async () => {
  const reader = new FileReader();
  const seen = [];
  for (const type of ['loadstart', 'load', 'abort', 'loadend']) reader[`on${type}`] = () => seen.push(type);
  reader.readAsText(new Blob(['x']));
  throws(() => reader.readAsText(new Blob(['x'])), 'InvalidStateError');
  reader.abort();
  same(seen, ['abort', 'loadend']);
  equal(reader.readyState, FileReader.DONE);
  equal(reader.result, null);
  await new Promise((go) => setTimeout(go, 0));
  same(seen, ['abort', 'loadend']);
  throws(() => reader.readAsText('no blob'), TypeError);
});
