// Keys in the forms of files, made by Node itself, and what it has signed with them: node:crypto's other way.
import crypto, { createHmac, createPrivateKey, createPublicKey, createSecretKey, createSign, createVerify } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';

const data = Buffer.from('data');
const decoded = (text) => Buffer.from(text, 'base64');
const rsaPkcs1 = `-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDoArziLMzzjX+j301DqwATuQrS7/ycPeOJCb1xyBIZN61xNajJ
ndXgUoxBfTVwMCDtvH2kBWvdR65F8EoOGfQXUK5eDx96mVZYoa3F24iQrka98LQE
r6pC4PyreTWjEjU056IIFy0pjDeheEMOPNw1Bvp0MS8sIhWztTletJE3ewIDAQAB
AoGBAM8Lqm4Y1um+a5rdKwFpN89iAdPOUNtJq6VeqM5CYkxY0JJH9ZG/Jd9jK0FC
MI8mlCw0Wtcl82Vsk4xcbGn7JUR5/CRROwtBpmljfxTgMbBvgsnGcr7fNcxuGDSk
MNOMaPYGv20+/t9C+TpzFTg4geRYQx0ZFaOo7IYDGOGTTOBBAkEA/J/oVyp+Z+Ia
pG0XL11FiVXzUSR65wsJdupqCzR+HeiHDdivLvUUB1E2ol9VWtLGtRr5LZ0Dw+F6
OJKVCKduGwJBAOscUjIwPczDO5Yq8qvFz1tBlH5wypsOjileiJ5ck4VmsxiLcNJ9
fNfpTe56SHk4WuXFmLv09NU1068SpcccciECQGmkPTbmUEIE7XtBG2b1LDUIOl3+
UV744JZX5MyWwP6k1IVXzbpnRl7g+WXhVAJNDkeB5h3LAV4Slle+BJC/420CQE9J
RLriI+UqrayNnTqqQaw/qGkfdmPl+7EdzSrCg4lIQft0Ar8pTHGvnvVeTZR7mcPE
6CXyjKJePZ3bxwYnpKECQQCxUptuI9ug1K60ZubVFwK18mnSG49wfqfgsBB8/nNw
WMZr+tMlzdccYXoHAxDUGB8xKXLsOT38nbHomrShW4Ab
-----END RSA PRIVATE KEY-----
`;
const rsaSpki = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDoArziLMzzjX+j301DqwATuQrS
7/ycPeOJCb1xyBIZN61xNajJndXgUoxBfTVwMCDtvH2kBWvdR65F8EoOGfQXUK5e
Dx96mVZYoa3F24iQrka98LQEr6pC4PyreTWjEjU056IIFy0pjDeheEMOPNw1Bvp0
MS8sIhWztTletJE3ewIDAQAB
-----END PUBLIC KEY-----
`;
const rsaPublicPkcs1 = `-----BEGIN RSA PUBLIC KEY-----
MIGJAoGBAOgCvOIszPONf6PfTUOrABO5CtLv/Jw944kJvXHIEhk3rXE1qMmd1eBS
jEF9NXAwIO28faQFa91HrkXwSg4Z9BdQrl4PH3qZVlihrcXbiJCuRr3wtASvqkLg
/Kt5NaMSNTTnoggXLSmMN6F4Qw483DUG+nQxLywiFbO1OV60kTd7AgMBAAE=
-----END RSA PUBLIC KEY-----
`;
const ecSec1 = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIALEmCVAvZiIfA6UdwgZOGd9KvaZiqWd9x9n+FxIJV01oAoGCCqGSM49
AwEHoUQDQgAE5MVnuApzhvXAyPpLrxnnIi28+4TgZlZiYyqQ0/BcRATupAQpad4i
i1blRHj3t7QuSO+7YUrPb5zJXLLnIgAL8w==
-----END EC PRIVATE KEY-----
`;
const ecSpki = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5MVnuApzhvXAyPpLrxnnIi28+4Tg
ZlZiYyqQ0/BcRATupAQpad4ii1blRHj3t7QuSO+7YUrPb5zJXLLnIgAL8w==
-----END PUBLIC KEY-----
`;
const edPkcs8 = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEILPaP0NwoH1C+4hbH3jtU3EYeHx1TpFBh8VfFjEnRdYW
-----END PRIVATE KEY-----
`;
const edSpki = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEApKMxBtdF5w7vp5gjk6SFPXIhqiXVPcB00f5R6ZPjsW8=
-----END PUBLIC KEY-----
`;
const rs256 = 'UuCeJ7J7m+COZYvh+trghQ8Rt6bBsWY3imXxqcw94uknjYQNkcElbg44Dyu7QpQtX73rAfnbI7JIqYeu1J4LtPbhFYE0uqSOrsSaLPlUzSIOZa' +
    'SXDNyTM3b+i0hDBNr4EoZyEO67w8ewXfjSw4RpJTWXXSdfnwbPbaJQQzzlHMI=';
const ps256 = 'G+i5Au+xtq2mb4j3/2DOvKpU7Q9Zn+e4xz5Pbxy4Chwo9SL4YbVDM6smUlKzJ7PT/DCu0ni5sXMcQSrHWVyGV4HvpcwN9iTEDt+CifHWYPw3qs' +
    'mdUzk1iH7Kc9fnWUWKRZJccwaPN37mBQcoswmN8DT78gVmId98xjD4nz7RA7g=';
const ps256max = 'E/FXKvmIsd9iBJN0F45ylS7Ptx6705tUrM6NxXsS4SJEGi2aZ2WgylZJBgVXF3BwCOR1wKfe0qv63UeR8llezGzHD09p5GJ+HqZ0zQV9qhMEDz' +
    'Mnab1iuiSiLWV4aE7W1H4Xjp/hSRx2woAIGJcsF7dZfTlgaHvPNnrEbpbw4Mk=';
const es256 = 'MEUCIQDUl9V/yc8M3BmS55nZlI9mdFdp2Fu1tiuNcAlsKYPuVgIgHm8jArUTgvXjryJCMhUz2K52VJt6XXZIGsEisf3yrkM=';
const eddsa = 'O+BH0kukR/tsIwg0EEChvEYW75YzCzpoCGA8iGBdNndxPR4/tJt0QsNq3Kh7EC2BG39w2+pRiknHcnA9PrDKDw==';
const oaep = 'iFj0gYnXcwG7JX0KvL/ThahACU2kdTqdzYiHbvdDE6BzW70F3wEISNFq+pGN2G5t+oxZXeeCdbj/HldjFUtYXQO5Jd6Pbnwt/mCEXabMsydRz0' +
    'BzfyFtZV5snkXUltyykGEtpNCrsKt7143TesIHZIvoYyKrN4d0gAXmSSHK+lk=';

test('keys of every form are one', () => {
  const key = createPrivateKey(rsaPkcs1);
  equal(key.type, 'private');
  equal(key.asymmetricKeyType, 'rsa');
  same(key.asymmetricKeyDetails, { modulusLength: 1024, publicExponent: 65537n });
  equal(key.export({ type: 'pkcs1', format: 'pem' }), rsaPkcs1);
  ok(createPrivateKey({ key: key.export({ type: 'pkcs8', format: 'der' }), format: 'der', type: 'pkcs8' }).equals(key));
  ok(createPrivateKey({ key: key.export({ format: 'jwk' }), format: 'jwk' }).equals(key));
  equal(createPublicKey(key).export({ type: 'spki', format: 'pem' }), rsaSpki);
  equal(createPublicKey(rsaPublicPkcs1).export({ type: 'pkcs1', format: 'pem' }), rsaPublicPkcs1);
  ok(createPublicKey(rsaPkcs1).equals(createPublicKey(rsaSpki)));
  ok(!createPublicKey(ecSpki).equals(createPublicKey(rsaSpki)));
  equal(createPrivateKey(ecSec1).export({ type: 'sec1', format: 'pem' }), ecSec1);
  same(createPrivateKey(ecSec1).asymmetricKeyDetails, { namedCurve: 'prime256v1' });
  equal(createPrivateKey(edPkcs8).asymmetricKeyType, 'ed25519');
  equal(createPublicKey(createPrivateKey(edPkcs8)).export({ type: 'spki', format: 'pem' }), edSpki);
  ok(key instanceof crypto.KeyObject && createSecretKey(data) instanceof crypto.KeyObject);
});

test('what Node has signed is valid, and a changed bit is not', () => {
  const valid = (key, signature, hash = 'sha256') => crypto.verify(hash, data, key, decoded(signature));
  const wrong = (signature) => {
    const changed = decoded(signature);
    changed[changed.length >> 1] ^= 1;
    return changed.toString('base64');
  };
  ok(valid(rsaSpki, rs256) && !valid(rsaSpki, wrong(rs256)));
  ok(createVerify('RSA-SHA256').update('da').update('ta').verify(rsaSpki, rs256, 'base64'));
  ok(!createVerify('RSA-SHA256').update('date').verify(rsaSpki, rs256, 'base64'));
  const pss = { key: rsaSpki, padding: crypto.constants.RSA_PKCS1_PSS_PADDING };
  ok(valid(pss, ps256) && valid({ ...pss, saltLength: 32 }, ps256) && !valid({ ...pss, saltLength: 20 }, ps256) && !valid(pss, wrong(ps256)));
  ok(valid(pss, ps256max));
  ok(valid(ecSpki, es256) && !valid(ecSpki, wrong(es256)) && !valid(ecSpki, 'AAAA'));
  ok(valid(edSpki, eddsa, null) && !valid(edSpki, wrong(eddsa), null));
});

test('what is signed here is valid', async () => {
  equal(createSign('RSA-SHA256').update('data').sign(rsaPkcs1, 'base64'), rs256);
  for (const [secret, open, options] of [[rsaPkcs1, rsaSpki, { padding: 6 }], [rsaPkcs1, rsaSpki, { padding: 6, saltLength: -1 }], [ecSec1, ecSpki, {}],
                                         [ecSec1, ecSpki, { dsaEncoding: 'ieee-p1363' }]]) {
    const signature = crypto.sign('sha384', data, { key: secret, ...options });
    ok(crypto.verify('sha384', data, { key: open, ...options }, signature), JSON.stringify(options));
    ok(!crypto.verify('sha256', data, { key: open, ...options }, signature), JSON.stringify(options));
  }
  equal(crypto.sign('sha256', data, { key: ecSec1, dsaEncoding: 'ieee-p1363' }).length, 64);
  equal((await promisify(crypto.sign)(null, data, edPkcs8)).toString('base64'), eddsa);
});

test('encryption with RSA', () => {
  equal(crypto.privateDecrypt({ key: rsaPkcs1, oaepHash: 'sha256' }, decoded(oaep)).toString(), 'secret');
  equal(crypto.privateDecrypt(rsaPkcs1, crypto.publicEncrypt(rsaSpki, data)).toString(), 'data');
  throws(() => crypto.privateDecrypt(rsaPkcs1, decoded(oaep)), Error);
  equal(crypto.privateDecrypt({ key: rsaPkcs1, oaepLabel: 'label' }, crypto.publicEncrypt({ key: rsaSpki, oaepLabel: 'label' }, 'text')).toString(), 'text');
  const padding = crypto.constants.RSA_PKCS1_PADDING;
  const sealed = crypto.publicEncrypt({ key: rsaSpki, padding }, data);
  equal(crypto.privateDecrypt({ key: rsaPkcs1, padding }, sealed).toString(), 'data');
  // The same each time (RFC 8017 9.2): what Node makes of it, and what it reads.
  const fixed = crypto.privateEncrypt(rsaPkcs1, data).toString('base64');
  equal(fixed, 'PS0nptEU7Rc87DlH4L3523RmlvjNaKXd8UftXNGDejYoEoW56VaLZE8gLt8Hs9ZkUr0z7p+nmJjsR+psTGMgINeSB47Tjm5A2SFD4iKpAlUWAn' +
    'uOA2Ji5w3JT6fC8oN2YcIB6PkCyiifNQG75EyxTR6sihqRL+SUmUa3d/1io+I=');
  equal(crypto.publicDecrypt(rsaSpki, decoded(fixed)).toString() + crypto.publicDecrypt(rsaPkcs1, decoded(fixed)), 'datadata');
  const raw = Buffer.alloc(createPublicKey(rsaSpki).asymmetricKeyDetails.modulusLength / 8, 1);
  const bare = { padding: crypto.constants.RSA_NO_PADDING };
  ok(crypto.publicDecrypt({ key: rsaSpki, ...bare }, crypto.privateEncrypt({ key: rsaPkcs1, ...bare }, raw)).equals(raw));
  ok(crypto.privateDecrypt({ key: rsaPkcs1, ...bare }, crypto.publicEncrypt({ key: rsaSpki, ...bare }, raw)).equals(raw));
  const codes = [() => crypto.publicEncrypt({ key: rsaSpki, padding }, Buffer.alloc(500)), () => crypto.publicEncrypt({ key: ecSpki, padding }, data), () => crypto.publicDecrypt(rsaSpki, sealed)]
      .map((action) => throws(action, Error).code);
  same(codes, ['ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE', 'ERR_OSSL_RSA_UNKNOWN_PADDING_TYPE', 'ERR_OSSL_RSA_INVALID_PADDING']);
});

test('secret keys', async () => {
  const key = createSecretKey('secret', 'utf8');
  equal(createHmac('sha256', key).update('x').digest('hex'), createHmac('sha256', 'secret').update('x').digest('hex'));
  equal(key.symmetricKeySize, 6);
  same(key.export({ format: 'jwk' }), { kty: 'oct', k: 'c2VjcmV0' });
  ok(key.equals(createSecretKey(Buffer.from('secret'))) && !key.equals(createSecretKey('other')));
  const web = await crypto.subtle.importKey('raw', Buffer.from('secret'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
  ok(crypto.KeyObject.from(web).equals(key));
  equal(createHmac('sha256', web).update('x').digest('hex'), createHmac('sha256', 'secret').update('x').digest('hex'));
  throws(() => createHmac('sha256', createPrivateKey(edPkcs8)), Error);
});

test('new keys', async () => {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'secp384r1', publicKeyEncoding: { type: 'spki', format: 'pem' },
                                                                       privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  ok(crypto.verify('sha256', data, publicKey, crypto.sign('sha256', data, privateKey)));
  const pair = await promisify(crypto.generateKeyPair)('ed25519');
  ok(crypto.verify(null, data, pair.publicKey, crypto.sign(null, data, pair.privateKey)));
  equal(crypto.generateKeySync('aes', { length: 256 }).symmetricKeySize, 32);
  throws(() => crypto.generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), TypeError);
});

// Made by Node.
const sealed = {
  pkcs8: `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBA5Vki0XiHc8qKskY5b
QwxDAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQNisw0tOiLcP4XBa+
CwiWjASBkGC5N8V2XXe8SA/dO+wFHdfEgNuNlrse95VVv7Zna+fzlXaoeIUSUDPe
z0D2rWQxLtdFEByw/+Hja8kT3OASXdfRIdF0eYeGEoPjtAeeAEvGxGj4oDpSwc7K
Owt44FjrDY5Fvj8C0RS8cyZHxrrJCdAU+6npXqArsKrWo9Wp8Hib6zRzGhpwNsxE
ZOh9AwC+gg==
-----END ENCRYPTED PRIVATE KEY-----`,
  sec1: `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,B6C69B62878BC279F718FA4322F5F7F9

cogUZAw8KNubNGx2pL9IUjkOuRevik83F2/1pPE6D3SnhsZrMNXWRITzDL8dcX9q
zJNDHbfQE7gYNUGlqmC8l97wzCQlX/NpoPnSrmwR/pM7FfmVVc+3FKCCsiUPV/KT
P5sKBNEStJ3xXib0h0er9ARyHoLnCgfwrgIjyvL7QHo=
-----END EC PRIVATE KEY-----`,
  der: 'MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBCifxSR60vrW00Sigx2wzNNAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBFgQQ6iH7miERh4Tpm7AlOif1zwSBkK6qmFwDTxQRM9J649JvR+Au6jOxZ5lG05onsuX/L65yfEx1ePnRFTSG+h8jbLJPZ0qb8JZ9nNDKxGw0durW6Zc+uNsdXq9nGWM/IX0M2Rx9/7oEAAvqGBjtjInkQf871CN4y8Jtio8v3s23lBF0E49TbNgNTV7YslYjJPxxj1ytf3emtOZZ4Ag/9BcEwKq2Mw==',
};

test('keys with a passphrase', () => {
  const secret = (key) => createPrivateKey(key).export({ format: 'jwk' }).d;
  const d = secret({ key: sealed.pkcs8, passphrase: 'pass' });
  equal(d.length, 43);
  equal(secret({ key: sealed.sec1, passphrase: Buffer.from('pass') }), d);
  equal(secret({ key: decoded(sealed.der), format: 'der', type: 'pkcs8', passphrase: 'pass' }), d);
  equal(throws(() => secret(sealed.pkcs8), TypeError).code, 'ERR_MISSING_PASSPHRASE');
  equal(throws(() => secret({ key: sealed.pkcs8, passphrase: 'other' }), Error).code, 'ERR_OSSL_BAD_DECRYPT');
  const key = createPrivateKey({ key: sealed.pkcs8, passphrase: 'pass' });
  for (const type of ['pkcs8', 'sec1']) {
    for (const cipher of ['aes-128-cbc', 'aes-192-cbc', 'aes256']) {
      const pem = key.export({ type, format: 'pem', cipher, passphrase: 'new' });
      ok(/ENCRYPTED/.test(pem));
      equal(secret({ key: pem, passphrase: 'new' }), d, `${type} ${cipher}`);
    }
  }
  equal(secret({ key: key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-128-cbc', passphrase: 'p' }), format: 'der', type: 'pkcs8', passphrase: 'p' }), d);
  equal(throws(() => key.export({ type: 'pkcs8', format: 'pem', cipher: 'des', passphrase: 'p' }), Error).code, 'ERR_CRYPTO_UNKNOWN_CIPHER');
  const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' },
                                                  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' } });
  ok(createSign('sha256').update(data).sign({ key: pair.privateKey, passphrase: 'p' }).length > 60);
  // Damaged ones are refused, whatever is wrong.
  const der = decoded(sealed.der);
  for (let at = 0; at < der.length; at += 3) {
    const damaged = Buffer.from(der);
    damaged[at] ^= 0x15;
    let found;
    try {
      found = secret({ key: damaged.subarray(0, at % 2 ? damaged.length : at), format: 'der', type: 'pkcs8', passphrase: 'pass' });
    } catch (error) {
      ok(error instanceof Error && typeof error.code === 'string', `${at}: ${error.stack}`);
    }
    ok(found === undefined || found === d, `${at}`);
  }
});

test('what is no key says why', () => {
  for (const [input, code] of [['', 'ERR_OSSL_UNSUPPORTED'], ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', 'ERR_OSSL_UNSUPPORTED'],
                               ['-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----', 'ERR_OSSL_UNSUPPORTED'],
                               [{ key: { kty: 'RSA', n: 'AQAB' }, format: 'jwk' }, 'ERR_CRYPTO_INVALID_JWK'], [7, 'ERR_INVALID_ARG_TYPE'], [{}, 'ERR_INVALID_ARG_TYPE'],
                               [rsaSpki, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE']]) {
    equal(throws(() => createPrivateKey(input), Error).code, code);
  }
  // Every cut of a key is refused, and ends nothing.
  const whole = Buffer.from(createPublicKey(rsaSpki).export({ type: 'spki', format: 'der' }));
  for (let end = 0; end < whole.length; end++) throws(() => createPublicKey({ key: whole.subarray(0, end), format: 'der', type: 'spki' }), Error);
});

test('hashes and ciphers are streams, too', async () => {
  const hash = crypto.createHash('sha256');
  hash.end('data');
  equal(hash.read().toString('hex'), crypto.createHash('sha256').update('data').digest('hex'));
  const cipher = crypto.createCipheriv('aes-128-cbc', Buffer.alloc(16), Buffer.alloc(16));
  cipher.end('data');
  equal(cipher.read().length, 16);
});

test('ECDH, as Node computes it', () => {
  const pair = (hex) => {
    const made = crypto.createECDH('prime256v1');
    made.setPrivateKey(hex, 'hex');
    return made;
  };
  const a = pair('0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20');
  const b = pair('2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40');
  equal(a.getPublicKey('hex'), '04515c3d6eb9e396b904d3feca7f54fdcd0cc1e997bf375dca515ad0a6c3b4035f4536be3a50f318fbf9a5475902a221502bef0d57e08c53b2cc0a56f17d9f9354');
  equal(a.getPublicKey('hex', 'compressed'), '02515c3d6eb9e396b904d3feca7f54fdcd0cc1e997bf375dca515ad0a6c3b4035f');
  equal(a.computeSecret(b.getPublicKey(), null, 'hex'), '4fe243908f378aa1c2a69538822e6ed908c3225d8692575507c649901245150a');
  ok(b.computeSecret(a.getPublicKey('base64', 'compressed'), 'base64').equals(a.computeSecret(b.getPublicKey())));
  equal(a.getPrivateKey('hex').slice(0, 8), '01020304');
  for (const curve of ['secp384r1', 'secp521r1']) {
    const [one, two] = [crypto.createECDH(curve), crypto.createECDH(curve)];
    one.generateKeys();
    two.generateKeys();
    ok(one.computeSecret(two.getPublicKey()).equals(two.computeSecret(one.getPublicKey())));
  }
  throws(() => crypto.createECDH('secp256k1'), Error);
  throws(() => crypto.createECDH('prime256v1').getPublicKey(), Error);
  throws(() => a.computeSecret(Buffer.alloc(65, 4)), Error);
  throws(() => pair('00'), Error);
  throws(() => pair('ff'.repeat(32)), Error);
  const [x, y] = [crypto.generateKeyPairSync('x25519'), crypto.generateKeyPairSync('x25519')];
  ok(crypto.diffieHellman({ privateKey: x.privateKey, publicKey: y.publicKey }).equals(crypto.diffieHellman({ privateKey: y.privateKey, publicKey: x.publicKey })));
});
