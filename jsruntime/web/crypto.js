// crypto: getRandomValues, randomUUID (Web Cryptography 10), and subtle, which subtle_crypto.js makes.

const kQuota = 65536;
const { apply, typeOf } = internal.trusted;
const kMake = Symbol('make');

class Crypto {
  #subtle = null;
  constructor(key = undefined) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
  }

  getRandomValues(array) {
    this.#subtle;
    internal.required(arguments.length, 1, 'Crypto.getRandomValues');
    if (!ArrayBuffer.isView(array)) throw new TypeError('Crypto.getRandomValues: the argument is not an ArrayBufferView.');
    const type = apply(typeOf, array, []);
    if (type === undefined || type.startsWith('Float')) {
      throw internal.domException(`Crypto.getRandomValues: ${type ?? 'DataView'} is not an array of integers.`, 'TypeMismatchError');
    }
    if (array.byteLength > kQuota) {
      throw internal.domException(`Crypto.getRandomValues: ${array.byteLength} bytes are more than ${kQuota}.`, 'QuotaExceededError');
    }
    native.randomFill(array);
    return array;
  }

  randomUUID() {
    this.#subtle;
    return native.randomUuid();
  }

  get subtle() { return this.#subtle ??= internal.lazy('subtle_crypto.js').newSubtle(); }
}

internal.exposeInterface(Crypto);
for (const name of ['SubtleCrypto', 'CryptoKey']) internal.declareLazy('subtle_crypto.js', name);
internal.exposeValue('crypto', new Crypto(kMake));
