// BufferSource arguments and base64url (RFC 7515 2), without anything that a function may have replaced: bytes of keys pass here.
import { dataError } from './errors.js';

const { apply, bufferOf } = internal.trusted;
const kArrayBuffer = 10;

// Web IDL BufferSource: what the ops read themselves.
export function bufferSource(value, what) {
  if (!ArrayBuffer.isView(value) && native.kindOf(value) !== kArrayBuffer) {
    throw new TypeError(`${what} is neither an ArrayBuffer nor a view of one.`);
  }
  return value;
}

// The ArrayBuffer of a Uint8Array that an op has made.
export const bufferFrom = (bytes) => apply(bufferOf, bytes, []);

export const toUrl = (bytes) => native.base64UrlEncode(bytes);

export function fromUrl(text, what) {
  if (typeof text !== 'string') throw dataError(`JWK: "${what}" is missing or no string.`);
  const bytes = native.base64UrlDecode(text);
  if (bytes === undefined) throw dataError(`JWK: "${what}" is not base64url.`);
  return bytes;
}
