// Keys of crypto.subtle: generating, importing, exporting, wrapping, and what is refused by which name (Web Cryptography 14, 18, 20 to 33).

const { subtle } = crypto;
const hex = (buffer) => new Uint8Array(buffer).toHex();
const data = new TextEncoder().encode('attack at dawn');
const exponent = new Uint8Array([1, 0, 1]);

const kSigners = [
  [{ name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: exponent, hash: 'SHA-256' }, { name: 'RSASSA-PKCS1-v1_5' }, 128],
  [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: exponent, hash: 'SHA-384' }, { name: 'RSA-PSS', saltLength: 20 }, 128],
  [{ name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }, 64],
  [{ name: 'ECDSA', namedCurve: 'P-384' }, { name: 'ECDSA', hash: 'SHA-384' }, 96],
  [{ name: 'ECDSA', namedCurve: 'P-521' }, { name: 'ECDSA', hash: 'SHA-512' }, 132],
  [{ name: 'Ed25519' }, 'Ed25519', 64],
  [{ name: 'Ed448' }, 'Ed448', 114],
];

test('pairs that sign: made, exported, imported, used both ways', async () => {
  for (const [made, used, size] of kSigners) {
    const note = JSON.stringify(made);
    const { publicKey, privateKey } = await subtle.generateKey(made, true, ['sign', 'verify']);
    same([publicKey.type, privateKey.type, publicKey.extractable, publicKey.usages, privateKey.usages],
      ['public', 'private', true, ['verify'], ['sign']], note);
    const signature = await subtle.sign(used, privateKey, data);
    equal(signature.byteLength, size, note);
    for (const format of ['spki', 'jwk', ...(made.name.startsWith('RSA') ? [] : ['raw'])]) {
      const copy = await subtle.importKey(format, await subtle.exportKey(format, publicKey), made, true, ['verify']);
      equal(await subtle.verify(used, copy, signature, data), true, `${note} ${format}`);
      equal(await subtle.verify(used, copy, signature, data.slice(1)), false, note);
    }
    for (const format of ['pkcs8', 'jwk']) {
      const copy = await subtle.importKey(format, await subtle.exportKey(format, privateKey), made, true, ['sign']);
      equal(await subtle.verify(used, publicKey, await subtle.sign(used, copy, data), data), true, `${note} ${format}`);
      same(await subtle.exportKey('jwk', copy), await subtle.exportKey('jwk', privateKey), note);
    }
    await rejects(subtle.sign(used, publicKey, data), 'InvalidAccessError', note);
    await rejects(subtle.exportKey('pkcs8', publicKey), 'InvalidAccessError', note);
    await rejects(subtle.exportKey('spki', privateKey), 'InvalidAccessError', note);
  }
});

test('RSA-OAEP, with and without a label', async () => {
  const made = { name: 'RSA-OAEP', modulusLength: 1024, publicExponent: exponent, hash: 'SHA-1' };
  const { publicKey, privateKey } = await subtle.generateKey(made, false, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);
  for (const label of [undefined, new Uint8Array([1, 2])]) {
    const sealed = await subtle.encrypt({ name: 'RSA-OAEP', label }, publicKey, data);
    equal(sealed.byteLength, 128);
    equal(hex(await subtle.decrypt({ name: 'RSA-OAEP', label }, privateKey, sealed)), hex(data));
    await rejects(subtle.decrypt({ name: 'RSA-OAEP', label: new Uint8Array(3) }, privateKey, sealed), 'OperationError');
  }
  await rejects(subtle.encrypt('RSA-OAEP', publicKey, new Uint8Array(87)), 'OperationError');
  const secret = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
  const wrapped = await subtle.wrapKey('raw', secret, publicKey, 'RSA-OAEP');
  const back = await subtle.unwrapKey('raw', wrapped, privateKey, 'RSA-OAEP', 'AES-GCM', true, ['encrypt']);
  equal(hex(await subtle.exportKey('raw', back)), hex(await subtle.exportKey('raw', secret)));
});

test('agreement: both sides have the same secret, and keys from it', async () => {
  for (const made of [{ name: 'ECDH', namedCurve: 'P-256' }, { name: 'ECDH', namedCurve: 'P-384' }, { name: 'ECDH', namedCurve: 'P-521' }, { name: 'X25519' }]) {
    const [a, b] = [await subtle.generateKey(made, true, ['deriveBits', 'deriveKey']), await subtle.generateKey(made, true, ['deriveBits', 'deriveKey'])];
    const one = await subtle.deriveBits({ name: made.name, public: b.publicKey }, a.privateKey, 256);
    equal(hex(one), hex(await subtle.deriveBits({ name: made.name, public: a.publicKey }, b.privateKey, 256)), made.namedCurve);
    const key = await subtle.deriveKey({ name: made.name, public: b.publicKey }, a.privateKey, { name: 'AES-GCM', length: 256 }, true, ['encrypt']);
    equal(hex(await subtle.exportKey('raw', key)), hex(one));
    await rejects(subtle.deriveBits({ name: made.name, public: b.publicKey }, a.privateKey, 8192), 'OperationError');
    await rejects(subtle.deriveBits({ name: made.name, public: b.privateKey }, a.privateKey, 256), 'InvalidAccessError');
    await rejects(subtle.deriveBits({ name: made.name, public: {} }, a.privateKey, 256), TypeError);
    const again = await subtle.importKey('jwk', await subtle.exportKey('jwk', a.privateKey), made, false, ['deriveBits']);
    equal(hex(await subtle.deriveBits({ name: made.name, public: b.publicKey }, again, 256)), hex(one));
  }
  const p256 = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']);
  const p384 = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveBits']);
  await rejects(subtle.deriveBits({ name: 'ECDH', public: p384.publicKey }, p256.privateKey, 256), 'InvalidAccessError');
});

test('secret keys: generated with the right length, exported in both forms', async () => {
  for (const [made, usages, size, alg] of [
    [{ name: 'AES-CBC', length: 128 }, ['encrypt'], 16, 'A128CBC'], [{ name: 'AES-CTR', length: 192 }, ['decrypt'], 24, 'A192CTR'],
    [{ name: 'AES-GCM', length: 256 }, ['wrapKey'], 32, 'A256GCM'], [{ name: 'AES-KW', length: 256 }, ['unwrapKey'], 32, 'A256KW'],
    [{ name: 'HMAC', hash: 'SHA-1' }, ['sign'], 64, 'HS1'], [{ name: 'HMAC', hash: 'SHA-512' }, ['verify'], 128, 'HS512'],
    [{ name: 'HMAC', hash: 'SHA-256', length: 160 }, ['sign'], 20, 'HS256'],
  ]) {
    const key = await subtle.generateKey(made, true, usages);
    const bytes = await subtle.exportKey('raw', key);
    equal(bytes.byteLength, size);
    ok(new Set(new Uint8Array(bytes)).size > 4);
    const jwk = await subtle.exportKey('jwk', key);
    same([jwk.kty, jwk.alg, jwk.key_ops, jwk.ext], ['oct', alg, usages, true]);
    const copy = await subtle.importKey('jwk', jwk, made, true, usages);
    equal(hex(await subtle.exportKey('raw', copy)), hex(bytes));
    same(copy.algorithm, key.algorithm);
  }
});

test('wrapping as JWK keeps what the key may do', async () => {
  const wrapping = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['wrapKey', 'unwrapKey']);
  const how = { name: 'AES-GCM', iv: new Uint8Array(12) };
  const { privateKey, publicKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const wrapped = await subtle.wrapKey('jwk', privateKey, wrapping, how);
  const back = await subtle.unwrapKey('jwk', wrapped, wrapping, how, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  equal(back.extractable, false);
  const signature = await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, back, data);
  equal(await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, publicKey, signature, data), true);
  await rejects(subtle.exportKey('jwk', back), 'InvalidAccessError');
  await rejects(subtle.wrapKey('jwk', back, wrapping, how), 'InvalidAccessError');
  await rejects(subtle.encrypt(how, wrapping, data), 'InvalidAccessError');
});

test('what is refused, by the name the standard gives it', async () => {
  await rejects(subtle.generateKey({ name: 'AES-GCM', length: 100 }, true, ['encrypt']), 'OperationError');
  await rejects(subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, []), 'SyntaxError');
  await rejects(subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['sign']), 'SyntaxError');
  await rejects(subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['frobnicate']), TypeError);
  await rejects(subtle.generateKey({ name: 'AES-GCM' }, true, ['encrypt']), TypeError);
  await rejects(subtle.generateKey({ name: 'AES-GCM', length: -1 }, true, ['encrypt']), TypeError);
  await rejects(subtle.generateKey('AES-XTS', true, ['encrypt']), 'NotSupportedError');
  await rejects(subtle.generateKey({}, true, ['encrypt']), TypeError);
  await rejects(subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-192' }, true, ['sign']), 'NotSupportedError');
  await rejects(subtle.generateKey({ name: 'RSA-PSS', modulusLength: 1024, publicExponent: exponent, hash: 'MD5' }, true, ['sign']), 'NotSupportedError');
  await rejects(subtle.generateKey({ name: 'RSA-PSS', modulusLength: 65536, publicExponent: exponent, hash: 'SHA-1' }, true, ['sign']), 'OperationError');
  await rejects(subtle.generateKey({ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([2]), hash: 'SHA-1' }, true, ['sign']), 'OperationError');
  await rejects(subtle.importKey('raw', new Uint8Array(15), 'AES-GCM', true, ['encrypt']), 'DataError');
  await rejects(subtle.importKey('spki', new Uint8Array(16), 'AES-GCM', true, ['encrypt']), 'NotSupportedError');
  await rejects(subtle.importKey('raw', {}, 'AES-GCM', true, ['encrypt']), TypeError);
  await rejects(subtle.importKey('jwk', new Uint8Array(16), 'AES-GCM', true, ['encrypt']), TypeError);
  await rejects(subtle.importKey('pem', new Uint8Array(16), 'AES-GCM', true, ['encrypt']), TypeError);
  await rejects(subtle.importKey('raw', new Uint8Array(16), 'HKDF', true, ['deriveBits']), 'SyntaxError');
  await rejects(subtle.importKey('raw', new Uint8Array(0), { name: 'HMAC', hash: 'SHA-1' }, true, ['sign']), 'DataError');
  await rejects(subtle.importKey('jwk', { kty: 'oct', k: 'a+b/' }, 'AES-GCM', true, ['encrypt']), 'DataError');
  await rejects(subtle.importKey('jwk', { kty: 'RSA', k: 'AAAA' }, 'AES-GCM', true, ['encrypt']), 'DataError');
  const jwk = { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAA' };
  await rejects(subtle.importKey('jwk', { ...jwk, ext: false }, 'AES-GCM', true, ['encrypt']), 'DataError');
  await rejects(subtle.importKey('jwk', { ...jwk, key_ops: ['decrypt'] }, 'AES-GCM', true, ['encrypt']), 'DataError');
  await rejects(subtle.importKey('jwk', { ...jwk, alg: 'A256GCM' }, 'AES-GCM', true, ['encrypt']), 'DataError');
  await rejects(subtle.importKey('jwk', { ...jwk, use: 'sig' }, 'AES-GCM', true, ['encrypt']), 'DataError');
  const key = await subtle.importKey('jwk', jwk, 'AES-GCM', false, ['encrypt']);
  await rejects(subtle.exportKey('raw', key), 'InvalidAccessError');
  await rejects(subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, key, data), 'InvalidAccessError');
  await rejects(subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, key, data), 'InvalidAccessError');
  await rejects(subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, {}, data), TypeError);
  await rejects(subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, key, 'text'), TypeError);
  const password = await subtle.importKey('raw', data, 'PBKDF2', false, ['deriveBits']);
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-1', salt: data, iterations: 1 };
  await rejects(subtle.deriveBits(pbkdf2, password, 9), 'OperationError');
  await rejects(subtle.deriveBits(pbkdf2, password), 'OperationError');
  await rejects(subtle.deriveBits({ ...pbkdf2, iterations: 0 }, password, 8), 'OperationError');
  await rejects(subtle.deriveKey(pbkdf2, password, { name: 'AES-GCM', length: 128 }, true, ['encrypt']), 'InvalidAccessError');
  await rejects(subtle.exportKey('raw', password), 'NotSupportedError');
});

test('DER is read whole, and only what it says', async () => {
  const { publicKey, privateKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const [spki, pkcs8] = [new Uint8Array(await subtle.exportKey('spki', publicKey)), new Uint8Array(await subtle.exportKey('pkcs8', privateKey))];
  const read = (format, bytes, namedCurve = 'P-256') =>
    subtle.importKey(format, bytes, { name: 'ECDSA', namedCurve }, true, format === 'spki' ? ['verify'] : ['sign']);
  for (let size = 0; size < spki.length; size += 7) await rejects(read('spki', spki.subarray(0, size)), 'DataError', size);
  for (let size = 0; size < pkcs8.length; size += 7) await rejects(read('pkcs8', pkcs8.subarray(0, size)), 'DataError', size);
  await rejects(read('spki', new Uint8Array([...spki, 0])), 'DataError');
  await rejects(read('pkcs8', new Uint8Array([...pkcs8, 0])), 'DataError');
  await rejects(read('spki', spki, 'P-384'), 'DataError');
  await rejects(read('spki', pkcs8), 'DataError');
  await rejects(subtle.importKey('spki', spki, { name: 'RSA-PSS', hash: 'SHA-1' }, true, ['verify']), 'DataError');
});

test('CryptoKey: what it shows, and copies of it', async () => {
  checkInterface('CryptoKey', 0, ['type', 'extractable', 'algorithm', 'usages']);
  checkInterface('SubtleCrypto', 0, ['encrypt', 'decrypt', 'sign', 'verify', 'digest', 'generateKey', 'deriveKey', 'deriveBits', 'importKey',
    'exportKey', 'wrapKey', 'unwrapKey']);
  throws(() => new CryptoKey(), TypeError);
  const key = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['verify', 'sign']);
  same(key.algorithm, { name: 'HMAC', hash: { name: 'SHA-256' }, length: 512 });
  equal(key.algorithm, key.algorithm);
  same(key.usages, ['sign', 'verify']);
  key.algorithm.name = 'AES-GCM';
  key.usages.length = 0;
  const mac = await subtle.sign('HMAC', key, data);
  const copy = structuredClone({ key }).key;
  ok(copy !== key && copy instanceof CryptoKey);
  same([copy.type, copy.extractable, copy.algorithm.name], ['secret', false, 'HMAC']);
  equal(await subtle.verify('HMAC', copy, mac, data), true);
  same(Reflect.ownKeys(key), []);
});

test('an unextractable key cannot be reached through replaced built-ins', async () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const wrapping = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['wrapKey', 'unwrapKey']);
  const how = { name: 'AES-GCM', iv: new Uint8Array(12) };
  const wrapped = await subtle.wrapKey('jwk', await subtle.importKey('raw', secret, 'AES-GCM', true, ['encrypt']), wrapping, how);
  const seen = [];
  const saved = [];
  const spy = (object, name) => {
    const original = object[name];
    saved.push(() => { object[name] = original; });
    object[name] = function (...values) {
      seen.push(this, ...values);
      return Reflect.apply(original, this, values);
    };
  };
  spy(JSON, 'parse');
  spy(Array, 'isArray');
  spy(Uint8Array, 'fromBase64');
  spy(Array.prototype, 'map');
  spy(RegExp.prototype, 'test');
  spy(TextDecoder.prototype, 'decode');
  const key = await subtle.unwrapKey('jwk', wrapped, wrapping, how, 'AES-GCM', false, ['encrypt']);
  for (const restore of saved) restore();
  equal(key.type, 'secret');
  const k = secret.toBase64({ alphabet: 'base64url', omitPadding: true });
  for (const value of seen) ok(!String(value?.k ?? value).includes(k) && !(value instanceof ArrayBuffer), 'a spy has seen the key');
});

test('AES-KW wraps a JSON Web Key of any length', async () => {
  const { subtle } = crypto;
  const wrapping = await subtle.generateKey({ name: 'AES-KW', length: 128 }, true, ['wrapKey', 'unwrapKey']);
  const kinds = [[{ name: 'HMAC', hash: 'SHA-256', length: 8 }, ['sign']], [{ name: 'HMAC', hash: 'SHA-256', length: 72 }, ['sign']], [{ name: 'AES-GCM', length: 256 }, ['encrypt']],
                 [{ name: 'ECDSA', namedCurve: 'P-521' }, ['sign', 'verify']]];
  for (const [algorithm, usages] of kinds) {
    const made = await subtle.generateKey(algorithm, true, usages);
    const key = made.privateKey ?? made;
    const wrapped = await subtle.wrapKey('jwk', key, wrapping, 'AES-KW');
    const again = await subtle.unwrapKey('jwk', wrapped, wrapping, 'AES-KW', algorithm, true, key.usages);
    same(await subtle.exportKey('jwk', again), await subtle.exportKey('jwk', key));
  }
});
