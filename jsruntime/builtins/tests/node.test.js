// node: modules: that they are there by either name, and that what packages use of them gives Node's answers.
import assert from 'node:assert';
import { Buffer } from 'buffer';
import crypto from 'node:crypto';
import EventEmitter, { once, on } from 'events';
import { createRequire, require as bundled, isBuiltin } from 'node:module';
import path, { join } from 'path';
import process from 'node:process';
import qs from 'querystring';
import { Readable, Transform, pipeline } from 'node:stream';
import { pipeline as piped } from 'stream/promises';
import { StringDecoder } from 'string_decoder';
import { setTimeout as wait } from 'timers/promises';
import timers from 'timers';
import url, { fileURLToPath } from 'url';
import util, { inspect, promisify } from 'util';
import types from 'util/types';

test('one module by all its names', async () => {
  equal((await import('node:buffer')).Buffer, Buffer);
  equal(createRequire('file:///x')('buffer').Buffer, Buffer);
  equal(bundled('node:util'), util);
  ok(isBuiltin('node:path') && !isBuiltin('left-pad'));
});

test('there is no other module', async () => {
  equal((await rejects(import('node:nothing'), Error)).code, 'ERR_UNKNOWN_BUILTIN_MODULE');
  equal(throws(() => bundled('left-pad'), Error).code, 'MODULE_NOT_FOUND');
  await rejects(import('zts:webcrypto'), Error);
  throws(() => bundled('zts:webcrypto'), Error);
});

test('Buffer', () => {
  equal(Buffer.from('héllo').toString('hex'), '68c3a96c6c6f');
  equal(Buffer.from('aGk_', 'base64url').toString('base64'), 'aGk/');
  equal(Buffer.from([0xfb, 0xff]).toString('base64url'), '-_8');
  const long = 'ü'.repeat(500);
  equal(Buffer.from(long).toString(), long);
  equal(Buffer.byteLength(long), 1000);
  equal(Buffer.concat([Buffer.from('a'), Buffer.alloc(2, 'b')]).toString('latin1'), 'abb');
  equal(Buffer.from('ff', 'hex').readUInt8(0), 255);
  ok(Buffer.isBuffer(Buffer.from(long)) && Buffer.from(long) instanceof Uint8Array);
  equal(Buffer.from('abc').equals(Buffer.from('abc')), true);
  same(JSON.parse(JSON.stringify(Buffer.from('a'))), { type: 'Buffer', data: [97] });
});

test('Buffer: what packages call in the place of toString and write', () => {
  const buffer = Buffer.from('h\u00e9llo', 'latin1');
  same([buffer.latin1Slice(1, 3), buffer.asciiSlice(0, 1), buffer.hexSlice(0, 2), buffer.base64Slice(0, 3)], ['\u00e9l', 'h', '68e9', 'aOls']);
  equal(Buffer.from('caf\u00e9').utf8Slice(3), '\u00e9');
  equal(buffer.latin1Write('xy', 1), 2);
  equal(buffer.latin1Slice(), 'hxylo');
  equal(Buffer.from('a\0b\0').ucs2Slice(), 'ab');
});

test('process: memory and time', () => {
  const before = process.memoryUsage();
  const kept = new Uint8Array(4 << 20);
  const after = process.memoryUsage();
  ok(before.heapUsed > 100_000 && before.heapUsed <= before.heapTotal && before.rss >= before.heapTotal, JSON.stringify(before));
  equal(after.external - before.external, kept.length);
  ok(process.constrainedMemory() >= 16 << 20 && process.availableMemory() < process.constrainedMemory() && process.memoryUsage.rss() > 0);
  const [seconds, nanos] = process.hrtime(process.hrtime());
  ok(seconds === 0 && nanos >= 0);
  same([throws(() => process.hrtime(1), TypeError).code, throws(() => process.hrtime([1]), RangeError).code, throws(() => process.nextTick(1), TypeError).code],
       ['ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE']);
});

test('process: env is the function\'s', async () => {
  equal(process.env.GREETING, 'hello');
  equal(process.env.NOTHING, undefined);
  process.env.NUMBER = 1;
  process.env.NONE = undefined;
  same([process.env.NUMBER, process.env.NONE, delete process.env.NONE, 'NONE' in process.env], ['1', 'undefined', true, false]);
  throws(() => { process.env.SYMBOL = Symbol('s'); }, TypeError);
  ok(/^v\d+\.\d+\.\d+$/.test(process.version) && process.version === `v${process.versions.node}`);
  const order = [];
  process.nextTick((value) => order.push(value), 'tick');
  order.push('now');
  await null;
  same(order, ['now', 'tick']);
  throws(() => process.exit(), Error);
});

test('events', async () => {
  const emitter = new EventEmitter();
  const waiting = once(emitter, 'x');
  emitter.emit('x', 1, 2);
  same(await waiting, [1, 2]);
  const got = [];
  setTimeout(() => { emitter.emit('y', 1); emitter.emit('y', 2); emitter.emit('end'); }, 1);
  for await (const [value] of on(emitter, 'y', { close: ['end'] })) got.push(value);
  same(got, [1, 2]);
  throws(() => emitter.emit('error', new RangeError()), RangeError);
});

test('stream', async () => {
  const upper = new Transform({ transform(chunk, encoding, done) { done(null, chunk.toString().toUpperCase()); } });
  const out = [];
  await piped(Readable.from(['a', 'b']), upper, async function (source) { for await (const chunk of source) out.push(chunk.toString()); });
  equal(out.join(''), 'AB');
  const failed = await new Promise((resolve) => { pipeline(Readable.from([1]), new Transform({ objectMode: true, transform(chunk, encoding, done) { done(new RangeError()); } }), resolve); });
  ok(failed instanceof RangeError, failed);
  equal(typeof EventEmitter.prototype.on, 'function');
  ok(upper instanceof EventEmitter);
});

test('util, assert, path, url, querystring, string_decoder, timers', async () => {
  equal(util.format('%s is %d', 'x', 1), 'x is 1');
  equal(inspect({ a: [1] }), '{ a: [ 1 ] }');
  equal(inspect({ [inspect.custom]: () => 'mine' }), 'mine');
  equal(await promisify((x, done) => done(null, x + 1))(1), 2);
  ok(util.isDeepStrictEqual({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] }) && !util.isDeepStrictEqual([1], ['1']));
  ok(types.isPromise(Promise.resolve()) && types.isUint8Array(new Uint8Array()) && types.isMap(new Map()) && !types.isDate({}));
  ok(types.isAsyncFunction(async () => {}) && !types.isAsyncFunction(() => {}));
  assert.deepStrictEqual({ a: 1 }, { a: 1 });
  equal(throws(() => assert.strictEqual(1, 2), assert.AssertionError).code, 'ERR_ASSERTION');
  assert.throws(() => { throw new TypeError('x'); }, TypeError);
  equal(join('/a', '..', 'b', './c.js'), '/b/c.js');
  equal(path.extname('x.tar.gz'), '.gz');
  equal(url.parse('http://u@h:1/p?q=1#f').query, 'q=1');
  equal(fileURLToPath('file:///a%20b'), '/a b');
  equal(qs.stringify({ a: ['1', '2'], b: 'ü' }), 'a=1&a=2&b=%C3%BC');
  equal(new StringDecoder('utf8').write(Buffer.from([0xc3])) + '', '');
  equal(await wait(1, 'v'), 'v');
  const timer = timers.setTimeout(() => fail('cleared'), 1);
  timer.unref();
  clearTimeout(timer);
  await wait(3);
});

test('crypto: hashes and HMAC', () => {
  equal(crypto.createHash('sha256').update('a').update(Buffer.from('bc')).digest('hex'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  equal(crypto.createHash('md5').update('abc').digest('base64'), 'kAFQmDzST7DWlj99KOF/cg==');
  equal(crypto.createHmac('sha1', 'key').update('The quick brown fox jumps over the lazy dog').digest('hex'), 'de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9');
  const hash = crypto.createHash('sha1').update('a');
  equal(hash.copy().update('bc').digest('hex'), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  equal(hash.update('bc').digest().toString('hex'), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  throws(() => hash.update('x'), Error);
  throws(() => crypto.createHash('sha999'), Error);
});

test('crypto: digests beside those of the web', () => {
  const start = (name) => crypto.createHash(name).update('a').digest('hex').slice(0, 12);
  same(['ripemd160', 'RSA-RIPEMD160', 'sha512-256', 'sha512-224', 'sha3-256', 'blake2b512', 'blake2s256'].map(start),
       ['0bdc9d2d256b', '0bdc9d2d256b', '455e518824bc', 'd5cdb9ccc769', '80084bf2fba0', '333fcb4ee1aa', '4a0d12987340']);
  ok(crypto.getHashes().includes('sha3-512') && crypto.getHashes().includes('RSA-SHA256'));
  ok(!('asyncDigest' in crypto) && crypto.getCipherInfo('aes-128-gcm').mode === 'gcm');
  equal(throws(() => crypto.createHash('nothing'), Error).message, 'Digest method not supported');
  equal(throws(() => crypto.createHmac('nothing', 'key'), TypeError).code, 'ERR_CRYPTO_INVALID_DIGEST');
  ok(!crypto.getHashes().includes('whirlpool') && crypto.getHashes().every((name) => crypto.createHash(name)));
  equal(crypto.createHash('shake256', { outputLength: 5 }).update('a').digest('hex'), '867e2cb04f');
  equal(throws(() => crypto.createHash('sha256', { outputLength: 5 }), Error).code, 'ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH');
  const hash = crypto.createHash('md5').update('a');
  const copy = hash.copy();
  same([hash.digest('base64'), copy.update('b').digest('base64'), crypto.hash('md5', 'a')], ['DMF1ucDxtqgxw5niaXcmYQ==', 'GH70Q2Ei0cwvQNwrkvDroA==', '0cc175b9c0f1b6a831c399e269772661']);
  equal(throws(() => hash.update('x'), Error).code, 'ERR_CRYPTO_HASH_FINALIZED');
  ok(crypto.Hash('md5') instanceof crypto.Hash && new crypto.Hmac('sha256', 'key') instanceof crypto.Hmac);
  equal(crypto.Hmac('sha3-256', 'key').update('x').digest('hex').length, 64);
});

test('crypto: ciphers, derived keys, randomness', async () => {
  for (const name of ['aes-128-cbc', 'aes-192-ctr', 'aes-256-gcm']) {
    const key = crypto.randomBytes(Number(name.slice(4, 7)) / 8);
    const iv = crypto.randomBytes(name.endsWith('gcm') ? 12 : 16);
    const seal = crypto.createCipheriv(name, key, iv);
    const sealed = Buffer.concat([seal.update('some text, '), seal.update('in pieces'), seal.final()]);
    const open = crypto.createDecipheriv(name, key, iv);
    if (name.endsWith('gcm')) open.setAuthTag(seal.getAuthTag());
    equal(open.update(sealed, undefined, 'utf8') + open.final('utf8'), 'some text, in pieces', name);
  }
  for (const name of crypto.getCiphers().filter((each) => !/xts|ccm|wrap|-cts|siv/.test(each))) {
    const { keyLength, ivLength = 0, mode } = crypto.getCipherInfo(name);
    const [key, iv] = [crypto.randomBytes(keyLength), ivLength === 0 ? null : crypto.randomBytes(ivLength)];
    const options = mode === 'ocb' ? { authTagLength: 16 } : {};
    const seal = crypto.createCipheriv(name, key, iv, options);
    const sealed = seal.update('some text, in pieces', 'utf8', 'hex') + seal.final('hex');
    const open = crypto.createDecipheriv(name, key, iv, options);
    if (['gcm', 'ocb'].includes(mode) || name.includes('poly1305')) open.setAuthTag(seal.getAuthTag());
    equal(open.update(sealed, 'hex', 'utf8') + open.final('utf8'), 'some text, in pieces', name);
  }
  equal(crypto.createCipheriv('aes-128-ecb', 'k'.repeat(16), null).update('0123456789abcdef', 'utf8', 'hex'), '7ccee65cdb522ece8bf3266d9adaa06a');
  const wrap = crypto.createCipheriv('id-aes128-wrap', Buffer.alloc(16, 1), Buffer.alloc(8, 0xa6));
  equal(wrap.update(Buffer.alloc(16, 2), undefined, 'hex') + wrap.final('hex'), '2152937994459ab9fb05db73e66f546291eb5389bc8aa7cc');
  const ccm = crypto.createCipheriv('aes-128-ccm', Buffer.alloc(16, 1), Buffer.alloc(12, 2), { authTagLength: 8 });
  ccm.setAAD(Buffer.from('more'), { plaintextLength: 4 });
  same([ccm.update('text', 'utf8', 'hex'), ccm.final('hex'), ccm.getAuthTag().toString('hex')], ['257d512e', '', 'a85b5ff189e51299']);
  const forged = crypto.createDecipheriv('aes-128-ccm', Buffer.alloc(16, 1), Buffer.alloc(12, 2), { authTagLength: 8 });
  forged.setAuthTag(Buffer.alloc(8));
  forged.update(Buffer.alloc(4));
  throws(() => forged.final(), Error);
  const codes = [['nothing', 16, 16], ['aes-128-cbc', 15, 16], ['aes-128-cbc', 16, 15], ['aes-128-ccm', 16, 12], ['aes-128-gcm', 16, 0]]
      .map(([name, key, iv]) => throws(() => crypto.createCipheriv(name, Buffer.alloc(key), Buffer.alloc(iv)), Error).code);
  same(codes, ['ERR_CRYPTO_UNKNOWN_CIPHER', 'ERR_CRYPTO_INVALID_KEYLEN', 'ERR_CRYPTO_INVALID_IV', 'ERR_CRYPTO_INVALID_AUTH_TAG', 'ERR_CRYPTO_INVALID_IV']);
  const gcm = crypto.createDecipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12));
  gcm.setAuthTag(Buffer.alloc(16));
  gcm.update('00', 'hex');
  throws(() => gcm.final(), Error);
  equal(crypto.scryptSync('', '', 64, { N: 16, r: 1, p: 1 }).toString('hex'),
    '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906');
  throws(() => crypto.scryptSync('', '', 64, { N: 2 ** 20, r: 8 }), Error);
  equal(await promisify(crypto.randomBytes)(8).then((bytes) => bytes.length), 8);
  for (let i = 0; i < 100; ++i) {
    const drawn = crypto.randomInt(3, 6);
    ok(drawn >= 3 && drawn < 6);
  }
  ok(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ab')) && !crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ac')));
  throws(() => crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('a')), RangeError);
  equal(crypto.webcrypto, globalThis.crypto);
});
