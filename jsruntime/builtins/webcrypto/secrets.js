// Keys that are bytes: AES in its four modes (Web Cryptography 27 to 30), HMAC (31), HKDF (32), PBKDF2 (33).
import { bufferFrom, fromUrl, toUrl } from './bytes.js';
import { dataError, operationError, syntaxError } from './errors.js';
import { allowUsages, checkJwk, makeKey, wrongFormat } from './keys.js';

const kAesBits = [128, 192, 256];
const kBlockBits = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 };
const kHmacNames = { 'SHA-1': 'HS1', 'SHA-256': 'HS256', 'SHA-384': 'HS384', 'SHA-512': 'HS512' };

const aesUsages = (name) => (name === 'AES-KW' ? ['wrapKey', 'unwrapKey'] : ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);
const aesJwkName = (name, bits) => `A${bits}${name.slice(4)}`;

function exportSecret(format, { algorithm, handle }, alg) {
  if (format === 'raw') return bufferFrom(native.keyRaw(handle));
  if (format === 'jwk') return { kty: 'oct', k: toUrl(native.keyRaw(handle)), alg };
  throw wrongFormat(format, algorithm.name);
}

// --- AES -----------------------------------------------------------------------------------------------------------------------------

function generateAes(algorithm, extractable, usages) {
  allowUsages(usages, aesUsages(algorithm.name), algorithm.name);
  if (!kAesBits.includes(algorithm.length)) throw operationError(`${algorithm.name}: a key has ${kAesBits.join(', ')} bits, not ${algorithm.length}.`);
  const made = { name: algorithm.name, length: algorithm.length };
  return makeKey('secret', extractable, made, usages, native.keyRandom(algorithm.length / 8, extractable), operationError);
}

function importAes(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  allowUsages(usages, aesUsages(name), name);
  if (format !== 'raw' && format !== 'jwk') throw wrongFormat(format, name);
  if (format === 'jwk') checkJwk(data, 'oct', 'enc', extractable, usages);
  const handle = native.keySecret(format === 'raw' ? data : fromUrl(data.k, 'k'), extractable);
  const length = handle === undefined ? 0 : native.keyBits(handle);
  if (!kAesBits.includes(length)) throw dataError(`${name}: a key has ${kAesBits.join(', ')} bits, not ${length}.`);
  if (format === 'jwk' && data.alg !== undefined && data.alg !== aesJwkName(name, length)) {
    throw dataError(`JWK: "alg" is not "${aesJwkName(name, length)}".`);
  }
  return makeKey('secret', extractable, { name, length }, usages, handle);
}

function aesLength(algorithm) {
  if (!kAesBits.includes(algorithm.length)) throw operationError(`${algorithm.name}: a key has ${kAesBits.join(', ')} bits, not ${algorithm.length}.`);
  return algorithm.length;
}

function aesCipher(encrypt, algorithm, { handle }, data) {
  const sized = (bytes, wanted, what) => {
    if (bytes.byteLength !== wanted) throw operationError(`${algorithm.name}: ${what} has ${bytes.byteLength} bytes, not ${wanted}.`);
  };
  if (algorithm.name === 'AES-CBC') {
    sized(algorithm.iv, 16, 'iv');
    return native.aes('cbc', encrypt, handle, algorithm.iv, data);
  }
  if (algorithm.name === 'AES-CTR') {
    sized(algorithm.counter, 16, 'counter');
    if (algorithm.length === 0 || algorithm.length > 128) throw operationError('AES-CTR: length is not a number of 1 to 128 bits.');
    return native.aes('ctr', encrypt, handle, algorithm.counter, data, algorithm.length);
  }
  if (algorithm.name === 'AES-KW') return native.aes('kw', encrypt, handle, undefined, data);
  const tag = algorithm.tagLength ?? 128;
  if (![32, 64, 96, 104, 112, 120, 128].includes(tag)) throw operationError(`AES-GCM: ${tag} bits are no length of a tag.`);
  return native.aes('gcm', encrypt, handle, algorithm.iv, data, tag / 8, algorithm.additionalData);
}

const encryptAes = (algorithm, key, data) => aesCipher(true, algorithm, key, data);
const decryptAes = (algorithm, key, data) => aesCipher(false, algorithm, key, data);

export const aes = {
  generateKey: generateAes,
  importKey: importAes,
  exportKey: (format, parts) => exportSecret(format, parts, aesJwkName(parts.algorithm.name, parts.algorithm.length)),
  keyLength: aesLength,
  encrypt: encryptAes,
  decrypt: decryptAes,
  wrapKey: encryptAes,
  unwrapKey: decryptAes,
};

// --- HMAC ----------------------------------------------------------------------------------------------------------------------------

const hmacAlgorithm = (algorithm, length) => ({ name: 'HMAC', hash: { name: algorithm.hash.name }, length });

function generateHmac(algorithm, extractable, usages) {
  allowUsages(usages, ['sign', 'verify'], 'HMAC');
  const length = hmacLength(algorithm);
  const handle = native.keyRandom(Math.ceil(length / 8), extractable);
  return makeKey('secret', extractable, hmacAlgorithm(algorithm, length), usages, handle, operationError);
}

function hmacLength(algorithm) {
  if (algorithm.length === 0) throw operationError('HMAC: a key of no bits cannot be made.');
  return algorithm.length ?? kBlockBits[algorithm.hash.name];
}

function importHmac(format, data, algorithm, extractable, usages) {
  allowUsages(usages, ['sign', 'verify'], 'HMAC');
  if (format !== 'raw' && format !== 'jwk') throw wrongFormat(format, 'HMAC');
  if (format === 'jwk') {
    checkJwk(data, 'oct', 'sig', extractable, usages);
    const name = kHmacNames[algorithm.hash.name];
    if (data.alg !== undefined && data.alg !== name) throw dataError(`JWK: "alg" is not "${name}".`);
  }
  const handle = native.keySecret(format === 'raw' ? data : fromUrl(data.k, 'k'), extractable);
  const bits = handle === undefined ? 0 : native.keyBits(handle);
  if (bits === 0) throw dataError('HMAC: the key is empty or longer than a megabyte.');
  const { length = bits } = algorithm;
  if (length > bits || length <= bits - 8) throw dataError(`HMAC: the key has ${bits} bits, not ${length}.`);
  return makeKey('secret', extractable, hmacAlgorithm(algorithm, length), usages, handle);
}

export const hmac = {
  generateKey: generateHmac,
  importKey: importHmac,
  exportKey: (format, parts) => exportSecret(format, parts, kHmacNames[parts.algorithm.hash.name]),
  keyLength: hmacLength,
  sign: (algorithm, { handle, algorithm: { hash } }, data) => native.sign(4, handle, hash.name, 0, data),
  verify: (algorithm, { handle, algorithm: { hash } }, signature, data) => native.verify(4, handle, hash.name, 0, signature, data),
};

// --- HKDF, PBKDF2 --------------------------------------------------------------------------------------------------------------------

function importSource(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  if (format !== 'raw') throw wrongFormat(format, name);
  allowUsages(usages, ['deriveKey', 'deriveBits'], name);
  if (extractable) throw syntaxError(`${name}: a key that others are derived from cannot be extractable.`);
  return makeKey('secret', false, { name }, usages, native.keySecret(data, false));
}

function wholeBytes(algorithm, length) {
  if (length === null || length % 8 !== 0) throw operationError(`${algorithm.name}: the length is a number of bits, and a multiple of 8.`);
  return length / 8;
}

const derive = (algorithm, bytes) => {
  if (bytes === undefined) throw operationError(`${algorithm.name}: this much cannot be derived.`);
  return bytes;
};

function deriveHkdf(algorithm, { handle }, length) {
  const size = wholeBytes(algorithm, length);
  return derive(algorithm, native.hkdf(algorithm.hash.name, handle, algorithm.salt, algorithm.info, size));
}

function derivePbkdf2(algorithm, { handle }, length) {
  const size = wholeBytes(algorithm, length);
  if (algorithm.iterations === 0) throw operationError('PBKDF2: there is at least one iteration.');
  return derive(algorithm, native.pbkdf2(algorithm.hash.name, handle, algorithm.salt, algorithm.iterations, size));
}

export const hkdf = { importKey: importSource, keyLength: () => null, deriveBits: deriveHkdf };
export const pbkdf2 = { importKey: importSource, keyLength: () => null, deriveBits: derivePbkdf2 };
