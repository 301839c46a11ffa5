// The operations of SubtleCrypto (Web Cryptography 14.3): web/crypto.js calls them inside of async methods, with its arguments as they came.
//
// The work is done in place, in the native ops, which stop when the function's CPU limit is reached.
import { bufferFrom, bufferSource } from './bytes.js';
import curves from './curves.js';
import { dataError, invalidAccess, notSupported, operationError, syntaxError } from './errors.js';
import { openFor, readUsages } from './keys.js';
import { hasOperation, integer, normalize } from './normalize.js';
import rsa from './rsa.js';
import { aes, hkdf, hmac, pbkdf2 } from './secrets.js';

const families = {
  __proto__: null,
  'RSASSA-PKCS1-v1_5': rsa, 'RSA-PSS': rsa, 'RSA-OAEP': rsa,
  ECDSA: curves, ECDH: curves, Ed25519: curves, X25519: curves, Ed448: curves, X448: curves,
  'AES-CTR': aes, 'AES-CBC': aes, 'AES-GCM': aes, 'AES-KW': aes,
  HMAC: hmac, HKDF: hkdf, PBKDF2: pbkdf2,
};
const kFormats = ['raw', 'spki', 'pkcs8', 'jwk'];

const cryptoKey = (value, what) => {
  if (internal.keyParts(value) === undefined) throw new TypeError(`${what} is not a CryptoKey.`);
  return value;
};
const keyFormat = (value) => {
  if (!kFormats.includes(`${value}`)) throw new TypeError(`'${value}' is no key format; there are ${kFormats.join(', ')}.`);
  return `${value}`;
};
const needsType = (parts, type, what) => {
  if (type !== undefined && parts.type !== type) throw invalidAccess(`Only a ${type} key can ${what}.`);
};
const bytesOrFail = (bytes, name, what) => {
  if (bytes === undefined) throw operationError(`${name}: ${what} failed: the data does not fit the key and the parameters.`);
  return bytes;
};

function crypt(operation, algorithm, key, data) {
  const normalized = normalize(algorithm, operation);
  cryptoKey(key, 'The key');
  bufferSource(data, 'The data');
  const parts = openFor(key, normalized, operation);
  const family = families[normalized.name];
  needsType(parts, family[`${operation}er`], operation);
  return bufferFrom(bytesOrFail(family[operation](normalized, parts, data), normalized.name, operation));
}

export const encrypt = (algorithm, key, data) => crypt('encrypt', algorithm, key, data);
export const decrypt = (algorithm, key, data) => crypt('decrypt', algorithm, key, data);

export function sign(algorithm, key, data) {
  const normalized = normalize(algorithm, 'sign');
  cryptoKey(key, 'The key');
  bufferSource(data, 'The data');
  const parts = openFor(key, normalized, 'sign');
  needsType(parts, families[normalized.name].signer, 'sign');
  return bufferFrom(bytesOrFail(families[normalized.name].sign(normalized, parts, data), normalized.name, 'sign'));
}

export function verify(algorithm, key, signature, data) {
  const normalized = normalize(algorithm, 'verify');
  cryptoKey(key, 'The key');
  bufferSource(signature, 'The signature');
  bufferSource(data, 'The data');
  const parts = openFor(key, normalized, 'verify');
  needsType(parts, families[normalized.name].verifier, 'verify');
  return bytesOrFail(families[normalized.name].verify(normalized, parts, signature, data), normalized.name, 'verify');
}

export function digest(algorithm, data) {
  const { name } = normalize(algorithm, 'digest');
  return bytesOrFail(native.digest(name, bufferSource(data, 'SubtleCrypto.digest: the data')), name, 'digest');
}

// --- keys ----------------------------------------------------------------------------------------------------------------------------

export function generateKey(algorithm, extractable, keyUsages) {
  const usages = readUsages(keyUsages);
  const normalized = normalize(algorithm, 'generateKey');
  const made = families[normalized.name].generateKey(normalized, Boolean(extractable), usages);
  const secret = made.privateKey ?? made;
  if (internal.keyParts(secret).usages.length === 0) throw syntaxError(`${normalized.name}: a key that nothing may be done with is not made; name its usages.`);
  return made;
}

function importNormalized(format, data, normalized, extractable, usages) {
  const key = families[normalized.name].importKey(format, data, normalized, extractable, usages);
  const { type } = internal.keyParts(key);
  if (type !== 'public' && usages.length === 0) throw syntaxError(`${normalized.name}: a ${type} key needs usages.`);
  return key;
}

export function importKey(format, keyData, algorithm, extractable, keyUsages) {
  const wanted = keyFormat(format);
  const usages = readUsages(keyUsages);
  const isJwk = wanted === 'jwk';
  if (isJwk !== (typeof keyData === 'object' && keyData !== null && !isBytes(keyData))) {
    throw new TypeError(isJwk ? 'The key data is not a JSON Web Key.' : `The key data is not bytes, as the format '${wanted}' has it.`);
  }
  const normalized = normalize(algorithm, 'importKey');
  return importNormalized(wanted, keyData, normalized, Boolean(extractable), usages);
}

const isBytes = (value) => ArrayBuffer.isView(value) || native.kindOf(value) === 10;

export function exportKey(format, key) {
  const wanted = keyFormat(format);
  const parts = internal.keyParts(cryptoKey(key, 'The key'));
  if (!hasOperation(parts.algorithm.name, 'exportKey')) throw notSupported(`Keys of ${parts.algorithm.name} cannot be exported.`);
  if (!parts.extractable) throw invalidAccess('The key is not extractable.');
  const made = families[parts.algorithm.name].exportKey(wanted, parts);
  if (wanted === 'jwk') {
    made.key_ops = [...parts.usages];
    made.ext = true;
  }
  return made;
}

// --- derivation ----------------------------------------------------------------------------------------------------------------------

export function deriveBits(algorithm, baseKey, length = null) {
  const bits = length === null ? null : integer(length, 4294967295, 'length');
  const normalized = normalize(algorithm, 'deriveBits');
  const parts = openFor(cryptoKey(baseKey, 'The base key'), normalized, 'deriveBits');
  return bufferFrom(families[normalized.name].deriveBits(normalized, parts, bits));
}

export function deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
  const usages = readUsages(keyUsages);
  const normalized = normalize(algorithm, 'deriveBits');
  const wanted = normalize(derivedKeyType, 'importKey');
  const forLength = normalize(derivedKeyType, 'getKeyLength');
  const parts = openFor(cryptoKey(baseKey, 'The base key'), normalized, 'deriveKey');
  const length = families[forLength.name].keyLength(forLength);
  const secret = families[normalized.name].deriveBits(normalized, parts, length);
  return importNormalized('raw', secret, wanted, Boolean(extractable), usages);
}

// --- wrapping ------------------------------------------------------------------------------------------------------------------------

// Either the algorithm wraps, or it encrypts.
function forWrapping(algorithm, wrap, encrypt) {
  try {
    return [normalize(algorithm, wrap), wrap];
  } catch (error) {
    if (error?.name !== 'NotSupportedError') throw error;
    return [normalize(algorithm, encrypt), encrypt];
  }
}

export function wrapKey(format, key, wrappingKey, wrapAlgorithm) {
  const wanted = keyFormat(format);
  cryptoKey(key, 'The key');
  const [normalized, operation] = forWrapping(wrapAlgorithm, 'wrapKey', 'encrypt');
  const parts = openFor(cryptoKey(wrappingKey, 'The wrapping key'), normalized, 'wrapKey');
  const exported = exportKey(wanted, key);
  const bytes = wanted === 'jwk' ? new TextEncoder().encode(jwkText(exported, normalized)) : exported;
  const wrapped = families[normalized.name][operation](normalized, parts, bytes);
  return bufferFrom(bytesOrFail(wrapped, normalized.name, 'wrapKey'));
}

// AES-KW wraps whole blocks of eight bytes, and JSON may end in blanks (Web Cryptography, the note at step 13 of wrapKey).
function jwkText(jwk, { name }) {
  const text = JSON.stringify(jwk);
  return name === 'AES-KW' ? text.padEnd(Math.ceil(text.length / 8) * 8) : text;
}

const { apply, decode, isArray, jsonParse } = internal.trusted;
const utf8 = new TextDecoder('utf-8', { fatal: true });

function readJwk(bytes) {
  let jwk;
  try {
    jwk = jsonParse(apply(decode, utf8, [bytes]));
  } catch { /* said below */ }
  if (typeof jwk !== 'object' || jwk === null || isArray(jwk)) throw dataError('The wrapped key is not a JSON Web Key.');
  return jwk;
}

export function unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
  const wanted = keyFormat(format);
  bufferSource(wrappedKey, 'The wrapped key');
  cryptoKey(unwrappingKey, 'The unwrapping key');
  const usages = readUsages(keyUsages);
  const [normalized, operation] = forWrapping(unwrapAlgorithm, 'unwrapKey', 'decrypt');
  const made = normalize(unwrappedKeyAlgorithm, 'importKey');
  const parts = openFor(unwrappingKey, normalized, 'unwrapKey');
  const bytes = bytesOrFail(families[normalized.name][operation](normalized, parts, wrappedKey), normalized.name, 'unwrapKey');
  return importNormalized(wanted, wanted === 'jwk' ? readJwk(bytes) : bytes, made, Boolean(extractable), usages);
}
