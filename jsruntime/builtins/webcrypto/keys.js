// What the algorithms share: usages, JWK's common members, CryptoKeys.
import { dataError, invalidAccess, notSupported, operationError, syntaxError } from './errors.js';

const kUsages = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];

// Web IDL sequence<KeyUsage>, each once and in the order of the standard.
export function readUsages(value) {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) throw new TypeError('keyUsages is not a sequence.');
  const given = new Set();
  for (const usage of value) {
    if (!kUsages.includes(`${usage}`)) throw new TypeError(`'${usage}' is not a key usage; there are ${kUsages.join(', ')}.`);
    given.add(`${usage}`);
  }
  return kUsages.filter((usage) => given.has(usage));
}

export function allowUsages(usages, allowed, name) {
  const wrong = usages.find((usage) => !allowed.includes(usage));
  if (wrong !== undefined) {
    throw syntaxError(`A key of ${name} here cannot be used to ${wrong}${allowed.length > 0 ? `, only to ${allowed.join(', ')}` : ''}.`);
  }
}

export function makeKey(type, extractable, algorithm, usages, handle, failure = dataError) {
  if (handle === undefined) throw failure(`${algorithm.name}: the key is not valid, or too many keys are held.`);
  return internal.makeKey({ type, extractable, algorithm, usages, handle });
}

// The two keys of native.keyPair.
export function makePair(pair, algorithm, extractable, usages, publicUsages, privateUsages) {
  if (pair === undefined) throw operationError(`${algorithm.name}: no key can be generated with these parameters.`);
  const only = (allowed) => usages.filter((usage) => allowed.includes(usage));
  return {
    publicKey: makeKey('public', true, algorithm, only(publicUsages), pair[0]),
    privateKey: makeKey('private', extractable, algorithm, only(privateUsages), pair[1]),
  };
}

// The members that every JWK may have (RFC 7517 4).
export function checkJwk(jwk, type, use, extractable, usages) {
  if (jwk.kty !== type) throw dataError(`JWK: "kty" is not "${type}".`);
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) throw dataError(`JWK: "use" is not "${use}".`);
  if (jwk.key_ops !== undefined) {
    const ops = [...jwk.key_ops];
    if (new Set(ops).size !== ops.length) throw dataError('JWK: "key_ops" has a value twice.');
    if (usages.some((usage) => !ops.includes(usage))) throw dataError('JWK: "key_ops" lacks a usage that is asked for.');
  }
  if (jwk.ext !== undefined && !jwk.ext && extractable) throw dataError('JWK: "ext" is false, and the key shall be extractable.');
}

export function wrongFormat(format, name) {
  return notSupported(`${name} has no key format '${format}'.`);
}

// The CryptoKey's inside, after the checks that every operation begins with.
export function openFor(key, algorithm, usage) {
  const parts = internal.keyParts(key);
  if (parts.algorithm.name !== algorithm.name) throw invalidAccess(`The key is one of ${parts.algorithm.name}, not of ${algorithm.name}.`);
  if (!parts.usages.includes(usage)) throw invalidAccess(`The key cannot be used to ${usage}; its usages are ${parts.usages.join(', ') || 'none'}.`);
  return parts;
}
