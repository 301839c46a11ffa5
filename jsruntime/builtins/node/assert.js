// node:assert, by the package of that name.
const assert = require('../node_modules/assert/build/assert.js');

assert.match ??= (string, pattern, message) => {
  if (!pattern.test(string)) throw message instanceof Error ? message : new assert.AssertionError({ message: message ?? `The input did not match ${pattern}`, actual: string, expected: pattern, operator: 'match' });
};
module.exports = assert;
