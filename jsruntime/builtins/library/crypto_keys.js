// Node's internal/crypto/keys: asked by comparisons whether two keys are the same one, and by what works with secrets for their bytes.
const { codes: { ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE, ERR_INVALID_ARG_TYPE } } = require('./errors.js');
const { isAnyArrayBuffer, isArrayBufferView, isCryptoKey, isKeyObject } = require('util/types');

const kKinds = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView', 'string', 'KeyObject', 'CryptoKey'];

// The bytes of a secret, in any form.
function prepareSecretKey(key, encoding) {
  if (isKeyObject(key) || isCryptoKey(key)) {
    if (key.type !== 'secret') throw new ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(key.type, 'secret');
    const { KeyObject } = require('zts:key_object');
    return native.keyRaw(KeyObject.open(isKeyObject(key) ? key : KeyObject.from(key)).handle);
  }
  if (typeof key === 'string') return require('buffer').Buffer.from(key, encoding === 'buffer' ? 'utf8' : encoding);
  if (!isAnyArrayBuffer(key) && !isArrayBufferView(key)) throw new ERR_INVALID_ARG_TYPE('key', kKinds, key);
  return key;
}

const handleOf = (key) => ({ key, equals: (other) => key.equals(other.key) });
const handleOfCryptoKey = (key) => handleOf(require('crypto').KeyObject.from(key));

module.exports = {
  prepareSecretKey, isKeyObject,
  getKeyObjectHandle: handleOf,
  getKeyObjectType: (key) => key.type,
  getCryptoKeyHandle: handleOfCryptoKey,
  getCryptoKeyType: (key) => key.type,
  getCryptoKeyExtractable: (key) => key.extractable,
  getCryptoKeyAlgorithm: (key) => key.algorithm,
  getCryptoKeyUsagesMask: (key) => key.usages.join(),
  getCryptoKeySecondaryHandle: () => undefined,
  getCryptoKeySeedData: () => undefined,
};
