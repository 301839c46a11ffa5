// crypto.subtle against the answers of the standards, both ways where there are two.

const unhex = (text) => Uint8Array.fromHex(text.replace(/\s/g, ''));
const hex = (buffer) => new Uint8Array(buffer).toHex();
const utf8 = (text) => new TextEncoder().encode(text);
const { subtle } = crypto;
const raw = (bytes, algorithm, usages, extractable = false) => subtle.importKey('raw', bytes, algorithm, extractable, usages);

test('HMAC (RFC 4231 4.2, 4.3, 4.7)', async () => {
  const cases = [
    ['0b'.repeat(20), hex(utf8('Hi There')), 'SHA-256', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [hex(utf8('Jefe')), hex(utf8('what do ya want for nothing?')), 'SHA-256', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    [hex(utf8('Jefe')), hex(utf8('what do ya want for nothing?')), 'SHA-384',
      'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649'],
    ['aa'.repeat(131), hex(utf8('Test Using Larger Than Block-Size Key - Hash Key First')), 'SHA-512',
      '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598'],
  ];
  for (const [key, data, hash, mac] of cases) {
    const made = await raw(unhex(key), { name: 'HMAC', hash }, ['sign', 'verify']);
    equal(hex(await subtle.sign('HMAC', made, unhex(data))), mac);
    equal(await subtle.verify('HMAC', made, unhex(mac), unhex(data)), true);
    equal(await subtle.verify('HMAC', made, unhex(mac.slice(2) + '00'), unhex(data)), false);
    equal(await subtle.verify('HMAC', made, unhex(mac.slice(2)), unhex(data)), false);
  }
});

test('HKDF (RFC 5869 A.1, A.3)', async () => {
  const key = await raw(unhex('0b'.repeat(22)), 'HKDF', ['deriveBits']);
  const derive = (salt, info) => subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: unhex(salt), info: unhex(info) }, key, 42 * 8);
  equal(hex(await derive('000102030405060708090a0b0c', 'f0f1f2f3f4f5f6f7f8f9')),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865');
  equal(hex(await derive('', '')), '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8');
});

test('PBKDF2 (RFC 6070; RFC 7914 11)', async () => {
  const derive = async (password, salt, iterations, length, hash) =>
    hex(await subtle.deriveBits({ name: 'PBKDF2', hash, salt: utf8(salt), iterations }, await raw(utf8(password), 'PBKDF2', ['deriveBits']), length * 8));
  equal(await derive('password', 'salt', 1, 20, 'SHA-1'), '0c60c80f961f0e71f3a9b524af6012062fe037a6');
  equal(await derive('password', 'salt', 4096, 20, 'SHA-1'), '4b007901b765489abead49d926f721d065a429c1');
  equal(await derive('passwordPASSWORDpassword', 'saltSALTsaltSALTsaltSALTsaltSALTsalt', 4096, 25, 'SHA-1'),
    '3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038');
  equal(await derive('passwd', 'salt', 1, 64, 'SHA-256'),
    '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783');
});

const kKey128 = '2b7e151628aed2a6abf7158809cf4f3c';
const kPlain = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51';

test('AES-CBC (SP 800-38A F.2.1)', async () => {
  const key = await raw(unhex(kKey128), 'AES-CBC', ['encrypt', 'decrypt']);
  const algorithm = { name: 'AES-CBC', iv: unhex('000102030405060708090a0b0c0d0e0f') };
  const sealed = await subtle.encrypt(algorithm, key, unhex(kPlain));
  equal(hex(sealed).slice(0, 64), '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2');
  equal(sealed.byteLength, 48);
  equal(hex(await subtle.decrypt(algorithm, key, sealed)), kPlain);
  for (const size of [0, 1, 15, 16, 17, 31]) {
    const data = unhex(kPlain).slice(0, size);
    equal(hex(await subtle.decrypt(algorithm, key, await subtle.encrypt(algorithm, key, data))), hex(data), size);
  }
  await rejects(subtle.decrypt(algorithm, key, unhex(kPlain)), 'OperationError');
  await rejects(subtle.decrypt(algorithm, key, new Uint8Array(15)), 'OperationError');
});

test('AES-CTR (SP 800-38A F.5.1), also around the end of the counter', async () => {
  const key = await raw(unhex(kKey128), 'AES-CTR', ['encrypt', 'decrypt']);
  const counter = unhex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
  const sealed = '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff';
  equal(hex(await subtle.encrypt({ name: 'AES-CTR', counter, length: 128 }, key, unhex(kPlain))), sealed);
  equal(hex(await subtle.decrypt({ name: 'AES-CTR', counter, length: 128 }, key, unhex(sealed))), kPlain);
  // With eight bits the second block's counter is ...fe00, without a carry: it is what a start there gives.
  const wrapped = await subtle.encrypt({ name: 'AES-CTR', counter, length: 8 }, key, unhex(kPlain));
  const second = counter.slice();
  second[15] = 0;
  equal(hex(wrapped).slice(0, 32), sealed.slice(0, 32));
  equal(hex(wrapped).slice(32), hex(await subtle.encrypt({ name: 'AES-CTR', counter: second, length: 8 }, key, unhex(kPlain).slice(16))));
  await rejects(subtle.encrypt({ name: 'AES-CTR', counter, length: 1 }, key, new Uint8Array(33)), 'OperationError');
  await rejects(subtle.encrypt({ name: 'AES-CTR', counter, length: 0 }, key, new Uint8Array(1)), 'OperationError');
});

test('AES-GCM (McGrew and Viega, test cases 3 and 4)', async () => {
  const key = await raw(unhex('feffe9928665731c6d6a8f9467308308'), 'AES-GCM', ['encrypt', 'decrypt']);
  const iv = unhex('cafebabefacedbaddecaf888');
  const plain = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255';
  const sealed = '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985';
  equal(hex(await subtle.encrypt({ name: 'AES-GCM', iv }, key, unhex(plain))), `${sealed}4d5c2af327cd64a62cf35abd2ba6fab4`);
  const additionalData = unhex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
  const short = { name: 'AES-GCM', iv, additionalData };
  equal(hex(await subtle.encrypt(short, key, unhex(plain.slice(0, 120)))), `${sealed.slice(0, 120)}5bc94fbc3221a5db94fae95ae7121a47`);
  equal(hex(await subtle.decrypt(short, key, unhex(`${sealed.slice(0, 120)}5bc94fbc3221a5db94fae95ae7121a47`))), plain.slice(0, 120));
  equal(hex(await subtle.encrypt({ ...short, tagLength: 96 }, key, unhex(plain.slice(0, 120)))), `${sealed.slice(0, 120)}5bc94fbc3221a5db94fae95a`);
  await rejects(subtle.decrypt(short, key, unhex(`${sealed.slice(0, 120)}5bc94fbc3221a5db94fae95ae7121a48`)), 'OperationError');
  await rejects(subtle.decrypt({ name: 'AES-GCM', iv }, key, unhex(`${sealed.slice(0, 120)}5bc94fbc3221a5db94fae95ae7121a47`)), 'OperationError');
  await rejects(subtle.decrypt(short, key, new Uint8Array(15)), 'OperationError');
  await rejects(subtle.encrypt({ ...short, tagLength: 33 }, key, new Uint8Array(1)), 'OperationError');
});

test('AES-KW (RFC 3394 4.1, 4.6)', async () => {
  for (const [kek, secret, wrapped] of [
    ['000102030405060708090a0b0c0d0e0f', '00112233445566778899aabbccddeeff', '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5'],
    ['000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', '00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f',
      '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21'],
  ]) {
    const wrapping = await raw(unhex(kek), 'AES-KW', ['wrapKey', 'unwrapKey']);
    const key = await raw(unhex(secret), 'AES-GCM', ['encrypt'], true);
    equal(hex(await subtle.wrapKey('raw', key, wrapping, 'AES-KW')), wrapped);
    const back = await subtle.unwrapKey('raw', unhex(wrapped), wrapping, 'AES-KW', 'AES-GCM', true, ['encrypt']);
    equal(hex(await subtle.exportKey('raw', back)), secret);
    const bad = unhex(wrapped);
    bad[3] ^= 1;
    await rejects(subtle.unwrapKey('raw', bad, wrapping, 'AES-KW', 'AES-GCM', true, ['encrypt']), 'OperationError');
  }
});

test('Ed25519 (RFC 8032 7.1, tests 1 and 3)', async () => {
  for (const [secret, open, message, signature] of [
    ['9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'],
    ['c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7', 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025', 'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'],
  ]) {
    const pkcs8 = unhex(`302e020100300506032b657004220420${secret}`);
    const key = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']);
    const check = await raw(unhex(open), 'Ed25519', ['verify'], true);
    equal(hex(await subtle.sign('Ed25519', key, unhex(message))), signature);
    equal(await subtle.verify('Ed25519', check, unhex(signature), unhex(message)), true);
    equal(await subtle.verify('Ed25519', check, unhex(signature), unhex(`${message}00`)), false);
    equal(hex(await subtle.exportKey('pkcs8', key)), hex(pkcs8));
    equal(hex(await subtle.exportKey('spki', check)), `302a300506032b6570032100${open}`);
    const jwk = await subtle.exportKey('jwk', key);
    same([jwk.kty, jwk.crv, Uint8Array.fromBase64(jwk.d, { alphabet: 'base64url' }).toHex()], ['OKP', 'Ed25519', secret]);
  }
});

test('X25519 (RFC 7748 6.1)', async () => {
  const own = '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb';
  const one = await subtle.importKey('pkcs8', unhex(`302e020100300506032b656e04220420${own}`), 'X25519', false, ['deriveBits']);
  const peer = await raw(unhex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'), 'X25519', []);
  equal(hex(await subtle.deriveBits({ name: 'X25519', public: peer }, one, 256)), '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  equal(hex(await subtle.deriveBits({ name: 'X25519', public: peer }, one)), '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  equal(hex(await subtle.deriveBits({ name: 'X25519', public: peer }, one, 12)), '4a50');
  const zero = await raw(new Uint8Array(32), 'X25519', []);
  await rejects(subtle.deriveBits({ name: 'X25519', public: zero }, one, 256), 'OperationError');
});

test('ECDSA P-256 (RFC 6979 A.2.5)', async () => {
  const x = unhex('60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6');
  const y = unhex('7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299');
  const d = unhex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721');
  const signature = unhex('efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' + 'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8');
  const url = (bytes) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const hash = { name: 'ECDSA', hash: 'SHA-256' };
  const open = await subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: url(x), y: url(y) }, algorithm, true, ['verify']);
  equal(await subtle.verify(hash, open, signature, utf8('sample')), true);
  equal(await subtle.verify(hash, open, signature, utf8('Sample')), false);
  equal(await subtle.verify({ name: 'ECDSA', hash: 'SHA-1' }, open, signature, utf8('sample')), false);
  equal(await subtle.verify(hash, open, signature.slice(1), utf8('sample')), false);
  const own = await subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: url(x), y: url(y), d: url(d) }, algorithm, true, ['sign']);
  const made = await subtle.sign(hash, own, utf8('sample'));
  equal(made.byteLength, 64);
  equal(await subtle.verify(hash, open, made, utf8('sample')), true);
  const wrong = y.slice();
  wrong[31] ^= 1;
  await rejects(subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: url(x), y: url(wrong) }, algorithm, true, ['verify']), 'DataError');
  await rejects(subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: url(x), y: url(y), d: url(y) }, algorithm, true, ['sign']), 'DataError');
});

test('Ed448 (RFC 8032 7.4, blank and 1 octet)', async () => {
  for (const [x, d, message, signature] of [
    ['5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180',
      '6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b', '',
      '533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd39' +
      '80ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600'],
    ['43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480',
      'c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e', '03',
      '26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779' +
      '805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00'],
  ]) {
    const url = (text) => unhex(text).toBase64({ alphabet: 'base64url', omitPadding: true });
    const jwk = { kty: 'OKP', crv: 'Ed448', x: url(x), d: url(d) };
    const key = await subtle.importKey('jwk', jwk, 'Ed448', true, ['sign']);
    const check = await raw(unhex(x), 'Ed448', ['verify'], true);
    equal(hex(await subtle.sign('Ed448', key, unhex(message))), signature);
    equal(await subtle.verify('Ed448', check, unhex(signature), unhex(message)), true);
    equal(await subtle.verify('Ed448', check, unhex(signature), unhex(`${message}00`)), false);
    same((await subtle.exportKey('jwk', key)).alg, 'Ed448');
    await rejects(subtle.sign({ name: 'Ed448', context: new Uint8Array(1) }, key, unhex('')), 'NotSupportedError');
  }
});

test('X448 (RFC 7748 6.2)', async () => {
  const url = (text) => unhex(text).toBase64({ alphabet: 'base64url', omitPadding: true });
  const x = '9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0';
  const d = '9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b';
  const peer = '3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609';
  const key = await subtle.importKey('jwk', { kty: 'OKP', crv: 'X448', x: url(x), d: url(d) }, 'X448', false, ['deriveBits']);
  const other = await raw(unhex(peer), 'X448', [], true);
  equal(hex(await subtle.deriveBits({ name: 'X448', public: other }, key, null)),
    '07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d');
});
