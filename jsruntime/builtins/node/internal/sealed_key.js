// Private keys that are encrypted with a passphrase: PKCS#8 by PBES2 (RFC 5958 3, RFC 8018 6.2: PBKDF2 and AES-CBC), and PEM as OpenSSL wrote it
// before (Proc-Type and DEK-Info, RFC 1421 4.6.1). Of other ciphers, DES among them, the error says that they are not there.
const { Buffer } = require('buffer');
const der = require('zts:der');

const kPbes2 = '2a864886f70d01050d', kPbkdf2 = '2a864886f70d01050c';
const kPrfs = {
  '2a864886f70d0207': 'SHA-1', '2a864886f70d0208': 'sha224', '2a864886f70d0209': 'SHA-256', '2a864886f70d020a': 'SHA-384', '2a864886f70d020b': 'SHA-512',
};
const kKeyBytes = { '608648016503040102': 16, '608648016503040116': 24, '60864801650304012a': 32 };  // of AES in CBC mode
const kIterations = 2048;  // OpenSSL's own

const failure = (Kind, message, code) => Object.assign(new Kind(message), { code });
const unsupported = (what) => failure(Error, `Unsupported encryption of a key: ${what}`, 'ERR_OSSL_UNSUPPORTED');
const hexOf = (item) => Buffer.from(item?.body ?? []).toString('hex');
const oid = (hex) => der.wrap(der.kOid, Buffer.from(hex, 'hex'));

function secretOf(passphrase) {
  if (passphrase === undefined || passphrase === null) throw failure(TypeError, 'Passphrase required for encrypted key', 'ERR_MISSING_PASSPHRASE');
  return typeof passphrase === 'string' ? Buffer.from(passphrase) : Buffer.from(passphrase.buffer ?? passphrase, passphrase.byteOffset ?? 0, passphrase.byteLength);
}

function aesCbc(encrypt, key, iv, data) {
  const handle = native.cipherStart(`aes-${key.length * 8}-cbc`, encrypt, key, iv, 16);
  const first = handle === undefined ? undefined : native.cipherUpdate(handle, data);
  const last = first === undefined ? undefined : native.cipherFinal(handle);
  if (last === undefined) throw failure(Error, encrypt ? 'The key cannot be encrypted' : 'bad decrypt: is the passphrase right?', 'ERR_OSSL_BAD_DECRYPT');
  return Buffer.concat([first, last]);
}

function derived(prf, passphrase, salt, iterations, length) {
  const secret = native.keySecret(passphrase, false);
  const key = secret === undefined ? undefined : native.pbkdf2(prf, secret, salt, iterations, length);
  if (key === undefined) throw unsupported('its parameters');
  return key;
}

// Whether these bytes of PKCS#8 are encrypted: what is not begins with its version.
const isSealed = (bytes) => der.items(bytes)?.[0]?.tag === der.kSequence;

function open(bytes, passphrase) {
  const [algorithm, data] = der.items(bytes) ?? [];
  const [scheme, parameters] = (algorithm && der.items(algorithm.whole)) ?? [];
  if (hexOf(scheme) !== kPbes2 || data?.tag !== der.kOctetString) throw unsupported('not PBES2');
  const [kdf, encryption] = (der.items(parameters.whole) ?? []).map(({ whole }) => der.items(whole));
  if (hexOf(kdf?.[0]) !== kPbkdf2) throw unsupported('its key is not derived by PBKDF2');
  const [salt, iterations, ...rest] = der.items(kdf[1].whole) ?? [];
  const prf = rest.find(({ tag }) => tag === der.kSequence);
  const hash = prf === undefined ? 'SHA-1' : kPrfs[hexOf(der.items(prf.whole)?.[0])];
  const length = kKeyBytes[hexOf(encryption?.[0])];
  if (hash === undefined || length === undefined || !(iterations?.body.length <= 4)) throw unsupported('there are AES in CBC mode, and HMAC by SHA-1 and SHA-2');
  const key = derived(hash, secretOf(passphrase), salt.body, Buffer.from(iterations.body).readUIntBE(0, iterations.body.length), length);
  return aesCbc(false, key, encryption[1].body, data.body);
}

// AES-128-CBC, aes256 and so on: how long its keys are.
function keyBytesOf(cipher) {
  const [, bits] = /^aes-?(128|192|256)(?:-?cbc)?$/i.exec(`${cipher}`) ?? [];
  if (bits === undefined) throw failure(Error, `Unknown cipher: ${cipher}; there are aes-128-cbc, aes-192-cbc and aes-256-cbc`, 'ERR_CRYPTO_UNKNOWN_CIPHER');
  return Number(bits) / 8;
}

function seal(bytes, cipher, passphrase) {
  const length = keyBytesOf(cipher);
  const random = new Uint8Array(32);
  native.randomFill(random);
  const salt = random.slice(0, 16);
  const iv = random.slice(16);
  const key = derived('SHA-256', secretOf(passphrase), salt, kIterations, length);
  const [encryption] = Object.keys(kKeyBytes).filter((each) => kKeyBytes[each] === length);
  const prf = der.wrap(der.kSequence, oid('2a864886f70d0209'), der.wrap(der.kNull));
  const kdf = der.wrap(der.kSequence, oid(kPbkdf2), der.wrap(der.kSequence, der.wrap(der.kOctetString, salt), der.integer(Buffer.from([kIterations >> 8, kIterations & 255])), prf));
  const scheme = der.wrap(der.kSequence, oid(kPbes2), der.wrap(der.kSequence, kdf, der.wrap(der.kSequence, oid(encryption), der.wrap(der.kOctetString, iv))));
  return der.wrap(der.kSequence, scheme, der.wrap(der.kOctetString, aesCbc(true, key, iv, bytes)));
}

// --- PEM with headers ----------------------------------------------------------------------------------------------------------------

// OpenSSL's EVP_BytesToKey with MD5, once.
function bytesToKey(passphrase, salt, length) {
  let key = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (key.length < length) {
    const hash = native.hashStart('md5', undefined);
    native.hashUpdate(hash, Buffer.concat([last, passphrase, salt]));
    last = Buffer.from(native.hashFinal(hash));
    key = Buffer.concat([key, last]);
  }
  return key.subarray(0, length);
}

// `info` is what stands behind "DEK-Info:".
function openPem(bytes, info, passphrase) {
  const [cipher, salt] = info.trim().split(',');
  if (!/^AES-(128|192|256)-CBC$/.test(cipher)) throw unsupported(`the cipher ${cipher}`);
  const iv = Buffer.from(salt ?? '', 'hex');
  return aesCbc(false, bytesToKey(secretOf(passphrase), iv.subarray(0, 8), keyBytesOf(cipher)), iv, bytes);
}

// { info, bytes }
function sealPem(bytes, cipher, passphrase) {
  const length = keyBytesOf(cipher);
  const iv = Buffer.alloc(16);
  native.randomFill(iv);
  return {
    info: `AES-${length * 8}-CBC,${iv.toString('hex').toUpperCase()}`,
    bytes: aesCbc(true, bytesToKey(secretOf(passphrase), iv.subarray(0, 8), length), iv, bytes),
  };
}

module.exports = { isSealed, open, seal, openPem, sealPem };
