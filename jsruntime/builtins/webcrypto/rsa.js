// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP (Web Cryptography 20, 21, 22).
import { bufferFrom, fromUrl, toUrl } from './bytes.js';
import { dataError, invalidAccess, operationError } from './errors.js';
import { allowUsages, checkJwk, makeKey, makePair, wrongFormat } from './keys.js';

const kParts = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];
const kJwkNames = {
  'RSASSA-PKCS1-v1_5': { 'SHA-1': 'RS1', 'SHA-256': 'RS256', 'SHA-384': 'RS384', 'SHA-512': 'RS512' },
  'RSA-PSS': { 'SHA-1': 'PS1', 'SHA-256': 'PS256', 'SHA-384': 'PS384', 'SHA-512': 'PS512' },
  'RSA-OAEP': { 'SHA-1': 'RSA-OAEP', 'SHA-256': 'RSA-OAEP-256', 'SHA-384': 'RSA-OAEP-384', 'SHA-512': 'RSA-OAEP-512' },
};
const kBits = { min: 512, max: 4096 };

const isCipher = (name) => name === 'RSA-OAEP';
const publicUsages = (name) => (isCipher(name) ? ['encrypt', 'wrapKey'] : ['verify']);
const privateUsages = (name) => (isCipher(name) ? ['decrypt', 'unwrapKey'] : ['sign']);

const withKey = (algorithm, handle) => ({
  name: algorithm.name, modulusLength: native.keyBits(handle), publicExponent: native.keyExponent(handle), hash: { name: algorithm.hash.name },
});

function generateKey(algorithm, extractable, usages) {
  const { name } = algorithm;
  allowUsages(usages, [...publicUsages(name), ...privateUsages(name)], name);
  if (algorithm.modulusLength < kBits.min || algorithm.modulusLength > kBits.max) {
    throw operationError(`${name}: keys of ${kBits.min} to ${kBits.max} bits can be generated here, not of ${algorithm.modulusLength}.`);
  }
  const pair = native.keyPair('RSA', algorithm.modulusLength, algorithm.publicExponent, extractable);
  const made = {
    name, modulusLength: algorithm.modulusLength, publicExponent: algorithm.publicExponent, hash: { name: algorithm.hash.name },
  };
  return makePair(pair, made, extractable, usages, publicUsages(name), privateUsages(name));
}

function fromJwk(jwk, algorithm, extractable, usages) {
  const isPrivate = jwk.d !== undefined;
  allowUsages(usages, isPrivate ? privateUsages(algorithm.name) : publicUsages(algorithm.name), algorithm.name);
  checkJwk(jwk, 'RSA', isCipher(algorithm.name) ? 'enc' : 'sig', extractable, usages);
  const name = kJwkNames[algorithm.name][algorithm.hash.name];
  if (jwk.alg !== undefined && jwk.alg !== name) throw dataError(`JWK: "alg" is not "${name}".`);
  if (jwk.oth !== undefined) throw dataError('JWK: RSA keys of more than two primes are not supported.');
  const { n, e, d, p, q, dp, dq, qi } = jwk;
  const open = [fromUrl(n, 'n'), fromUrl(e, 'e')];
  if (!isPrivate) return native.keyFromParts('RSA', '', open, true);
  const all = [open[0], open[1], fromUrl(d, 'd'), fromUrl(p, 'p'), fromUrl(q, 'q'), fromUrl(dp, 'dp'), fromUrl(dq, 'dq'), fromUrl(qi, 'qi')];
  return native.keyFromParts('RSA', '', all, extractable);
}

function importKey(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  let handle;
  let isPrivate = false;
  if (format === 'spki') {
    allowUsages(usages, publicUsages(name), name);
    handle = native.keyFromSpki('RSA', '', data);
  } else if (format === 'pkcs8') {
    allowUsages(usages, privateUsages(name), name);
    handle = native.keyFromPkcs8('RSA', '', data, extractable);
    isPrivate = true;
  } else if (format === 'jwk') {
    handle = fromJwk(data, algorithm, extractable, usages);
    isPrivate = data.d !== undefined;
  } else {
    throw wrongFormat(format, name);
  }
  if (handle === undefined) throw dataError(`${name}: this is not an RSA key of at most 8192 bits.`);
  return makeKey(isPrivate ? 'private' : 'public', extractable, withKey(algorithm, handle), usages, handle);
}

function exportKey(format, { type, algorithm, handle }) {
  if (format === 'jwk') {
    const jwk = { kty: 'RSA', alg: kJwkNames[algorithm.name][algorithm.hash.name] };
    native.keyParts(handle)?.forEach((part, i) => { jwk[kParts[i]] = toUrl(part); });
    return jwk;
  }
  if (format === 'spki' && type === 'public') return bufferFrom(native.keySpki(handle));
  if (format === 'pkcs8' && type === 'private') return bufferFrom(native.keyPkcs8(handle));
  if (format === 'spki' || format === 'pkcs8') throw invalidAccess(`A ${type} key has no form '${format}'.`);
  throw wrongFormat(format, algorithm.name);
}

const kSchemes = { 'RSASSA-PKCS1-v1_5': 0, 'RSA-PSS': 1 };
const sign = (algorithm, { handle, algorithm: { hash } }, data) =>
  native.sign(kSchemes[algorithm.name], handle, hash.name, algorithm.saltLength ?? 0, data);
const verify = (algorithm, { handle, algorithm: { hash } }, signature, data) =>
  native.verify(kSchemes[algorithm.name], handle, hash.name, algorithm.saltLength ?? 0, signature, data);
const encrypt = (algorithm, { handle, algorithm: { hash } }, data) => native.rsaOaep(true, handle, hash.name, algorithm.label, data);
const decrypt = (algorithm, { handle, algorithm: { hash } }, data) => native.rsaOaep(false, handle, hash.name, algorithm.label, data);

export default { generateKey, importKey, exportKey, sign, verify, encrypt, decrypt, signer: 'private', verifier: 'public', encrypter: 'public', decrypter: 'private' };
