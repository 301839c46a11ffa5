// Signed tokens: base64url, digests, random bytes, constant-time comparison. HMAC is written out over subtle.digest.
const encoder = new TextEncoder();
const toBase64Url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const fromBase64Url = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()));

async function hmac(key, message) {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? await sha256(key) : key);
  return sha256(block.map((byte) => byte ^ 0x5c), await sha256(block.map((byte) => byte ^ 0x36), message));
}

function equalBytes(a, b) {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; ++i) difference |= a[i] ^ b[i];
  return difference === 0;
}

export async function sign(claims, key) {
  const payload = toBase64Url(encoder.encode(JSON.stringify({ ...claims, jti: crypto.randomUUID() })));
  return `${payload}.${toBase64Url(await hmac(key, encoder.encode(payload)))}`;
}

export async function verify(token, key) {
  const [payload, signature = ''] = token.split('.');
  try {
    if (!equalBytes(await hmac(key, encoder.encode(payload)), fromBase64Url(signature))) return null;
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(fromBase64Url(payload)));
  } catch {
    return null;
  }
}

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const key = crypto.getRandomValues.length === 1 ? encoder.encode('a key for the test') : null;

export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/hmac': return new Response(hex(await hmac(encoder.encode('key'), encoder.encode('The quick brown fox jumps over the lazy dog'))));
      case '/sign': return new Response(await sign({ sub: url.searchParams.get('sub'), nonce: hex(crypto.getRandomValues(new Uint8Array(8))) }, key));
      case '/verify': {
        const claims = await verify(await request.text(), key);
        return claims === null ? new Response('forged', { status: 401 }) : Response.json({ sub: claims.sub });
      }
      default: return new Response('?', { status: 404 });
    }
  },
};
