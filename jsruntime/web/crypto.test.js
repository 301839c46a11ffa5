// crypto (Web Cryptography 10, 14.3.5).

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

test('getRandomValues fills the view and returns it', () => {
  for (const Type of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array]) {
    const view = new Type(64);
    equal(crypto.getRandomValues(view), view);
    ok(new Set(view).size > 16, Type.name);
  }
  const inside = new Uint8Array(100);
  crypto.getRandomValues(inside.subarray(10, 90));
  ok(inside.subarray(0, 10).every((byte) => byte === 0) && inside.subarray(90).every((byte) => byte === 0));
  equal(crypto.getRandomValues(new Uint8Array(0)).length, 0);
});

test('getRandomValues differs from call to call, at every size of the pool', () => {
  const seen = new Set();
  for (const size of [8, 16, 63, 64, 65, 100, 256, 257, 1000]) {
    for (let i = 0; i < 50; ++i) seen.add(hex(crypto.getRandomValues(new Uint8Array(size)).buffer));
  }
  equal(seen.size, 450);
});

test('getRandomValues refuses', () => {
  equal(crypto.getRandomValues(new Uint8Array(65536)).length, 65536);
  equal(throws(() => crypto.getRandomValues(new Uint8Array(65537)), 'QuotaExceededError').code, 22);
  throws(() => crypto.getRandomValues(new Uint32Array(16385)), 'QuotaExceededError');
  for (const bad of [new Float32Array(1), new Float64Array(1), new DataView(new ArrayBuffer(1))]) {
    throws(() => crypto.getRandomValues(bad), 'TypeMismatchError');
  }
  for (const bad of [new ArrayBuffer(1), [1], {}, 'x', null]) throws(() => crypto.getRandomValues(bad), TypeError);
  throws(() => crypto.getRandomValues(), TypeError);
});

test('bits look random', () => {
  const view = crypto.getRandomValues(new Uint8Array(65536));
  let ones = 0;
  for (const byte of view) for (let bit = 0; bit < 8; ++bit) ones += (byte >> bit) & 1;
  // 524288 coins: ten standard deviations are 3620.
  ok(Math.abs(ones - 262144) < 3620, ones);
});

test('randomUUID', () => {
  const seen = new Set();
  for (let i = 0; i < 1000; ++i) {
    const uuid = crypto.randomUUID();
    ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid), uuid);
    seen.add(uuid);
  }
  equal(seen.size, 1000);
});

test('subtle.digest', async () => {
  const data = new TextEncoder().encode('abc');
  equal(hex(await crypto.subtle.digest('SHA-1', data)), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  equal(hex(await crypto.subtle.digest('SHA-256', data)), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  equal(hex(await crypto.subtle.digest({ name: 'sha-384' }, data)),
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7');
  equal(hex(await crypto.subtle.digest('sha-512', data.buffer)),
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f');
  equal(hex(await crypto.subtle.digest('SHA-256', new Uint8Array(0))), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  equal(hex(await crypto.subtle.digest('SHA-1', new DataView(data.buffer, 1, 1))), hex(await crypto.subtle.digest('SHA-1', data.slice(1, 2))));
  ok(await crypto.subtle.digest('SHA-1', data) instanceof ArrayBuffer);
  await rejects(crypto.subtle.digest('MD5', data), 'NotSupportedError');
  await rejects(crypto.subtle.digest('SHA-256', 'text'), TypeError);
  await rejects(crypto.subtle.digest('SHA-256'), TypeError);
});

test('interfaces', () => {
  checkInterface('Crypto', 0, ['getRandomValues', 'randomUUID', 'subtle']);
  checkInterface('SubtleCrypto', 0, ['digest', 'encrypt', 'importKey']);
  throws(() => new Crypto(), TypeError);
  throws(() => new SubtleCrypto(), TypeError);
  throws(() => Crypto.prototype.randomUUID.call({}), TypeError);
  equal(Object.prototype.toString.call(crypto), '[object Crypto]');
  equal(crypto.subtle, crypto.subtle);
});
