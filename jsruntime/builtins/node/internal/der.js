// The few forms of DER (X.690 8.1, 10.1) that keys and signatures come in.
const { Buffer } = require('buffer');

const kInteger = 2, kBitString = 3, kOctetString = 4, kNull = 5, kOid = 6, kSequence = 0x30;

function wrap(tag, ...parts) {
  const body = Buffer.concat(parts);
  const size = body.length;
  const head = size < 128 ? [tag, size] : size < 256 ? [tag, 0x81, size] : [tag, 0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

// { tag, body, rest }, or undefined where bytes are missing.
function unwrap(bytes) {
  if (bytes.length < 2) return undefined;
  const [tag, first] = bytes;
  const count = first < 128 ? 0 : first & 127;
  if (count > 3 || bytes.length < 2 + count) return undefined;
  const size = first < 128 ? first : count === 0 ? 0 : Buffer.from(bytes).readUIntBE(2, count);
  const at = 2 + count;
  if (bytes.length < at + size) return undefined;
  return { tag, body: bytes.subarray(at, at + size), rest: bytes.subarray(at + size) };
}
// The values of a sequence, or undefined.
function items(bytes) {
  const outer = unwrap(bytes);
  if (outer === undefined || outer.tag !== kSequence) return undefined;
  const found = [];
  for (let rest = outer.body; rest.length > 0;) {
    const item = unwrap(rest);
    if (item === undefined) return undefined;
    found.push({ ...item, whole: rest.subarray(0, rest.length - item.rest.length) });
    rest = item.rest;
  }
  return found;
}

const stripped = (bytes) => {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  return bytes.subarray(at);
};
const integer = (bytes) => {
  const value = stripped(bytes);
  return wrap(kInteger, value[0] >= 128 ? Buffer.from([0]) : Buffer.alloc(0), value);
};

// An ECDSA signature: SEQUENCE { r, s } (RFC 3279 2.2.3), and r and s side by side (IEEE P1363).
const signatureToDer = (raw) => wrap(kSequence, integer(raw.subarray(0, raw.length / 2)), integer(raw.subarray(raw.length / 2)));
function signatureFromDer(der, size) {
  const parts = items(der);
  if (parts === undefined || parts.length !== 2 || parts.some(({ tag }) => tag !== kInteger)) return undefined;
  const padded = parts.map(({ body }) => {
    const value = stripped(body);
    return value.length > size ? undefined : Buffer.concat([Buffer.alloc(size - value.length), value]);
  });
  return padded.includes(undefined) ? undefined : Buffer.concat(padded);
}

module.exports = { kInteger, kBitString, kOctetString, kNull, kOid, kSequence, wrap, unwrap, items, integer, signatureToDer, signatureFromDer };
