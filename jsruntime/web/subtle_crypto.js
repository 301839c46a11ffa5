// Lazy: SubtleCrypto and CryptoKey (Web Cryptography 13, 14).
//
// The classes are here; what subtle does is in builtins/webcrypto, loaded at its first use. A CryptoKey holds an opaque handle of a native
// key (ops/crypto_key.h): nothing that functions can reach leads to its bytes.
//
//   newSubtle()              what crypto.subtle is
//   internal.makeKey(parts)  a CryptoKey of { type, extractable, algorithm, usages, handle }
//   internal.keyParts(key)   those, or undefined for anything else
//   internal.cloneKey(value) a copy of a CryptoKey, for structuredClone; undefined for anything else

const kMake = Symbol('make');

class CryptoKey {
  #parts;
  #algorithm;
  #usages;
  constructor(mark = undefined, parts = undefined) {
    if (mark !== kMake) throw new TypeError('Illegal constructor');
    this.#parts = parts;
  }
  get type() { return this.#parts.type; }
  get extractable() { return this.#parts.extractable; }
  // A function may change what it gets, and gets the same again; the key goes by its own.
  get algorithm() { return this.#algorithm ??= copy(this.#parts.algorithm); }
  get usages() { return this.#usages ??= [...this.#parts.usages]; }

  static {
    internal.makeKey = (parts) => new CryptoKey(kMake, parts);
    internal.keyParts = (key) => (typeof key === 'object' && key !== null && #parts in key ? key.#parts : undefined);
    internal.cloneKey = (value) => (#parts in value ? new CryptoKey(kMake, value.#parts) : undefined);
  }
}

function copy(algorithm) {
  const made = { ...algorithm };
  if (made.hash !== undefined) made.hash = { ...made.hash };
  if (made.publicExponent !== undefined) made.publicExponent = new Uint8Array(made.publicExponent);
  return made;
}

// Loaded once, from the first call on.
let algorithms = null;
function operations() { return algorithms ??= internal.requireBuiltin('zts:webcrypto'); }

class SubtleCrypto {
  #brand = true;
  constructor(key = undefined) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
  }
  #call(name, given, wanted) {
    this.#brand;
    internal.required(given.length, wanted, `SubtleCrypto.${name}`);
    return operations()[name](...given);
  }

  async encrypt(algorithm, key, data) { return SubtleCrypto.#on(this, 'encrypt', arguments, 3); }
  async decrypt(algorithm, key, data) { return SubtleCrypto.#on(this, 'decrypt', arguments, 3); }
  async sign(algorithm, key, data) { return SubtleCrypto.#on(this, 'sign', arguments, 3); }
  async verify(algorithm, key, signature, data) { return SubtleCrypto.#on(this, 'verify', arguments, 4); }
  async digest(algorithm, data) { return SubtleCrypto.#on(this, 'digest', arguments, 2); }
  async generateKey(algorithm, extractable, keyUsages) { return SubtleCrypto.#on(this, 'generateKey', arguments, 3); }
  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    return SubtleCrypto.#on(this, 'deriveKey', arguments, 5);
  }
  async deriveBits(algorithm, baseKey, length = null) { return SubtleCrypto.#on(this, 'deriveBits', arguments, 2); }
  async importKey(format, keyData, algorithm, extractable, keyUsages) { return SubtleCrypto.#on(this, 'importKey', arguments, 5); }
  async exportKey(format, key) { return SubtleCrypto.#on(this, 'exportKey', arguments, 2); }
  async wrapKey(format, key, wrappingKey, wrapAlgorithm) { return SubtleCrypto.#on(this, 'wrapKey', arguments, 4); }
  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    return SubtleCrypto.#on(this, 'unwrapKey', arguments, 7);
  }

  static #on(self, name, given, wanted) { return self.#call(name, given, wanted); }
}
for (const Class of [SubtleCrypto, CryptoKey]) internal.shapeInterface(Class);

return { SubtleCrypto, CryptoKey, newSubtle: () => new SubtleCrypto(kMake) };
