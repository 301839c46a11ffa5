// node:crypto's ECDH: a key pair whose parts are bytes, over the native keys of web crypto. Points are uncompressed (SEC 1 2.3.3).
const { Buffer } = require('buffer');
const der = require('zts:der');

const kCurves = {
  prime256v1: { name: 'P-256', oid: '2a8648ce3d030107', bytes: 32 },
  secp384r1: { name: 'P-384', oid: '2b81040022', bytes: 48 },
  secp521r1: { name: 'P-521', oid: '2b81040023', bytes: 66 },
};
const kEc = Buffer.from('2a8648ce3d0201', 'hex');
const failure = (message, code) => Object.assign(new Error(message), { code });
const shown = (bytes, encoding) => (encoding === undefined || encoding === 'buffer' ? bytes : bytes.toString(encoding));
const bytesOf = (value, encoding) => (typeof value === 'string' ? Buffer.from(value, encoding) : Buffer.from(value.buffer ?? value, value.byteOffset, value.byteLength));

class ECDH {
  #curve;
  #pair = null;  // { handle, parts }: x, y, d
  constructor(name) {
    this.#curve = kCurves[name === 'P-256' || name === 'secp256r1' ? 'prime256v1' : name];
    if (this.#curve === undefined) throw failure(`Invalid EC curve name: there are ${Object.keys(kCurves).join(', ')}`, 'ERR_CRYPTO_INVALID_CURVE');
  }
  #need() {
    if (this.#pair === null) throw failure('Failed to get ECDH keys: there are none yet', 'ERR_CRYPTO_ECDH_INVALID_KEY');
    return this.#pair;
  }
  #padded(part) { return Buffer.concat([Buffer.alloc(this.#curve.bytes - part.length), part]); }
  #take(handle) {
    if (handle === undefined) throw failure('Private key is not valid for specified curve.', 'ERR_CRYPTO_INVALID_KEYTYPE');
    this.#pair = { handle, parts: native.keyParts(handle).map((part) => this.#padded(Buffer.from(part))) };
  }

  generateKeys(encoding, format) {
    this.#take(native.keyPair('EC', this.#curve.name, undefined, true)?.[1]);
    return this.getPublicKey(encoding, format);
  }
  getPrivateKey(encoding) { return shown(Buffer.from(this.#need().parts[2]), encoding); }
  getPublicKey(encoding, format = 'uncompressed') {
    const [x, y] = this.#need().parts;
    const point = format === 'compressed' ? Buffer.concat([Buffer.from([2 | (y.at(-1) & 1)]), x]) : Buffer.concat([Buffer.from([4]), x, y]);
    return shown(point, encoding);
  }
  // As a file has it (RFC 5915), without its public key: that is computed.
  setPrivateKey(key, encoding) {
    const secret = bytesOf(key, encoding);
    if (secret.length > this.#curve.bytes) return this.#take(undefined);
    const inner = der.wrap(der.kSequence, der.wrap(der.kInteger, Buffer.from([1])), der.wrap(der.kOctetString, this.#padded(secret)));
    const algorithm = der.wrap(der.kSequence, der.wrap(der.kOid, kEc), der.wrap(der.kOid, Buffer.from(this.#curve.oid, 'hex')));
    const whole = der.wrap(der.kSequence, der.wrap(der.kInteger, Buffer.from([0])), algorithm, der.wrap(der.kOctetString, inner));
    return this.#take(native.keyFromPkcs8('EC', this.#curve.name, whole, true));
  }
  computeSecret(other, inputEncoding, outputEncoding) {
    const open = native.keyFromParts('EC', this.#curve.name, [bytesOf(other, inputEncoding)], true);
    const secret = open === undefined ? undefined : native.agree(this.#need().handle, open);
    if (secret === undefined) throw failure('Public key is not valid for specified curve', 'ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY');
    return shown(Buffer.from(secret), outputEncoding);
  }
}

module.exports = { ECDH };
