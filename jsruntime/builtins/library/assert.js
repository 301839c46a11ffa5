// Node's internal/assert: what its own library takes for granted.
function assert(value, message) {
  if (!value) throw new Error(message ?? 'This is caused by a bug in the library of Node');
}
assert.fail = (message) => assert(false, message);
module.exports = assert;
