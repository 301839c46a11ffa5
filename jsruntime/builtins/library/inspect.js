// Node's internal/util/inspect: the formatter of node:util, loaded when something is shown.
module.exports = {
  inspect: (...values) => require('util').inspect(...values),
  format: (...values) => require('util').format(...values),
  // Lines that two stacks have in common are all shown.
  identicalSequenceRange: () => ({ len: 0, offset: 0 }),
};
