// Of Node's internal/crypto/util what its files here ask for.
const { hideStackFrames, codes: { ERR_INVALID_ARG_TYPE } } = require('./errors.js');
const { validateString } = require('./validators.js');
const { Buffer } = require('buffer');
const { isAnyArrayBuffer, isArrayBufferView } = require('util/types');

const kKinds = ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];
const toBuf = (value, encoding) => (typeof value === 'string' ? Buffer.from(value, encoding === 'buffer' ? 'utf8' : encoding) : value);
const bytesOf = hideStackFrames((value, name, encoding) => {
  const bytes = toBuf(value, encoding);
  if (!isAnyArrayBuffer(bytes) && !isArrayBufferView(bytes)) throw new ERR_INVALID_ARG_TYPE.HideStackFramesError(name, kKinds, value);
  return bytes;
});

function getStringOption(options, key) {
  const value = options?.[key];
  if (value != null) validateString(value, `options.${key}`);
  return value;
}

module.exports = {
  getArrayBufferOrView: bytesOf, validateByteSource: bytesOf, toBuf, getStringOption, kHandle: Symbol('handle'),
  getBufferSourceByteLength: (bytes) => bytes.byteLength,
  getBufferSourceBytes: (bytes) => (isArrayBufferView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes)),
  // Names are looked up by their text.
  getCachedHashId: () => -1, getHashCache: () => undefined,
};
