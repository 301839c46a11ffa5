// node:crypto: what packages use of it, over the native operations of web crypto.
//
// Work is done in place, also that of the functions with a callback: there is no other thread to do it.
const { Buffer } = require('buffer');
const { Transform, Writable } = require('stream');
const { absent } = require('zts:absent');
const keys = require('zts:key_object');
const signatures = require('zts:signatures');
const { ECDH } = require('zts:ecdh');

// By the names that Node has; the native side's are those of WebCrypto, where it has one.
const kHashes = {
  __proto__: null, sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512', rmd160: 'ripemd160', ripemd: 'ripemd160',
};
for (const name of ['md5', 'sha224', 'sha512-224', 'sha512-256', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512', 'ripemd160', 'blake2b512', 'blake2s256']) kHashes[name] = name;
const failure = (message, code) => Object.assign(new Error(message), { code });
const argument = (message) => Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });

function hashNamed(name) {
  if (typeof name !== 'string') throw argument('The name of the algorithm is not a string');
  const plain = name.toLowerCase().replace(/^rsa-/, '');
  const known = kHashes[plain] ?? kHashes[plain.replace(/^sha-/, 'sha').replace(/^sha512\//, 'sha512-')];
  if (known === undefined) throw failure(`Invalid digest: ${name}; there are ${Object.keys(kHashes).join(', ')}`, 'ERR_CRYPTO_INVALID_DIGEST');
  return known;
}

function bytesOf(value, encoding, what) {
  if (typeof value === 'string') return Buffer.from(value, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value;
  throw argument(`${what} is neither a string nor bytes`);
}
const isKey = (key) => typeof key === 'object' && key !== null && (keys.KeyObject.isKeyObject(key) || internal.keyParts(key) !== undefined);
// Of a secret key, in any form.
function keyBytes(key) {
  if (!isKey(key)) return bytesOf(key, 'utf8', 'The key');
  const { type, handle } = keys.KeyObject.open(keys.KeyObject.isKeyObject(key) ? key : keys.KeyObject.from(key));
  if (type !== 'secret') throw failure(`Invalid key object type ${type}, expected secret.`, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE');
  return need(native.keyRaw(handle), 'The key cannot be read');
}

const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const encoded = (bytes, encoding) => {
  const buffer = asBuffer(bytes);
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
};
const need = (value, message, code = 'ERR_CRYPTO_OPERATION_FAILED') => {
  if (value === undefined) throw failure(message, code);
  return value;
};

// The result goes to the callback after the caller has gone on, as in Node.
function later(work, callback) {
  if (typeof callback !== 'function') throw argument('The callback is not a function');
  const result = work();
  setTimeout(callback, 0, null, result);
}

// --- hashes --------------------------------------------------------------------------------------------------------------------------

// A stream, too: what is written is hashed, and the hash is what can be read at the end.
class Digest extends Transform {
  #handle;
  constructor(handle, options) {
    super(options);
    this.#handle = need(handle, 'The hash cannot be started: too many are running');
  }
  _transform(chunk, encoding, done) {
    this.update(chunk, encoding);
    done();
  }
  _flush(done) {
    this.push(this.digest());
    done();
  }
  update(data, encoding) {
    if (this.#handle === null) throw failure('Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
    need(native.hashUpdate(this.#handle, bytesOf(data, encoding, 'The data')), 'The data cannot be hashed');
    return this;
  }
  digest(encoding) {
    if (this.#handle === null) throw failure('Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
    const bytes = need(native.hashFinal(this.#handle), 'The hash cannot be finished');
    this.#handle = null;
    return encoded(bytes, encoding);
  }
  handleCopy() {
    if (this.#handle === null) throw failure('Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
    return native.hashCopy(this.#handle);
  }
}
class Hash extends Digest {
  copy(options) { return new Hash(this.handleCopy(), options); }
}
class Hmac extends Digest {}

const createHash = (name, options) => new Hash(native.hashStart(hashNamed(name), undefined), options);
const createHmac = (name, key, options) => new Hmac(native.hashStart(hashNamed(name), keyBytes(key)), options);
// What Node exports: called with or without `new`, as createHash and createHmac are.
const exported = (Class, make) => {
  const made = { [Class.name]: function (...values) { return make(...values); } }[Class.name];
  made.prototype = Class.prototype;
  Object.defineProperty(Class.prototype, 'constructor', { value: made, writable: true, configurable: true });
  return made;
};
const hash = (name, data, encoding = 'hex') => createHash(name).update(data).digest(encoding);

// --- randomness ----------------------------------------------------------------------------------------------------------------------

const kRandomBytesMax = 2 ** 31 - 1;
function randomBytes(size, callback) {
  if (!(Number.isInteger(size) && size >= 0 && size <= kRandomBytesMax)) {
    throw Object.assign(new RangeError(`The value of "size" is out of range: ${size}`), { code: 'ERR_OUT_OF_RANGE' });
  }
  const make = () => randomFillSync(Buffer.alloc(size));
  return callback === undefined ? make() : later(make, callback);
}

function randomFillSync(target, offset = 0, size = undefined) {
  const view = ArrayBuffer.isView(target) ? new Uint8Array(target.buffer, target.byteOffset, target.byteLength) : new Uint8Array(target);
  native.randomFill(size === undefined ? view.subarray(offset) : view.subarray(offset, offset + size));
  return target;
}

function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  const range = max - min;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || !(range > 0 && range <= 2 ** 48 - 1)) {
    throw Object.assign(new RangeError('The range of randomInt is empty or too large'), { code: 'ERR_OUT_OF_RANGE' });
  }
  const draw = () => {
    // Values beyond the last whole multiple of the range would favour the small ones.
    const limit = 2 ** 48 - (2 ** 48 % range);
    const bytes = Buffer.alloc(6);
    for (;;) {
      const value = randomFillSync(bytes).readUIntBE(0, 6);
      if (value < limit) return min + (value % range);
    }
  };
  return callback === undefined ? draw() : later(draw, callback);
}

// --- derived keys --------------------------------------------------------------------------------------------------------------------

const secretOf = (value) => need(native.keySecret(keyBytes(value), false), 'The password is too long');

function pbkdf2Sync(password, salt, iterations, length, digest) {
  const bytes = native.pbkdf2(hashNamed(digest), secretOf(password), bytesOf(salt, 'utf8', 'The salt'), iterations, length);
  return asBuffer(need(bytes, 'PBKDF2: the iterations or the length are out of range'));
}
const pbkdf2 = (password, salt, iterations, length, digest, callback) =>
  later(() => pbkdf2Sync(password, salt, iterations, length, digest), callback);

function scryptSync(password, salt, length, options = {}) {
  const { N = options.cost ?? 16384, r = options.blockSize ?? 8, p = options.parallelization ?? 1 } = options;
  const bytes = native.scrypt(secretOf(password), bytesOf(salt, 'utf8', 'The salt'), N, r, p, length);
  return asBuffer(need(bytes, 'Invalid scrypt params: N is a power of two, and N * r * p at most 2^20 here', 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS'));
}
function scrypt(password, salt, length, options, callback) {
  if (typeof options === 'function') [options, callback] = [{}, options];
  later(() => scryptSync(password, salt, length, options), callback);
}

function hkdfSync(digest, key, salt, info, length) {
  const bytes = native.hkdf(hashNamed(digest), secretOf(key), bytesOf(salt, 'utf8', 'The salt'), bytesOf(info, 'utf8', 'The info'), length);
  return need(bytes, 'Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN').buffer;
}
const hkdf = (digest, key, salt, info, length, callback) => later(() => hkdfSync(digest, key, salt, info, length), callback);

// --- ciphers -------------------------------------------------------------------------------------------------------------------------

const kCipherBits = [128, 192, 256];
const kModes = ['cbc', 'ctr', 'gcm'];

function cipherNamed(name) {
  const [, bits, mode = bits && 'cbc'] = /^(?:id-)?aes-?(128|192|256)(?:-(cbc|ctr|gcm))?$/i.exec(name) ?? [];
  if (mode === undefined) throw failure(`Unknown cipher: ${name}; there are aes-128, -192 and -256 in the modes cbc, ctr and gcm`, 'ERR_CRYPTO_UNKNOWN_CIPHER');
  return { bytes: Number(bits) / 8, mode: mode.toLowerCase() };
}

class CipherBase extends Transform {
  #handle;
  #encrypt;
  #mode;
  #tag = null;
  #ended = false;
  constructor(encrypt, name, key, iv, options = {}) {
    super(options);
    const cipher = cipherNamed(name);
    const secret = keyBytes(key);
    const start = bytesOf(iv, 'utf8', 'The iv');
    if (secret.byteLength !== cipher.bytes) throw failure('Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN');
    if (cipher.mode !== 'gcm' && start.byteLength !== 16) throw failure('Invalid initialization vector', 'ERR_CRYPTO_INVALID_IV');
    this.#encrypt = encrypt;
    this.#mode = cipher.mode;
    this.#handle = need(native.cipherStart(cipher.mode, encrypt, secret, start, options.authTagLength ?? 16), 'Invalid initialization vector', 'ERR_CRYPTO_INVALID_IV');
  }
  _transform(chunk, encoding, done) {
    this.push(this.update(chunk, encoding));
    done();
  }
  _flush(done) {
    try {
      this.push(this.final());
      done();
    } catch (error) {
      done(error);
    }
  }
  update(data, inputEncoding, outputEncoding) {
    if (this.#ended) throw failure('Unsupported state', 'ERR_CRYPTO_INVALID_STATE');
    const bytes = native.cipherUpdate(this.#handle, bytesOf(data, inputEncoding, 'The data'));
    return encoded(need(bytes, 'The data cannot be processed'), outputEncoding);
  }
  final(outputEncoding) {
    if (this.#ended) throw failure('Unsupported state', 'ERR_CRYPTO_INVALID_STATE');
    this.#ended = true;
    if (this.#mode === 'gcm' && !this.#encrypt && this.#tag === null) throw new Error('Unsupported state or unable to authenticate data');
    const bytes = native.cipherFinal(this.#handle);
    if (bytes === undefined) throw new Error(this.#mode === 'gcm' ? 'Unsupported state or unable to authenticate data' : 'bad decrypt');
    if (this.#mode === 'gcm' && this.#encrypt) this.#tag = native.cipherTag(this.#handle);
    return encoded(bytes, outputEncoding);
  }
  setAutoPadding(on = true) {
    need(native.cipherPadding(this.#handle, Boolean(on)), 'Unsupported state');
    return this;
  }
  setAAD(data) {
    need(native.cipherExtra(this.#handle, bytesOf(data, 'utf8', 'The data')), 'Unsupported state');
    return this;
  }
  getAuthTag() {
    if (this.#tag === null || !this.#encrypt) throw failure('Invalid state for operation getAuthTag', 'ERR_CRYPTO_INVALID_STATE');
    return asBuffer(this.#tag);
  }
  setAuthTag(tag, encoding) {
    const bytes = bytesOf(tag, encoding, 'The tag');
    if (this.#encrypt || this.#mode !== 'gcm') throw failure('Invalid state for operation setAuthTag', 'ERR_CRYPTO_INVALID_STATE');
    this.#tag = bytes;
    need(native.cipherTag(this.#handle, bytes), `Invalid authentication tag length: ${bytes.byteLength}`, 'ERR_CRYPTO_INVALID_AUTH_TAG');
    return this;
  }
}
class Cipheriv extends CipherBase {
  constructor(name, key, iv, options) { super(true, name, key, iv, options); }
}
class Decipheriv extends CipherBase {
  constructor(name, key, iv, options) { super(false, name, key, iv, options); }
}

function timingSafeEqual(a, b) {
  const equal = native.timingSafeEqual(bytesOf(a, 'utf8', 'The first argument'), bytesOf(b, 'utf8', 'The second argument'));
  if (equal === undefined) throw Object.assign(new RangeError('Input buffers must have the same byte length'), { code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH' });
  return equal;
}

// --- signatures ----------------------------------------------------------------------------------------------------------------------

// What is signed is kept until then: the native side takes it whole.
class Signing extends Writable {
  #pieces = [];
  constructor(name, options) {
    super(options);
    this.hash = hashNamed(name);
  }
  update(data, encoding) {
    this.#pieces.push(Buffer.from(bytesOf(data, encoding, 'The data')));
    return this;
  }
  _write(chunk, encoding, done) {
    this.update(chunk, encoding);
    done();
  }
  data() { return Buffer.concat(this.#pieces); }
}
class Sign extends Signing {
  sign(key, encoding) { return encoded(signatures.signWith(this.hash, this.data(), key), encoding); }
}
class Verify extends Signing {
  verify(key, signature, encoding) { return signatures.verifyWith(this.hash, this.data(), key, bytesOf(signature, encoding, 'The signature')); }
}

// The name of the hash is null where the key decides (Ed25519).
const hashOrNone = (name) => (name == null ? 'SHA-256' : hashNamed(name));
function sign(name, data, key, callback) {
  const work = () => signatures.signWith(hashOrNone(name), bytesOf(data, undefined, 'The data'), key);
  return callback === undefined ? work() : later(work, callback);
}
function verify(name, data, key, signature, callback) {
  const work = () => signatures.verifyWith(hashOrNone(name), bytesOf(data, undefined, 'The data'), key, bytesOf(signature, undefined, 'The signature'));
  return callback === undefined ? work() : later(work, callback);
}

function diffieHellman({ privateKey, publicKey }) {
  const secret = native.agree(keys.privateKeyOf(privateKey).handle, keys.publicKeyOf(publicKey).handle);
  return asBuffer(need(secret, 'The keys are not of one curve', 'ERR_CRYPTO_INCOMPATIBLE_KEY'));
}

const { generateKeyPairSync, generateKeySync } = keys;
function generateKeyPair(name, options, callback) {
  if (typeof options === 'function') [options, callback] = [undefined, options];
  later(() => generateKeyPairSync(name, options), (error, pair) => callback(error, pair?.publicKey, pair?.privateKey));
}
Object.defineProperty(generateKeyPair, Symbol.for('nodejs.util.promisify.custom'), { value: async (name, options) => generateKeyPairSync(name, options) });
const generateKey = (name, options, callback) => later(() => generateKeySync(name, options), callback);

const kCipherNames = kCipherBits.flatMap((bits) => kModes.map((mode) => `aes-${bits}-${mode}`));
function getCipherInfo(name) {
  if (!kCipherNames.includes(`${name}`.toLowerCase())) return undefined;
  const { bytes, mode } = cipherNamed(name);
  return { name: name.toLowerCase(), mode, keyLength: bytes, ivLength: mode === 'gcm' ? 12 : 16, ...(mode === 'cbc' && { blockSize: 16 }) };
}

const own = {
  Hash: exported(Hash, createHash), Hmac: exported(Hmac, createHmac), createHash, createHmac, hash,
  getHashes: () => Object.keys(kHashes).filter((name) => !['ripemd', 'rmd160'].includes(name)).flatMap((name) => [`RSA-${name.toUpperCase()}`, name]).sort(),
  randomBytes, randomFillSync, randomFill: (target, callback) => later(() => randomFillSync(target), callback), randomInt,
  pseudoRandomBytes: randomBytes, randomUUID: () => native.randomUuid(), getRandomValues: (view) => globalThis.crypto.getRandomValues(view),
  pbkdf2, pbkdf2Sync, scrypt, scryptSync, hkdf, hkdfSync,
  Cipheriv, Decipheriv, createCipheriv: (...values) => new Cipheriv(...values), createDecipheriv: (...values) => new Decipheriv(...values),
  getCiphers: () => [...kCipherNames], getCipherInfo, getCurves: () => ['prime256v1', 'secp384r1', 'secp521r1'], getFips: () => 0,
  Sign, Verify, createSign: (name, options) => new Sign(name, options), createVerify: (name, options) => new Verify(name, options), sign, verify,
  KeyObject: keys.KeyObject, createSecretKey: keys.createSecretKey, createPrivateKey: keys.createPrivateKey, createPublicKey: keys.createPublicKey,
  ECDH, createECDH: (curve) => new ECDH(curve), diffieHellman,
  generateKeyPair, generateKeyPairSync, generateKey, generateKeySync,
  publicEncrypt: (key, data) => signatures.publicEncrypt(key, data, hashNamed), privateDecrypt: (key, data) => signatures.privateDecrypt(key, data, hashNamed),
  timingSafeEqual, webcrypto: globalThis.crypto, subtle: globalThis.crypto.subtle,
};
const nodes = absent('crypto');
module.exports = { ...nodes, ...own, constants: { ...nodes.constants, ...signatures.constants } };
