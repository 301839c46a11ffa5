// jose: tokens signed, verified and encrypted by every algorithm that services use.
import * as jose from 'jose';

async function roundTrip(alg) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const token = await new jose.SignJWT({ admin: true }).setProtectedHeader({ alg }).setSubject('u1').setIssuedAt().setExpirationTime('2h').sign(privateKey);
  const { payload } = await jose.jwtVerify(token, publicKey, { algorithms: [alg] });
  const [head, body, signature] = token.split('.');
  const forged = `${head}.${body}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
  const refused = await jose.jwtVerify(forged, publicKey).then(() => 'taken', (error) => error.code);
  const jwk = await jose.exportJWK(publicKey);
  const again = await jose.jwtVerify(token, await jose.importJWK(jwk, alg));
  const pem = await jose.importPKCS8(await jose.exportPKCS8(privateKey), alg);
  const second = await jose.jwtVerify(await new jose.SignJWT({}).setProtectedHeader({ alg }).sign(pem), publicKey);
  return [payload.sub, payload.admin, refused, again.payload.sub, second.protectedHeader.alg].join();
}

async function secret() {
  const key = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
  const token = await new jose.SignJWT({ a: 1 }).setProtectedHeader({ alg: 'HS256' }).sign(key);
  return `${token} ${(await jose.jwtVerify(token, key)).payload.a}`;
}

async function encrypted() {
  const results = [];
  for (const [alg, enc, key] of [
    ['dir', 'A256GCM', crypto.getRandomValues(new Uint8Array(32))], ['A256KW', 'A128CBC-HS256', crypto.getRandomValues(new Uint8Array(32))],
    ['PBES2-HS256+A128KW', 'A128GCM', new TextEncoder().encode('password')],
  ]) {
    const jwe = await new jose.CompactEncrypt(new TextEncoder().encode('hidden')).setProtectedHeader({ alg, enc }).encrypt(key);
    const { plaintext } = await jose.compactDecrypt(jwe, key, { keyManagementAlgorithms: [alg] });
    results.push(new TextDecoder().decode(plaintext));
  }
  for (const alg of ['RSA-OAEP-256', 'ECDH-ES+A128KW']) {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg);
    const jwe = await new jose.CompactEncrypt(new TextEncoder().encode('pair')).setProtectedHeader({ alg, enc: 'A256GCM' }).encrypt(publicKey);
    results.push(new TextDecoder().decode((await jose.compactDecrypt(jwe, privateKey)).plaintext));
  }
  return results.join();
}

export default {
  async fetch(request) {
    const what = new URL(request.url).pathname.split('/').at(-1);
    if (what === 'secret') return new Response(await secret());
    if (what === 'encrypted') return new Response(await encrypted());
    return new Response(await roundTrip(what));
  },
};
