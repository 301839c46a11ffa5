// Normalizing an algorithm (Web Cryptography 18.4.4): its name as registered, its members converted as Web IDL has it.
import { bufferSource } from './bytes.js';
import { notSupported } from './errors.js';

// Members of the dictionaries, in Web IDL's order; "?" may be absent.
const kHashes = { 'SHA-1': {}, 'SHA-256': {}, 'SHA-384': {}, 'SHA-512': {} };
const kRsaKey = { hash: 'hash' };
const kRsaMake = { hash: 'hash', modulusLength: 'ulong', publicExponent: 'bigint' };
const kEc = { namedCurve: 'string' };
const kLength = { length: 'ushort' };
const kHmac = { hash: 'hash', length: 'ulong?' };
const kHkdf = { hash: 'hash', info: 'buffer', salt: 'buffer' };
const kPbkdf2 = { hash: 'hash', iterations: 'ulong', salt: 'buffer' };
const kPeer = { public: 'key' };
const kSignatures = {
  'RSASSA-PKCS1-v1_5': {}, 'RSA-PSS': { saltLength: 'ulong' }, ECDSA: { hash: 'hash' }, Ed25519: {},
  Ed448: { context: 'buffer?' }, HMAC: {},
};
const kCiphers = {
  'RSA-OAEP': { label: 'buffer?' },
  'AES-CTR': { counter: 'buffer', length: 'octet' },
  'AES-CBC': { iv: 'buffer' },
  'AES-GCM': { additionalData: 'buffer?', iv: 'buffer', tagLength: 'octet?' },
};
const kDerivations = { ECDH: kPeer, X25519: kPeer, X448: kPeer, HKDF: kHkdf, PBKDF2: kPbkdf2 };

const registry = {
  __proto__: null,
  digest: kHashes,
  sign: kSignatures,
  verify: kSignatures,
  encrypt: kCiphers,
  decrypt: kCiphers,
  deriveBits: kDerivations,
  generateKey: {
    'RSASSA-PKCS1-v1_5': kRsaMake, 'RSA-PSS': kRsaMake, 'RSA-OAEP': kRsaMake, ECDSA: kEc, ECDH: kEc, Ed25519: {}, X25519: {},
    Ed448: {}, X448: {},
    'AES-CTR': kLength, 'AES-CBC': kLength, 'AES-GCM': kLength, 'AES-KW': kLength, HMAC: kHmac,
  },
  importKey: {
    'RSASSA-PKCS1-v1_5': kRsaKey, 'RSA-PSS': kRsaKey, 'RSA-OAEP': kRsaKey, ECDSA: kEc, ECDH: kEc, Ed25519: {}, X25519: {},
    Ed448: {}, X448: {},
    'AES-CTR': {}, 'AES-CBC': {}, 'AES-GCM': {}, 'AES-KW': {}, HMAC: kHmac, HKDF: {}, PBKDF2: {},
  },
  exportKey: {
    'RSASSA-PKCS1-v1_5': {}, 'RSA-PSS': {}, 'RSA-OAEP': {}, ECDSA: {}, ECDH: {}, Ed25519: {}, X25519: {},
    Ed448: {}, X448: {},
    'AES-CTR': {}, 'AES-CBC': {}, 'AES-GCM': {}, 'AES-KW': {}, HMAC: {},
  },
  getKeyLength: {
    'AES-CTR': kLength, 'AES-CBC': kLength, 'AES-GCM': kLength, 'AES-KW': kLength, HMAC: kHmac, HKDF: {}, PBKDF2: {},
  },
  wrapKey: { 'AES-KW': {} },
  unwrapKey: { 'AES-KW': {} },
};

// [EnforceRange].
export function integer(value, max, what) {
  const number = Math.trunc(Number(value)) + 0;
  if (!(number >= 0 && number <= max)) throw new TypeError(`${what}: ${String(value)} is not a whole number from 0 to ${max}.`);
  return number;
}

const convert = {
  octet: (value, what) => integer(value, 255, what),
  ushort: (value, what) => integer(value, 65535, what),
  ulong: (value, what) => integer(value, 4294967295, what),
  string: (value) => `${value}`,
  hash: (value) => normalize(value, 'digest'),
  buffer: bufferSource,
  bigint: (value, what) => {
    if (!(value instanceof Uint8Array)) throw new TypeError(`${what} is not a Uint8Array.`);
    return new Uint8Array(value);
  },
  key: (value, what) => {
    if (internal.keyParts(value) === undefined) throw new TypeError(`${what} is not a CryptoKey.`);
    return value;
  },
};

export function normalize(algorithm, operation) {
  const isObject = (typeof algorithm === 'object' && algorithm !== null) || typeof algorithm === 'function';
  const given = isObject ? algorithm.name : algorithm;
  if (given === undefined) throw new TypeError('The algorithm has no name.');
  const wanted = `${given}`.toUpperCase();
  const known = registry[operation];
  const name = Object.keys(known).find((each) => each.toUpperCase() === wanted);
  if (name === undefined) throw notSupported(`'${given}' is no algorithm that can ${operation === 'digest' ? 'hash' : operation}.`);
  const made = { name };
  for (const [member, type] of Object.entries(known[name])) {
    const value = isObject ? algorithm[member] : undefined;
    if (value !== undefined) made[member] = convert[type.replace('?', '')](value, `${name}: ${member}`);
    else if (!type.endsWith('?')) throw new TypeError(`${name}: the member ${member} is missing.`);
  }
  return made;
}

export function hasOperation(name, operation) {
  return Object.hasOwn(registry[operation], name);
}
