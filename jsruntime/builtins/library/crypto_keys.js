// Node's internal/crypto/keys, asked by comparisons whether two keys are the same one.
const handleOf = (key) => ({ key, equals: (other) => key.equals(other.key) });
const handleOfCryptoKey = (key) => handleOf(require('crypto').KeyObject.from(key));

module.exports = {
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
