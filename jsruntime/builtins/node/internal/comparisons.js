// Deep equality as node:assert has it.
module.exports = require('../../node_modules/assert/build/internal/util/comparisons.js');
