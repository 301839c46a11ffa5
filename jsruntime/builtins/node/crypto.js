// node:crypto: what packages use of it, over the native operations of web crypto.
//
// Work is done in place, also that of the functions with a callback: there is no other thread to do it.
const { Buffer } = require('buffer');
const { Writable } = require('stream');
const { absent } = require('zts:absent');
const keys = require('zts:key_object');
const signatures = require('zts:signatures');
const { ECDH } = require('zts:ecdh');

const lib = require('zts:lib_crypto');
const { asBuffer, encoded, hashNamed: knownHash } = require('zts:crypto_binding');

const failure = (message, code) => Object.assign(new Error(message), { code });
const argument = (message) => Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });

function hashNamed(name) {
  if (typeof name !== 'string') throw argument('The name of the algorithm is not a string');
  return knownHash(name);
}

function bytesOf(value, encoding, what) {
  if (typeof value === 'string') return Buffer.from(value, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value;
  throw argument(`${what} is neither a string nor bytes`);
}
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

const unique = (names) => [...new Map(names.map((name) => [name.toLowerCase(), name])).values()].sort();

const nodes = absent('crypto');
// Of Node's own files what is public, and does not stand on what is not here.
const kOthers = ['privateDecrypt', 'privateEncrypt', 'publicDecrypt', 'publicEncrypt'];
const shown = Object.fromEntries(Object.entries(lib).filter(([name]) => name in nodes && !kOthers.includes(name)));

const rsa = (name) => (key, data) => signatures[name](key, data, hashNamed, bytesOf);

const own = {
  ...shown, createHash: (name, options) => new lib.Hash(name, options), createHmac: (name, key, options) => new lib.Hmac(name, key, options),
  createCipheriv: (name, key, iv, options) => new lib.Cipheriv(name, key, iv, options),
  createDecipheriv: (name, key, iv, options) => new lib.Decipheriv(name, key, iv, options),
  getHashes: () => unique(native.hashNames()), getCiphers: () => unique(native.cipherNames().map((name) => name.toLowerCase())),
  getCurves: () => ['prime256v1', 'secp384r1', 'secp521r1'], getFips: () => 0,
  pseudoRandomBytes: lib.randomBytes, getRandomValues: (view) => globalThis.crypto.getRandomValues(view),
  Sign, Verify, createSign: (name, options) => new Sign(name, options), createVerify: (name, options) => new Verify(name, options), sign, verify,
  KeyObject: keys.KeyObject, createSecretKey: keys.createSecretKey, createPrivateKey: keys.createPrivateKey, createPublicKey: keys.createPublicKey,
  ECDH, createECDH: (curve) => new ECDH(curve), diffieHellman,
  generateKeyPair, generateKeyPairSync, generateKey, generateKeySync,
  publicEncrypt: rsa('publicEncrypt'), privateDecrypt: rsa('privateDecrypt'), privateEncrypt: rsa('privateEncrypt'), publicDecrypt: rsa('publicDecrypt'),
  timingSafeEqual, webcrypto: globalThis.crypto, subtle: globalThis.crypto.subtle,
};
module.exports = { ...nodes, ...own, constants: { ...nodes.constants, ...signatures.constants } };
