// node:assert, Node's own.
module.exports = require('zts:lib_assert');
