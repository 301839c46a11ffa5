// node:buffer, Node's own, over the engine's codecs (library/buffer_binding.js).
const buffer = require('zts:lib_buffer');
const { normalizeEncoding } = require('zts:library').util;

const { Buffer } = buffer;
buffer.transcode = (source, from, to) => Buffer.from(Buffer.from(source).toString(normalizeEncoding(from)), normalizeEncoding(to));
// Gone from Node, asked for by what is older.
buffer.SlowBuffer = (length) => Buffer.allocUnsafeSlow(length);
module.exports = buffer;
