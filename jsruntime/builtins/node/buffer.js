// node:buffer, Node's own, over the engine's codecs (library/buffer_binding.js), but for transcode(), which Node leaves to ICU.
const buffer = require('zts:lib_buffer');
const { errors, util } = require('zts:library');

const { Buffer } = buffer;
const kTranscoded = { __proto__: null, ascii: 0x7f, latin1: 0xff, utf8: Infinity, utf16le: Infinity };  // the last character of each

function illegal() {
  const code = 'U_ILLEGAL_ARGUMENT_ERROR';
  return Object.assign(new Error(`Unable to transcode Buffer [${code}]`), { code, errno: 1 });
}

buffer.transcode = function transcode(source, fromEncoding, toEncoding) {
  if (!(source instanceof Uint8Array)) throw new errors.codes.ERR_INVALID_ARG_TYPE('source', ['Buffer', 'Uint8Array'], source);
  if (source.length === 0) return Buffer.alloc(0);
  const [from, to] = [util.normalizeEncoding(fromEncoding), util.normalizeEncoding(toEncoding)];
  if (kTranscoded[from] === undefined || kTranscoded[to] === undefined) throw illegal();
  let text = Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString(from === 'ascii' ? 'latin1' : from);
  if (from === 'ascii') text = text.replace(/[\x80-\xff]/g, '\ufffd');
  if (kTranscoded[to] < Infinity) text = Array.from(text, (each) => (each.codePointAt(0) > kTranscoded[to] ? '?' : each)).join('');
  return Buffer.from(text, to);
};
// Gone from Node, asked for by what is older.
buffer.SlowBuffer = (length) => Buffer.allocUnsafeSlow(length);
module.exports = buffer;
