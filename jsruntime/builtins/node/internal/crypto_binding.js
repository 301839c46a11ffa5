// What Node's hashes, ciphers, random numbers and derived keys ask of internalBinding('crypto'), over ops/crypto_*.h. A job is done in place; that it is
// done is told later, as from another thread.
const { Buffer } = require('buffer');

const kAsync = 0, kSync = 1;
const kAuthenticated = ['gcm', 'ccm', 'ocb'];
const failure = (Class, message, code) => (code === undefined ? new Class(message) : Object.assign(new Class(message), { code }));
const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const bytesOf = (data, encoding) => (typeof data === 'string' ? Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding) : data);
const encoded = (bytes, encoding) => (encoding === undefined || encoding === 'buffer' ? asBuffer(bytes) : asBuffer(bytes).toString(encoding));

// --- hashes --------------------------------------------------------------------------------------------------------------------------

// OpenSSL's names, and those that Node has beside them; the native side's are those of WebCrypto, where it has one.
const kHashes = { __proto__: null, sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };
const kLengths = { __proto__: null, shake128: 16, shake256: 32 };  // where nobody says
// Asking OpenSSL for a name takes longer than a short hash: what it has said is kept, of as many names as there are.
const kKept = 256;
function kept(find) {
  const known = new Map();
  return (name) => {
    let found = known.get(name);
    if (found === undefined) {
      found = find(name);
      if (found !== undefined && known.size < kKept) known.set(name, found);
    }
    return found;
  };
}
// [name, size, whether it is as long as one wants]
const hashOf = kept((name) => {
  const plain = name.toLowerCase().replace(/^rsa-/, '').replace(/^sha-(?=\d)/, 'sha');
  const known = [kHashes[plain] ?? plain, name].find((each) => native.hashInfo(each) !== undefined);
  return known === undefined ? undefined : [known, ...native.hashInfo(known)];
});
const cipherOf = kept((name) => native.cipherInfo(name));
const badDigest = (name) => failure(TypeError, `Invalid digest: ${name}`, 'ERR_CRYPTO_INVALID_DIGEST');
const checked = (name) => {
  const known = hashOf(name);
  if (known === undefined) throw badDigest(name);
  return known[0];
};
const notXof = () => failure(Error, 'error:030000B2:digital envelope routines::not XOF or invalid length', 'ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH');

class Digest {
  #handle;
  #length;
  #made = null;
  start(handle, length) {
    this.#handle = handle;
    this.#length = length;
    if (handle === undefined) throw failure(Error, 'The hash cannot be started: too many are running', 'ERR_CRYPTO_OPERATION_FAILED');
  }
  copied() { return [native.hashCopy(this.#handle), this.#length]; }
  update(data, encoding) { return native.hashUpdate(this.#handle, bytesOf(data, encoding)) === true; }
  digest(encoding) {
    this.#made ??= native.hashFinal(this.#handle, this.#length);
    if (this.#made === undefined) throw failure(Error, 'The hash cannot be finished', 'ERR_CRYPTO_OPERATION_FAILED');
    return encoded(this.#made, encoding);
  }
}
class Hash extends Digest {
  constructor(algorithm, length) {
    super();
    if (algorithm instanceof Hash) {
      const [handle, before] = algorithm.copied();
      this.start(handle, length ?? before);
      return;
    }
    const [name, size, extends_] = hashOf(algorithm) ?? [];
    if (name === undefined) throw failure(Error, 'Digest method not supported');
    if (!extends_ && length !== undefined && length !== size) throw notXof();
    this.start(native.hashStart(name, undefined), extends_ ? length ?? kLengths[name] ?? size : undefined);
  }
}
class Hmac extends Digest {
  init(name, key) { this.start(native.hashStart(checked(name), key), undefined); }
}
function oneShotDigest(algorithm, id, cache, input, encoding, encodingId, length) {
  if (hashOf(algorithm) === undefined) throw failure(Error, `Digest method ${algorithm} is not supported`);
  const hash = new Hash(algorithm, length);
  hash.update(input);
  return hash.digest(encoding);
}

// --- ciphers -------------------------------------------------------------------------------------------------------------------------

const tagLengthFits = (mode, length) => (mode === 'gcm' ? length === 4 || length === 8 || (length >= 12 && length <= 16)
  : mode === 'ccm' ? length >= 4 && length <= 16 && length % 2 === 0 : length >= 1 && length <= 16);
const badTag = (length) => failure(TypeError, `Invalid authentication tag length: ${length}`, 'ERR_CRYPTO_INVALID_AUTH_TAG');
const badIv = () => failure(TypeError, 'Invalid initialization vector', 'ERR_CRYPTO_INVALID_IV');
const badState = () => failure(Error, 'Invalid state', 'ERR_CRYPTO_INVALID_STATE');
const notAuthentic = () => failure(Error, 'Unsupported state or unable to authenticate data');

class CipherBase {
  #handle;
  #encrypt;
  #mode;
  #authenticates;
  #tagLength;
  #block;
  #size = 0;          // bytes given so far
  #tag = null;        // made, or given
  #tagUsed = false;
  #broken = false;    // CCM tells in the middle, and Node at the end
  constructor(encrypt, name, key, iv, tagLength) {
    const info = cipherOf(name);
    if (info === undefined) throw failure(Error, 'Unknown cipher', 'ERR_CRYPTO_UNKNOWN_CIPHER');
    const [, , mode, keyBytes, ivBytes, block, authenticates] = info;
    const start = iv === null ? undefined : iv;
    const size = start?.byteLength ?? 0;
    this.#encrypt = encrypt;
    this.#mode = mode;
    this.#block = block;
    this.#authenticates = authenticates && (kAuthenticated.includes(mode) || mode === 'stream');
    if (start === undefined ? ivBytes !== 0 : this.#authenticates ? size === 0 : size !== ivBytes) throw badIv();
    if (this.#authenticates) {
      if (mode === 'stream' && size > 12) throw badIv();
      if (tagLength >= 0 ? !tagLengthFits(mode, tagLength) : mode === 'ccm' || mode === 'ocb') {
        throw tagLength >= 0 ? badTag(tagLength) : failure(TypeError, `authTagLength required for ${name}`, 'ERR_CRYPTO_INVALID_AUTH_TAG');
      }
    }
    if (key.byteLength !== keyBytes) throw failure(RangeError, 'Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN');
    this.#tagLength = tagLength;
    this.#handle = native.cipherStart(name, encrypt, key, size === 0 ? undefined : start, tagLength >= 0 ? tagLength : 16);
    if (this.#handle === undefined) throw badIv();
  }

  // Of decryption: OpenSSL is told when there is no way back.
  #useTag() {
    if (this.#encrypt || this.#tag === null || this.#tagUsed) return;
    this.#tagUsed = true;
    native.cipherTag(this.#handle, this.#tag);
  }
  update(data, encoding) {
    if (this.#handle === null) throw failure(Error, 'Trying to add data in unsupported state');
    const bytes = bytesOf(data, encoding);
    if (this.#authenticates) this.#useTag();
    this.#size += bytes.byteLength;
    const made = native.cipherUpdate(this.#handle, bytes);
    if (made !== undefined) return asBuffer(made);
    if (this.#mode !== 'ccm' || this.#encrypt) throw failure(Error, 'Trying to add data in unsupported state');
    this.#broken = true;
    return Buffer.alloc(0);
  }
  final() {
    if (this.#handle === null) throw badState();
    const handle = this.#handle;
    if (this.#authenticates) this.#useTag();
    this.#handle = null;
    const needsTag = this.#authenticates && !this.#encrypt;
    if (needsTag && (this.#broken || this.#tag === null)) throw notAuthentic();
    const made = this.#mode === 'ccm' && !this.#encrypt ? new Uint8Array(0) : native.cipherFinal(handle);
    if (made === undefined) throw needsTag ? notAuthentic() : this.#badEnd();
    if (this.#authenticates && this.#encrypt) this.#tag = native.cipherTag(handle) ?? null;
    return asBuffer(made);
  }
  #badEnd() {
    const short = this.#size % this.#block !== 0 || (this.#size === 0 && !this.#encrypt) || this.#encrypt;
    const [number, reason] = short ? ['1C80006B', 'wrong final block length'] : ['1C800064', 'bad decrypt'];
    const error = failure(Error, `error:${number}:Provider routines::${reason}`, `ERR_OSSL_${reason.toUpperCase().replaceAll(' ', '_')}`);
    return Object.assign(error, { library: 'Provider routines', reason });
  }
  setAutoPadding(on) { return this.#handle !== null && native.cipherPadding(this.#handle, on) === true; }
  getAuthTag() { return this.#handle !== null || !this.#encrypt || this.#tag === null ? undefined : asBuffer(this.#tag); }
  setAuthTag(tag) {
    if (!this.#authenticates || this.#handle === null || this.#encrypt || this.#tag !== null) return false;
    const fits = tagLengthFits(this.#mode, tag.byteLength) && (this.#tagLength < 0 || this.#tagLength === tag.byteLength);
    if (!fits) throw badTag(tag.byteLength);
    this.#tag = ArrayBuffer.isView(tag) ? new Uint8Array(tag.buffer, tag.byteOffset, tag.byteLength).slice() : new Uint8Array(tag).slice();
    return true;
  }
  setAAD(data, plaintextLength) {
    if (this.#handle === null || !this.#authenticates) return false;
    if (this.#mode === 'ccm' && plaintextLength < 0) throw failure(TypeError, 'options.plaintextLength required for CCM mode with AAD', 'ERR_MISSING_ARGS');
    this.#useTag();
    return native.cipherExtra(this.#handle, data, this.#mode === 'ccm' ? plaintextLength : undefined) === true;
  }
}

function getCipherInfo(name, keyLength, ivLength) {
  const [known, nid, mode, keyBytes, ivBytes, block, authenticates] = cipherOf(name) ?? [];
  if (known === undefined || (keyLength !== undefined && keyLength !== keyBytes)) return undefined;
  if (ivLength !== undefined && ivLength !== ivBytes && !(authenticates && ivLength >= (mode === 'ccm' ? 7 : 1) && ivLength <= (mode === 'ccm' ? 13 : mode === 'ocb' ? 15 : 128))) return undefined;
  return { mode, name: known.toLowerCase(), nid, ...(mode !== 'stream' && { blockSize: block }), ...((ivLength ?? ivBytes) > 0 && { ivLength: ivLength ?? ivBytes }), keyLength: keyBytes };
}

// --- jobs ----------------------------------------------------------------------------------------------------------------------------

// `work` gives what a job is for, or throws.
const job = (work) => class {
  #mode;
  #values;
  constructor(mode, ...values) {
    this.#mode = mode;
    this.#values = values;
    // What cannot be done is said at once.
    work.check?.(...values);
  }
  run() {
    let made;
    try {
      made = [undefined, work(...this.#values)];
    } catch (error) {
      made = [error];
    }
    if (this.#mode === kSync) return made;
    setTimeout(() => this.ondone(...made), 0);
    return undefined;
  }
};
const need = (value, Class, message, code) => {
  if (value === undefined) throw failure(Class, message, code);
  return value;
};
const secretOf = (bytes) => need(native.keySecret(bytes, false), RangeError, 'The password is too long', 'ERR_OUT_OF_RANGE');
const bufferOf = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

const fill = (target, offset, size) => {
  const at = ArrayBuffer.isView(target) ? new Uint8Array(target.buffer, target.byteOffset + offset, size) : new Uint8Array(target, offset, size);
  native.randomFill(at);
};
const pbkdf2 = (password, salt, iterations, length, digest) => {
  if (length === 0) return new ArrayBuffer(0);
  return bufferOf(need(native.pbkdf2(checked(digest), secretOf(password), salt, iterations, length), RangeError, 'PBKDF2: the iterations or the length are out of range', 'ERR_OUT_OF_RANGE'));
};
pbkdf2.check = (password, salt, iterations, length, digest) => { checked(digest); };
const hkdf = (digest, key, salt, info, length) => {
  if (length === 0) return new ArrayBuffer(0);
  return bufferOf(need(native.hkdf(checked(digest), secretOf(key), salt, info, length), RangeError, 'Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN'));
};
hkdf.check = (digest, key, salt, info, length) => {
  checked(digest);
  if (length > 255 * hashOf(digest)[1]) throw failure(RangeError, 'Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN');
};
const badScrypt = (why) => failure(RangeError, `Invalid scrypt params${why}`, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS');
const scrypt = (password, salt, N, r, p, most, length) => {
  if (length === 0) return new ArrayBuffer(0);
  const made = native.scrypt(secretOf(password), salt, N, r, p, length);
  if (made === undefined) throw badScrypt(': N * r * p is at most 2^20 here');
  return bufferOf(made);
};
scrypt.check = (password, salt, N, r, p, most) => {
  if (N < 2 || (N & (N - 1)) !== 0 || r < 1 || p < 1) throw badScrypt('');
  if (128 * r * (N + p + 2) > most) throw badScrypt(': error:030000AC:digital envelope routines::memory limit exceeded');
};

class Absent {
  constructor() { throw failure(Error, 'crypto: prime numbers are not available here', 'ERR_METHOD_NOT_IMPLEMENTED'); }
}

module.exports = {
  kCryptoJobAsync: kAsync, kCryptoJobSync: kSync,
  asBuffer, encoded, Hash, Hmac, oneShotDigest, hashNamed: checked, CipherBase, getCipherInfo, secureBuffer: (size) => new Uint8Array(size),
  RandomBytesJob: job(fill), PBKDF2Job: job(pbkdf2), HKDFJob: job(hkdf), ScryptJob: job(scrypt), RandomPrimeJob: Absent, CheckPrimeJob: Absent,
};
