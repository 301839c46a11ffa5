// Classes of the web that Node's library has from files of its own.
module.exports = {
  Blob, TextDecoder, TextEncoder, isBlob: (value) => internal.isBlob?.(value) ?? false,
  get ByteLengthQueuingStrategy() { return ByteLengthQueuingStrategy; },
  get CountQueuingStrategy() { return CountQueuingStrategy; },
};
