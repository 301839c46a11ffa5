// crypto: getRandomValues, randomUUID and subtle.digest (Web Cryptography 10, 14.3.5).

const kQuota = 65536;
const typeOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
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
    const type = Reflect.apply(typeOf, array, []);
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

  get subtle() { return this.#subtle ??= new SubtleCrypto(kMake); }
}

class SubtleCrypto {
  #brand = true;
  constructor(key = undefined) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
  }

  async digest(algorithm, data) {
    this.#brand;
    internal.required(arguments.length, 2, 'SubtleCrypto.digest');
    const name = `${typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm}`.toUpperCase();
    if (!ArrayBuffer.isView(data) && native.kindOf(data) !== 10) {
      throw new TypeError('SubtleCrypto.digest: the data is neither an ArrayBuffer nor a view of one.');
    }
    const hash = native.digest(name, data);
    if (hash === undefined) {
      throw internal.domException(`SubtleCrypto.digest: '${name}' is none of SHA-1, SHA-256, SHA-384, SHA-512.`, 'NotSupportedError');
    }
    return hash;
  }
}
internal.exposeInterface(Crypto);
internal.exposeInterface(SubtleCrypto);
internal.exposeValue('crypto', new Crypto(kMake));
