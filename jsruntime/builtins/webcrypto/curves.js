// ECDSA, ECDH (Web Cryptography 23, 24), Ed25519, X25519 (25, 26), and Ed448, X448 (Secure Curves in the Web Cryptography API).
import { bufferFrom, fromUrl, toUrl } from './bytes.js';
import { dataError, invalidAccess, notSupported, operationError } from './errors.js';
import { allowUsages, checkJwk, makeKey, makePair, wrongFormat } from './keys.js';

const kCurves = ['P-256', 'P-384', 'P-521'];
const kJwkNames = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

const isWeierstrass = (algorithm) => algorithm.name === 'ECDSA' || algorithm.name === 'ECDH';
const nativeType = (algorithm) => (isWeierstrass(algorithm) ? 'EC' : algorithm.name);
const curveOf = (algorithm) => (isWeierstrass(algorithm) ? algorithm.namedCurve : '');
const isEdwards = (name) => name === 'Ed25519' || name === 'Ed448';
const signs = (name) => name === 'ECDSA' || isEdwards(name);
const publicUsages = (name) => (signs(name) ? ['verify'] : []);
const privateUsages = (name) => (signs(name) ? ['sign'] : ['deriveKey', 'deriveBits']);
const keyAlgorithm = (algorithm) =>
  (isWeierstrass(algorithm) ? { name: algorithm.name, namedCurve: algorithm.namedCurve } : { name: algorithm.name });

function checkCurve(algorithm) {
  if (isWeierstrass(algorithm) && !kCurves.includes(algorithm.namedCurve)) {
    throw notSupported(`'${algorithm.namedCurve}' is no curve here; there are ${kCurves.join(', ')}.`);
  }
}

function generateKey(algorithm, extractable, usages) {
  const { name } = algorithm;
  allowUsages(usages, [...publicUsages(name), ...privateUsages(name)], name);
  checkCurve(algorithm);
  const pair = native.keyPair(nativeType(algorithm), curveOf(algorithm), undefined, extractable);
  return makePair(pair, keyAlgorithm(algorithm), extractable, usages, publicUsages(name), privateUsages(name));
}

function checkJwkCurve(jwk, algorithm) {
  const curve = isWeierstrass(algorithm) ? algorithm.namedCurve : algorithm.name;
  if (jwk.crv !== curve) throw dataError(`JWK: "crv" is not "${curve}".`);
  if (jwk.alg === undefined || !signs(algorithm.name)) return;
  const names = algorithm.name === 'ECDSA' ? [kJwkNames[curve]] : ['EdDSA', algorithm.name];
  if (!names.includes(jwk.alg)) throw dataError(`JWK: "alg" is not "${names[0]}".`);
}

function fromJwk(jwk, algorithm, extractable, usages) {
  const isPrivate = jwk.d !== undefined;
  allowUsages(usages, isPrivate ? privateUsages(algorithm.name) : publicUsages(algorithm.name), algorithm.name);
  checkJwk(jwk, isWeierstrass(algorithm) ? 'EC' : 'OKP', signs(algorithm.name) ? 'sig' : 'enc', extractable, usages);
  checkJwkCurve(jwk, algorithm);
  const x = fromUrl(jwk.x, 'x');
  const d = isPrivate ? fromUrl(jwk.d, 'd') : undefined;
  if (!isWeierstrass(algorithm)) return native.keyFromParts(nativeType(algorithm), '', isPrivate ? [x, d] : [x], extractable);
  const y = fromUrl(jwk.y, 'y');
  return native.keyFromParts('EC', algorithm.namedCurve, isPrivate ? [x, y, d] : [x, y], extractable);
}

function importKey(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  checkCurve(algorithm);
  let handle;
  let isPrivate = false;
  if (format === 'jwk') {
    handle = fromJwk(data, algorithm, extractable, usages);
    isPrivate = data.d !== undefined;
  } else if (format === 'pkcs8') {
    allowUsages(usages, privateUsages(name), name);
    handle = native.keyFromPkcs8(nativeType(algorithm), curveOf(algorithm), data, extractable);
    isPrivate = true;
  } else if (format === 'spki' || format === 'raw') {
    allowUsages(usages, publicUsages(name), name);
    handle = format === 'spki' ? native.keyFromSpki(nativeType(algorithm), curveOf(algorithm), data)
      : native.keyFromParts(nativeType(algorithm), curveOf(algorithm), [data], true);
  } else {
    throw wrongFormat(format, name);
  }
  if (handle === undefined) throw dataError(`${name}: this is not a key on ${curveOf(algorithm) || name}.`);
  return makeKey(isPrivate ? 'private' : 'public', extractable, keyAlgorithm(algorithm), usages, handle);
}

function toJwk({ algorithm, handle }) {
  const jwk = isWeierstrass(algorithm) ? { kty: 'EC', crv: algorithm.namedCurve } : { kty: 'OKP', crv: algorithm.name };
  if (isEdwards(algorithm.name)) jwk.alg = algorithm.name;
  const names = isWeierstrass(algorithm) ? ['x', 'y', 'd'] : ['x', 'd'];
  native.keyParts(handle)?.forEach((part, i) => { jwk[names[i]] = toUrl(part); });
  return jwk;
}

function exportKey(format, parts) {
  const { type, algorithm, handle } = parts;
  if (format === 'jwk') return toJwk(parts);
  const wanted = { raw: 'public', spki: 'public', pkcs8: 'private' }[format];
  if (wanted === undefined) throw wrongFormat(format, algorithm.name);
  if (type !== wanted) throw invalidAccess(`A ${type} key has no form '${format}'.`);
  const write = { raw: native.keyRaw, spki: native.keySpki, pkcs8: native.keyPkcs8 }[format];
  return bufferFrom(write(handle));
}

function scheme(algorithm) {
  if (algorithm.context?.byteLength > 0) throw notSupported('Ed448: a context is not supported.');
  return algorithm.name === 'ECDSA' ? 2 : 3;
}
const sign = (algorithm, { handle }, data) => native.sign(scheme(algorithm), handle, algorithm.hash?.name, 0, data);
const verify = (algorithm, { handle }, signature, data) =>
  native.verify(scheme(algorithm), handle, algorithm.hash?.name, 0, signature, data);

// The secret's bytes; deriveBits of index.js cuts them to length.
function deriveBits(algorithm, own, length) {
  const peer = internal.keyParts(algorithm.public);
  if (own.type !== 'private') throw invalidAccess(`${algorithm.name}: the base key is not a private key.`);
  if (peer.type !== 'public') throw invalidAccess(`${algorithm.name}: the other side's key is not a public key.`);
  if (peer.algorithm.name !== own.algorithm.name || peer.algorithm.namedCurve !== own.algorithm.namedCurve) {
    throw invalidAccess(`${algorithm.name}: the two keys are not on the same curve.`);
  }
  const secret = native.agree(own.handle, peer.handle);
  if (secret === undefined) throw operationError(`${algorithm.name}: these keys have no shared secret.`);
  return cut(secret, length);
}

// The first `length` bits; native bytes are plain Uint8Arrays, read by index only.
function cut(secret, length) {
  if (length === null) return secret;
  const size = Math.ceil(length / 8);
  if (size > secret.length) throw operationError(`${length} bits are more than the shared secret has.`);
  const made = new internal.trusted.Uint8Array(size);
  for (let i = 0; i < size; ++i) made[i] = secret[i];
  if (length % 8 !== 0) made[size - 1] &= 0xff << (8 - (length % 8));
  return made;
}

export default { generateKey, importKey, exportKey, sign, verify, deriveBits, signer: 'private', verifier: 'public' };
