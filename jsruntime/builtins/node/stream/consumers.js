// node:stream/consumers: all of a stream at once; of Node's, of the web's, or of anything that is iterated.
const { Buffer } = require('buffer');

const bytesOf = (chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : ArrayBuffer.isView(chunk) ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  : Buffer.from(chunk));
async function buffer(stream) {
  const pieces = [];
  for await (const chunk of stream) pieces.push(bytesOf(chunk));
  return Buffer.concat(pieces);
}
const bytes = async (stream) => new Uint8Array(await buffer(stream));
const arrayBuffer = async (stream) => (await bytes(stream)).slice().buffer;
const text = async (stream) => new TextDecoder().decode(await buffer(stream));
const json = async (stream) => JSON.parse(await text(stream));
const blob = async (stream) => new Blob([await buffer(stream)]);
module.exports = { arrayBuffer, blob, buffer, bytes, json, text };
