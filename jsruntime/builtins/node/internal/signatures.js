// node:crypto's signatures and RSA encryption, over the native operations of web crypto.
const { Buffer } = require('buffer');
const der = require('zts:der');
const { privateKeyOf, publicKeyOf } = require('zts:key_object');

const failure = (message, code) => Object.assign(new Error(message), { code });
const kPkcs1 = 1, kNoPadding = 3, kOaep = 4, kPss = 6;  // RSA_PKCS1_PADDING and its like
const kDigestSalt = -1, kAutoSalt = -2;                   // RSA_PSS_SALTLEN_DIGEST; _AUTO, which is _MAX_SIGN for signing
const kScheme = { pkcs1: 0, pss: 1, ecdsa: 2, edwards: 3 };
const kCoordinateBytes = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };

const optionsOf = (input) => (typeof input === 'object' && input !== null && !ArrayBuffer.isView(input) ? input : {});

// The scheme, the hash and the salt's length for a key, as the options have them.
function schemeOf(key, hash, { padding = kPkcs1, saltLength = kAutoSalt }) {
  if (key.kind === 'EC') return [kScheme.ecdsa, hash, 0];
  if (key.kind !== 'RSA') return [kScheme.edwards, 'SHA-512', 0];
  if (padding === kPkcs1) return [kScheme.pkcs1, hash, 0];
  if (padding !== kPss) throw failure(`Invalid padding: ${padding}`, 'ERR_INVALID_ARG_VALUE');
  return [kScheme.pss, hash, saltLength === kDigestSalt ? native.hashInfo(hash)[0] : saltLength];
}
const isDer = (key, { dsaEncoding }) => key.kind === 'EC' && dsaEncoding !== 'ieee-p1363';

function signWith(hash, data, input) {
  const key = privateKeyOf(input);
  const options = optionsOf(input);
  const [scheme, name, salt] = schemeOf(key, hash, options);
  const made = native.sign(scheme, key.handle, name, salt, data);
  if (made === undefined) throw failure('The data cannot be signed with this key', 'ERR_CRYPTO_OPERATION_FAILED');
  return isDer(key, options) ? der.signatureToDer(Buffer.from(made)) : Buffer.from(made);
}

function verifyWith(hash, data, input, signature) {
  const key = publicKeyOf(input);
  const options = optionsOf(input);
  if (isDer(key, options)) {
    signature = der.signatureFromDer(signature, kCoordinateBytes[key.curve]);
    if (signature === undefined) return false;
  }
  const [scheme, name, salt] = schemeOf(key, hash, options);
  return native.verify(scheme, key.handle, name, salt, signature, data) === true;
}

// --- encryption ----------------------------------------------------------------------------------------------------------------------

const kOperations = { publicEncrypt: 0, privateDecrypt: 1, privateEncrypt: 2, publicDecrypt: 3 };  // of rsaPadded
const kRefused = {
  publicEncrypt: ['data too large for key size', 'ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE'], privateDecrypt: ['oaep decoding error', 'ERR_OSSL_RSA_OAEP_DECODING_ERROR'],
  privateEncrypt: ['data too large for key size', 'ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE'], publicDecrypt: ['invalid padding', 'ERR_OSSL_RSA_INVALID_PADDING'],
};

// The function of this name; `usual`: its padding where nobody says.
const rsa = (name, keyOf, usual) => (input, data, hashNamed, bytesOf) => {
  const key = keyOf(input);
  const { padding = usual, oaepHash = 'sha1', oaepLabel, encoding } = optionsOf(input);
  const bytes = bytesOf(data, encoding, 'The data');
  if (key.kind !== 'RSA' || ![kPkcs1, kNoPadding, kOaep].includes(padding) || (padding === kOaep && usual !== kOaep)) {
    throw failure(`${name}: the key is not of RSA, or it has no such padding: ${padding}`, 'ERR_OSSL_RSA_UNKNOWN_PADDING_TYPE');
  }
  const made = padding === kOaep
    ? native.rsaOaep(name === 'publicEncrypt', key.handle, hashNamed(oaepHash), oaepLabel === undefined ? new Uint8Array(0) : bytesOf(oaepLabel, encoding, 'The label'), bytes)
    : native.rsaPadded(kOperations[name], key.handle, padding, bytes);
  if (made === undefined) throw failure(...(padding === kOaep || name !== 'privateDecrypt' ? kRefused[name] : ['the data cannot be decrypted', 'ERR_OSSL_RSA_INVALID_PADDING']));
  return Buffer.from(made);
};
const publicEncrypt = rsa('publicEncrypt', publicKeyOf, kOaep);
const privateDecrypt = rsa('privateDecrypt', privateKeyOf, kOaep);
const privateEncrypt = rsa('privateEncrypt', privateKeyOf, kPkcs1);
const publicDecrypt = rsa('publicDecrypt', publicKeyOf, kPkcs1);

const constants = {
  RSA_PKCS1_PADDING: kPkcs1, RSA_NO_PADDING: kNoPadding, RSA_PKCS1_OAEP_PADDING: kOaep, RSA_PKCS1_PSS_PADDING: kPss,
  RSA_PSS_SALTLEN_DIGEST: kDigestSalt, RSA_PSS_SALTLEN_MAX_SIGN: kAutoSalt, RSA_PSS_SALTLEN_AUTO: kAutoSalt,
};

module.exports = { signWith, verifyWith, publicEncrypt, privateDecrypt, privateEncrypt, publicDecrypt, constants };
