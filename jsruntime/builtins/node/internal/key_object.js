// node:crypto's KeyObject: keys in the forms that files have them (RFC 7468 PEM of PKCS#8, SPKI, PKCS#1 and SEC 1, DER of the same, RFC 7517
// JWK), over the native keys of web crypto. With a passphrase they are encrypted (sealed_key.js).
const { Buffer } = require('buffer');
const der = require('zts:der');
const sealed = require('zts:sealed_key');

const failure = (Kind, message, code) => Object.assign(new Kind(message), { code });

// By the content of their OIDs (RFC 8017, 5480, 8410).
const kRsa = '2a864886f70d010101', kEc = '2a8648ce3d0201';
const kTypes = { [kRsa]: 'RSA', [kEc]: 'EC', '2b6570': 'Ed25519', '2b656e': 'X25519', '2b6571': 'Ed448', '2b656f': 'X448' };
const kCurves = { '2a8648ce3d030107': 'P-256', '2b81040022': 'P-384', '2b81040023': 'P-521' };
const kNodeCurves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
const kRsaAlgorithm = der.wrap(der.kSequence, der.wrap(der.kOid, Buffer.from(kRsa, 'hex')), der.wrap(der.kNull));
const kParts = { RSA: ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'], EC: ['x', 'y', 'd'] };

const bytesOf = (value, encoding = 'utf8') => {
  if (typeof value === 'string') return Buffer.from(value, encoding);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  throw failure(TypeError, 'The "key" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey',
                'ERR_INVALID_ARG_TYPE');
};
const unsupported = (what) => failure(Error, `error:1E08010C:DECODER routines::unsupported (${what})`, 'ERR_OSSL_UNSUPPORTED');

class KeyObject {
  #key;  // { type, kind, curve, handle, secret }
  constructor(key) {
    if (typeof key?.type !== 'string') throw failure(TypeError, 'KeyObject: use createSecretKey, createPublicKey or createPrivateKey', 'ERR_ILLEGAL_CONSTRUCTOR');
    this.#key = key;
  }
  static from(key) {
    const parts = internal.keyParts(key);
    if (parts === undefined) throw failure(TypeError, 'The "key" argument must be an instance of CryptoKey', 'ERR_INVALID_ARG_TYPE');
    const { name, namedCurve } = parts.algorithm;
    if (parts.type === 'secret') return new KeyObject({ type: 'secret', handle: parts.handle });
    const kind = /^RSA/.test(name) ? 'RSA' : /^EC/.test(name) ? 'EC' : name;
    return new KeyObject({ type: parts.type, kind, curve: namedCurve ?? '', handle: parts.handle });
  }
  static isKeyObject(value) { return typeof value === 'object' && value !== null && #key in value; }
  static open(object) { return object.#key; }

  get type() { return this.#key.type; }
  get [Symbol.toStringTag]() { return 'KeyObject'; }
  get symmetricKeySize() { return this.#key.type === 'secret' ? native.keyRaw(this.#key.handle)?.byteLength : undefined; }
  get asymmetricKeyType() { return this.#key.kind?.toLowerCase(); }
  get asymmetricKeyDetails() {
    const { kind, curve, handle } = this.#key;
    if (kind === undefined) return undefined;
    if (kind === 'EC') return { namedCurve: kNodeCurves[curve] };
    if (kind !== 'RSA') return {};
    return { modulusLength: native.keyBits(handle), publicExponent: BigInt(`0x${Buffer.from(native.keyExponent(handle)).toString('hex')}`) };
  }
  equals(other) {
    return KeyObject.isKeyObject(other) && other.type === this.type && other.asymmetricKeyType === this.asymmetricKeyType &&
        Buffer.from(bytesOfKey(this.#key)).equals(Buffer.from(bytesOfKey(other.#key)));
  }
  export(options = {}) {
    const { type, handle } = this.#key;
    const { format = type === 'secret' ? 'buffer' : 'pem' } = options;
    if (format === 'jwk') return jwkOf(this.#key);
    if (type === 'secret') return Buffer.from(native.keyRaw(handle));
    const bytes = encodedAs(this.#key, options.type);
    if (options.cipher !== undefined && type === 'private') return exportSealed(bytes, format, options);
    return format === 'der' ? bytes : pemOf(labelOf(type, options.type), bytes);
  }
  toCryptoKey(algorithm, extractable, usages) {
    const { type } = this.#key;
    if (type === 'secret') {
      const name = typeof algorithm === 'string' ? algorithm : algorithm.name;
      const raw = { name, ...(typeof algorithm === 'object' && algorithm) };
      const { handle } = this.#key;
      internal.lazy('subtle_crypto.js');
      return internal.makeKey({ type, extractable, algorithm: raw, usages, handle: native.keySecret(native.keyRaw(handle), extractable) });
    }
    throw failure(Error, `KeyObject.toCryptoKey: import the ${type} key with crypto.subtle.importKey instead`, 'ERR_METHOD_NOT_IMPLEMENTED');
  }
}

const bytesOfKey = (key) => (key.type === 'secret' ? native.keyRaw(key.handle) : encodedAs(key, undefined)) ?? new Uint8Array(0);

function jwkOf({ type, kind, curve, handle }) {
  const url = (part) => Buffer.from(part).toString('base64url');
  if (type === 'secret') return { kty: 'oct', k: url(native.keyRaw(handle)) };
  const jwk = kind === 'RSA' ? { kty: 'RSA' } : { kty: kind === 'EC' ? 'EC' : 'OKP', crv: kind === 'EC' ? curve : kind };
  const names = kParts[kind] ?? ['x', 'd'];
  native.keyParts(handle).forEach((part, i) => { jwk[names[i]] = url(part); });
  return jwk;
}

// --- to bytes and PEM ----------------------------------------------------------------------------------------------------------------

const labelOf = (type, form) => (form === 'pkcs1' ? `RSA ${type.toUpperCase()} KEY` : form === 'sec1' ? 'EC PRIVATE KEY' : `${type.toUpperCase()} KEY`);
const pemOf = (label, bytes, head = '') => `-----BEGIN ${label}-----\n${head}${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

function exportSealed(bytes, format, { type, cipher, passphrase }) {
  if (type === 'pkcs1' || type === 'sec1') {
    if (format !== 'pem') throw failure(Error, `Key encryption of ${type} is there for PEM alone`, 'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS');
    const { info, bytes: hidden } = sealed.sealPem(bytes, cipher, passphrase);
    return pemOf(labelOf('private', type), hidden, `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${info}\n\n`);
  }
  const hidden = sealed.seal(bytes, cipher, passphrase);
  return format === 'der' ? hidden : pemOf('ENCRYPTED PRIVATE KEY', hidden);
}

// RFC 5915 3: inside of PKCS#8 the curve is left out; by itself the key names it.
function sec1WithCurve(bytes, curve) {
  const [version, secret, ...rest] = der.items(bytes).filter(({ tag }) => tag !== 0xa0).map(({ whole }) => whole);
  return der.wrap(der.kSequence, version, secret, der.wrap(0xa0, curve), ...rest);
}

function encodedAs({ type, kind, handle }, form) {
  const outer = Buffer.from((type === 'public' ? native.keySpki(handle) : native.keyPkcs8(handle)) ?? []);
  if (outer.length === 0) throw failure(Error, 'The key cannot be exported', 'ERR_CRYPTO_OPERATION_FAILED');
  if (form === undefined || form === (type === 'public' ? 'spki' : 'pkcs8')) return outer;
  if ((form === 'pkcs1' && kind !== 'RSA') || (form === 'sec1' && (kind !== 'EC' || type !== 'private')) || !['pkcs1', 'sec1'].includes(form)) {
    throw failure(Error, `A ${type} key of type ${kind.toLowerCase()} has no form ${form}`, 'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS');
  }
  const parts = der.items(outer);
  if (type === 'public') return Buffer.from(parts[1].body.subarray(1));
  return form === 'sec1' ? sec1WithCurve(parts[2].body, der.items(parts[1].whole)[1].whole) : Buffer.from(parts[2].body);
}

// --- from bytes and PEM --------------------------------------------------------------------------------------------------------------

const kPem = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/;

const wrapPublic = (bytes) => der.wrap(der.kSequence, kRsaAlgorithm, der.wrap(der.kBitString, Buffer.from([0]), bytes));
const wrapPrivate = (algorithm, bytes) => der.wrap(der.kSequence, der.wrap(der.kInteger, Buffer.from([0])), algorithm, der.wrap(der.kOctetString, bytes));
// SEC 1 names its curve inside, as [0].
function wrapSec1(bytes) {
  const curve = der.items(bytes)?.find(({ tag }) => tag === 0xa0)?.body;
  if (curve === undefined) throw unsupported('an EC key that does not name its curve');
  return wrapPrivate(der.wrap(der.kSequence, der.wrap(der.kOid, Buffer.from(kEc, 'hex')), curve), bytes);
}

// { spki } or { pkcs8 }.
function fromPem(text, passphrase) {
  const [, label, base64] = kPem.exec(text) ?? [];
  if (label === undefined) throw unsupported('no PEM block is there');
  const found = Buffer.from(base64.replace(/^[\s\S]*?\n\r?\n(?=\S)/, (head) => (head.includes(':') ? '' : head)), 'base64');
  const [, info] = /^DEK-Info:(.*)$/m.exec(base64) ?? [];
  const bytes = info === undefined ? found : sealed.openPem(found, info, passphrase);
  switch (label) {
    case 'PUBLIC KEY': return { spki: bytes };
    case 'RSA PUBLIC KEY': return { spki: wrapPublic(bytes) };
    case 'PRIVATE KEY': return { pkcs8: bytes };
    case 'RSA PRIVATE KEY': return { pkcs8: wrapPrivate(kRsaAlgorithm, bytes) };
    case 'EC PRIVATE KEY': return { pkcs8: wrapSec1(bytes) };
    case 'ENCRYPTED PRIVATE KEY': return { pkcs8: sealed.open(bytes, passphrase) };
    case 'CERTIFICATE': return { spki: spkiOfCertificate(bytes) };
    default: throw unsupported(`a PEM block named ${label}`);
  }
}
// RFC 5280 4.1: the public key is the field behind the subject; a version stands in front as [0].
function spkiOfCertificate(bytes) {
  const certificate = der.items(bytes)?.[0];
  const fields = certificate && der.items(certificate.whole);
  const spki = fields?.[fields[0].tag === 0xa0 ? 6 : 5];
  if (spki === undefined) throw unsupported('the certificate is damaged');
  return spki.whole;
}
function fromDer(bytes, form, isPrivate, passphrase) {
  if (isPrivate && (form === undefined || form === 'pkcs8') && sealed.isSealed(bytes)) return { pkcs8: sealed.open(bytes, passphrase) };
  switch (form) {
    case 'pkcs1': return isPrivate ? { pkcs8: wrapPrivate(kRsaAlgorithm, bytes) } : { spki: wrapPublic(bytes) };
    case 'sec1': return { pkcs8: wrapSec1(bytes) };
    case 'pkcs8': return { pkcs8: bytes };
    case 'spki': return { spki: bytes };
    default: return isPrivate ? { pkcs8: bytes } : { spki: bytes };
  }
}

function imported({ spki, pkcs8 }) {
  const parts = der.items(spki ?? pkcs8);
  const algorithm = parts?.[spki !== undefined ? 0 : 1];
  const [oid, parameter] = (algorithm && der.items(algorithm.whole)) ?? [];
  const kind = kTypes[oid && Buffer.from(oid.body).toString('hex')];
  if (kind === undefined) throw unsupported('not a key of RSA, EC, Ed25519, Ed448, X25519 or X448');
  const curve = kind === 'EC' ? kCurves[Buffer.from(parameter?.body ?? []).toString('hex')] : '';
  if (curve === undefined) throw unsupported('an EC key of another curve than P-256, P-384 and P-521');
  const handle = spki !== undefined ? native.keyFromSpki(kind, curve, spki) : native.keyFromPkcs8(kind, curve, pkcs8, true);
  if (handle === undefined) throw unsupported(`the ${kind} key is not valid, or too many are held`);
  return { type: spki !== undefined ? 'public' : 'private', kind, curve, handle };
}

function fromJwk(jwk) {
  const kind = jwk.kty === 'OKP' ? jwk.crv : jwk.kty;
  const curve = kind === 'EC' ? jwk.crv : '';
  const isPrivate = jwk.d !== undefined;
  const names = (kParts[kind] ?? ['x', 'd']).filter((name) => isPrivate || !['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(name));
  if (names.some((name) => typeof jwk[name] !== 'string')) throw failure(TypeError, 'Invalid JWK data', 'ERR_CRYPTO_INVALID_JWK');
  const handle = native.keyFromParts(kind, curve, names.map((name) => Buffer.from(jwk[name], 'base64url')), true);
  if (handle === undefined) throw failure(TypeError, 'Invalid JWK data', 'ERR_CRYPTO_INVALID_JWK');
  return { type: isPrivate ? 'private' : 'public', kind, curve, handle };
}

// What Node takes for a key: PEM, bytes, { key, format, type, encoding, passphrase }, a JWK in there, a KeyObject, a CryptoKey.
function read(input, isPrivate) {
  if (KeyObject.isKeyObject(input)) return KeyObject.open(input);
  if (typeof input === 'object' && input !== null && internal.keyParts(input) !== undefined) return KeyObject.open(KeyObject.from(input));
  if (typeof input === 'string' || ArrayBuffer.isView(input) || input instanceof ArrayBuffer) return imported(fromPem(bytesOf(input).toString('latin1')));
  if (typeof input !== 'object' || input === null || input.key === undefined) bytesOf(input);
  if (input.format === 'jwk') return fromJwk(input.key);
  if (typeof input.key === 'object' && !ArrayBuffer.isView(input.key) && !(input.key instanceof ArrayBuffer)) return read(input.key, isPrivate);
  const bytes = bytesOf(input.key, input.encoding);
  return imported(input.format === 'der' ? fromDer(bytes, input.type, isPrivate, input.passphrase) : fromPem(bytes.toString('latin1'), input.passphrase));
}

function privateKeyOf(input) {
  const key = read(input, true);
  if (key.type !== 'private') throw failure(TypeError, `Invalid key object type ${key.type}, expected private.`, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE');
  return key;
}
// A private key holds the public one.
function publicKeyOf(input) {
  const key = read(input, false);
  if (key.type === 'public') return key;
  if (key.type === 'secret') throw failure(TypeError, 'Invalid key object type secret, expected private or public.', 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE');
  const parts = native.keyParts(key.handle).slice(0, key.kind === 'RSA' || key.kind === 'EC' ? 2 : 1);
  return { ...key, type: 'public', handle: native.keyFromParts(key.kind, key.curve, parts, true) };
}

function createSecretKey(value, encoding) {
  const handle = native.keySecret(bytesOf(value, encoding), true);
  if (handle === undefined) throw failure(RangeError, 'The key is too long, or too many are held', 'ERR_OUT_OF_RANGE');
  return new KeyObject({ type: 'secret', handle });
}
const createPrivateKey = (input) => new KeyObject(privateKeyOf(input));
const createPublicKey = (input) => new KeyObject(publicKeyOf(input));

// --- new keys ------------------------------------------------------------------------------------------------------------------------

const kKinds = { rsa: 'RSA', 'rsa-pss': 'RSA', ec: 'EC', ed25519: 'Ed25519', x25519: 'X25519', ed448: 'Ed448', x448: 'X448' };
const kCurveNames = { 'P-256': 'P-256', prime256v1: 'P-256', secp256r1: 'P-256', 'P-384': 'P-384', secp384r1: 'P-384', 'P-521': 'P-521', secp521r1: 'P-521' };

function generateKeyPairSync(name, options = {}) {
  const kind = kKinds[name];
  const curve = kind === 'EC' ? kCurveNames[options.namedCurve] : '';
  if (kind === undefined || curve === undefined) {
    throw failure(TypeError, `generateKeyPair: there are ${Object.keys(kKinds).join(', ')}, and of ec the curves P-256, P-384 and P-521`, 'ERR_INVALID_ARG_VALUE');
  }
  const exponent = Buffer.from((options.publicExponent ?? 0x10001).toString(16).padStart(6, '0'), 'hex');
  const pair = native.keyPair(kind, kind === 'RSA' ? options.modulusLength ?? 2048 : curve, exponent, true);
  if (pair === undefined) throw failure(Error, 'No key can be generated with these parameters', 'ERR_CRYPTO_OPERATION_FAILED');
  const shown = (type, handle, encoding) => {
    const object = new KeyObject({ type, kind, curve, handle });
    return encoding === undefined ? object : object.export(encoding);
  };
  return { publicKey: shown('public', pair[0], options.publicKeyEncoding), privateKey: shown('private', pair[1], options.privateKeyEncoding) };
}
function generateKeySync(name, { length }) {
  if (name !== 'hmac' && name !== 'aes') throw failure(TypeError, 'The "type" argument must be one of: \'hmac\', \'aes\'', 'ERR_INVALID_ARG_VALUE');
  const handle = native.keyRandom(length >> 3, true);
  if (handle === undefined) throw failure(RangeError, 'The value of "options.length" is out of range', 'ERR_OUT_OF_RANGE');
  return new KeyObject({ type: 'secret', handle });
}

module.exports = { KeyObject, createSecretKey, createPrivateKey, createPublicKey, privateKeyOf, publicKeyOf, generateKeyPairSync, generateKeySync };
