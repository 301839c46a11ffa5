// What is Node's own JavaScript (node_library.cjs), and what stands under it here.
import { Buffer, transcode } from 'node:buffer';
import console_ from 'node:console';
import EventEmitter, { getMaxListeners, once, setMaxListeners } from 'node:events';
import path from 'node:path';
import posix from 'node:path/posix';
import win32 from 'node:path/win32';
import process from 'node:process';
import qs from 'node:querystring';
import { Duplex, Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import util from 'node:util';

const codeOf = (action) => throws(action, Error).code;

test('path: both kinds', () => {
  ok(path === posix && path.win32 === win32 && win32.posix === path);
  same([win32.join('a', '..', 'b/c'), win32.resolve('C:\\a', '..\\b'), win32.basename('C:\\x\\y.txt', '.txt'), win32.isAbsolute('C:/')], ['b\\c', 'C:\\b', 'y', true]);
  same([path.resolve('a'), path.relative('/a/b', '/a/c'), path.parse('/x/y.tar.gz').ext], ['/a', '../c', '.gz']);
  const error = throws(() => path.join('a', 1), TypeError);
  same([error.code, error.message], ['ERR_INVALID_ARG_TYPE', 'The "path" argument must be of type string. Received type number (1)']);
  ok(error.stack.startsWith('TypeError') && error.stack.includes(error.message), error.stack);
});

test('querystring', () => {
  equal(qs.parse('a=1&a=2&b=%zz&c=x+y').c, 'x y');
  same([qs.parse('a=1&a=2').a, qs.parse('b=%zz').b], [['1', '2'], '%zz']);
  equal(qs.stringify({ a: ['x', 'y'], b: 1n, c: true, d: undefined }), 'a=x&a=y&b=1&c=true&d=');
  equal(codeOf(() => qs.escape('\ud800')), 'ERR_INVALID_URI');
});

test('events', async () => {
  const emitter = new EventEmitter();
  const error = throws(() => emitter.emit('error', { a: 1 }), Error);
  same([error.code, error.context], ['ERR_UNHANDLED_ERROR', { a: 1 }]);
  equal(codeOf(() => emitter.on('x', null)), 'ERR_INVALID_ARG_TYPE');
  // A handler that is rejected.
  const careful = new EventEmitter({ captureRejections: true });
  careful.on('event', async () => { throw new Error('later'); });
  const failed = once(careful, 'error');
  careful.emit('event');
  equal((await failed)[0].message, 'later');
  // A warning of too many.
  const warned = once(process, 'warning');
  emitter.setMaxListeners(1).on('y', () => {}).on('y', () => {});
  const [warning] = await warned;
  same([warning.name, warning.emitter === emitter, warning.count], ['MaxListenersExceededWarning', true, 2]);
  same([getMaxListeners(emitter), getMaxListeners(new EventTarget())], [1, 10]);
  const target = new EventTarget();
  setMaxListeners(3, target);
  equal(getMaxListeners(target), 3);
  equal(codeOf(() => getMaxListeners({})), 'ERR_INVALID_ARG_TYPE');
  const told = once(target, 'z');
  target.dispatchEvent(new Event('z'));
  equal((await told)[0].type, 'z');
});

test('Buffer: text of every encoding', () => {
  const text = 'h\u00e9llo \u20ac \u{1f600}';
  for (const encoding of ['utf8', 'utf16le', 'base64', 'base64url', 'hex', 'latin1', 'ascii']) {
    const there = Buffer.from(Buffer.from(text).toString(encoding), encoding).toString();
    if (encoding === 'utf8' || encoding.startsWith('base64') || encoding === 'hex') equal(there, text, encoding);
    equal(Buffer.byteLength(Buffer.from(text).toString(encoding), encoding), Buffer.from(Buffer.from(text).toString(encoding), encoding).length, encoding);
  }
  equal(Buffer.from(text, 'utf16le').toString('utf16le'), text);
  equal(Buffer.from('x'.repeat(20_000) + '\u00ff', 'latin1').toString('latin1').length, 20_001);
  same([...Buffer.from('a-_b /+==junk', 'base64')], [...Buffer.from('a+/b/+==', 'base64')]);
  same([Buffer.from('abcx12', 'hex').length, Buffer.from('abc', 'hex').length, Buffer.from('\ud800').toString('hex')], [1, 1, 'efbfbd']);
  const target = Buffer.alloc(4);
  same([target.write('\u20ac\u20ac'), target.write('ab', 3), target.toString('latin1', 3), target.write('00ff', 'hex')], [3, 1, 'a', 2]);
  equal(codeOf(() => target.toString('nothing')), 'ERR_UNKNOWN_ENCODING');
});

test('Buffer: searches, comparisons, numbers', () => {
  const bytes = Buffer.from('abcabcabc');
  same([bytes.indexOf('c'), bytes.indexOf('c', 3), bytes.lastIndexOf('abc'), bytes.lastIndexOf('abc', 5), bytes.indexOf('abcd'), bytes.indexOf(99, -1)], [2, 5, 6, 3, -1, 8]);
  same([bytes.includes(new Uint8Array([98, 99])), bytes.indexOf(''), bytes.indexOf('bc', -2), Buffer.from('abab', 'utf16le').indexOf('b', 3, 'utf16le')], [true, 0, 7, 6]);
  ok(bytes.equals(new Uint8Array(bytes)) && Buffer.compare(new Uint8Array([1]), bytes) === -1 && bytes.compare(Buffer.from('xabc'), 1, 4, 0, 3) === 0);
  same([...Buffer.alloc(5, 'ab')], [97, 98, 97, 98, 97]);
  equal(codeOf(() => Buffer.alloc(1).fill('zz', 'hex')), 'ERR_INVALID_ARG_VALUE');
  same([codeOf(() => bytes.readUInt32BE(8)), codeOf(() => bytes.writeUInt8(256, 0)), codeOf(() => bytes.readInt8('1'))], ['ERR_OUT_OF_RANGE', 'ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE']);
  same([bytes.readUIntBE(0, 6), bytes.readDoubleLE(0), Buffer.from('0102030405060708', 'hex').readBigUInt64BE()], [0x616263616263, bytes.readDoubleLE(0), 0x0102030405060708n]);
  same([...Buffer.from([1, 2, 3, 4]).swap16()], [2, 1, 4, 3]);
  equal(util.inspect(Buffer.from('ab')), '<Buffer 61 62>');
});

test('Buffer: transcode, as Node does it', () => {
  const text = Buffer.from('\u20ac\u00e9\u{1f600}a');
  same([transcode(text, 'utf8', 'ascii').toString(), transcode(text, 'utf8', 'latin1').toString('hex'), transcode(text, 'utf8', 'ucs2').toString('utf16le')],
       ['???a', '3fe93f61', text.toString()]);
  same([transcode(Buffer.from([0xe9]), 'binary', 'utf8').toString(), transcode(Buffer.from([0xe9]), 'ascii', 'utf8').toString()], ['\u00e9', '\ufffd']);
  for (const [from, to] of [['utf8', 'hex'], ['nothing', 'utf8'], ['base64', 'utf8']]) equal(codeOf(() => transcode(text, from, to)), 'U_ILLEGAL_ARGUMENT_ERROR');
  equal(codeOf(() => transcode('text', 'utf8', 'utf8')), 'ERR_INVALID_ARG_TYPE');
});

test('StringDecoder', () => {
  const utf8 = new StringDecoder();
  same([utf8.encoding, utf8.write(Buffer.from('e282', 'hex')), utf8.lastNeed, utf8.write(Buffer.from('ac41f0', 'hex')), utf8.end(), utf8.end()],
       ['utf8', '', 1, '\u20acA', '\ufffd', '']);
  const base64 = new StringDecoder('base64url');
  equal(base64.write(Buffer.from('a')) + base64.write(Buffer.from('bcd')) + base64.end(), Buffer.from('abcd').toString('base64url'));
  const utf16 = new StringDecoder('utf16le');
  same([utf16.write(Buffer.from('3dd8', 'hex')), utf16.write(Buffer.from('4d', 'hex')), utf16.write(Buffer.from('dc', 'hex'))], ['', '', '\u{1f44d}']);
  // As packages make classes of it.
  function Own() { StringDecoder.call(this, 'hex'); }
  util.inherits(Own, StringDecoder);
  equal(new Own().write(Buffer.from('a')), '61');
  equal(codeOf(() => new StringDecoder('nothing')), 'ERR_UNKNOWN_ENCODING');
});

test('Console', () => {
  const lines = [];
  const stream = Object.assign(new EventEmitter(), { write: (line) => lines.push(line) });
  const own = new console_.Console({ stdout: stream });
  const { log } = own;
  log('%s is %d', 'x', 1);
  own.group('outer');
  own.error('two\nlines');
  own.count();
  own.groupEnd();
  own.count();
  own.countReset();
  own.assert(true, 'no');
  own.assert(false, 'yes %d', 1);
  same(lines, ['x is 1\n', 'outer\n', '  two\n  lines\n', '  default: 1\n', 'default: 2\n', 'Assertion failed: yes 1\n']);
  own.trace('here');
  ok(lines.at(-1).startsWith('Trace: here\n    at '), lines.at(-1));
  own.time('t');
  own.timeEnd('t');
  ok(/^t: [\d.]+ms\n$/.test(lines.at(-1)));
  equal(codeOf(() => console_.Console()), 'ERR_CONSOLE_WRITABLE_STREAM');
  ok(console_.Console(stream) instanceof console_.Console);
  own.table([{ a: 1, b: 'x' }]);
  equal(lines.at(-1), ['┌─────────┬───┬─────┐', '│ (index) │ a │ b   │', '├─────────┼───┼─────┤',
                       "│ 0       │ 1 │ 'x' │", '└─────────┴───┴─────┘', ''].join('\n'));
  const broken = Object.assign(new EventEmitter(), { write() { throw new Error('broken'); } });
  console_.Console(broken).log('x');
  throws(() => console_.Console(broken, broken, false).log('x'), Error);
});

test('util.parseArgs', () => {
  const { values, positionals } = util.parseArgs({ args: ['-v', '--name=x', 'file'], options: { v: { type: 'boolean', short: 'v' }, name: { type: 'string' } }, allowPositionals: true });
  same([values.v, values.name, positionals], [true, 'x', ['file']]);
  equal(codeOf(() => util.parseArgs({ args: ['--no'], options: {} })), 'ERR_PARSE_ARGS_UNKNOWN_OPTION');
});

test('a Duplex to and from streams of the web', async () => {
  const { readable, writable } = new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk.map((byte) => byte + 1)); } });
  const duplex = Duplex.fromWeb({ readable, writable });
  duplex.end(Buffer.from('abc'));
  equal(Buffer.concat(await Array.fromAsync(duplex)).toString(), 'bcd');
  const web = Duplex.toWeb(Duplex.from(async function* (source) { for await (const chunk of source) yield String(chunk).toUpperCase(); }));
  const writer = web.writable.getWriter();
  writer.write('x').then(() => writer.close());
  equal((await web.readable.getReader().read()).value, 'X');
  ok(Readable.from(['a']) instanceof Readable);
});
