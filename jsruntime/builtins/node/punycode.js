// node:punycode: the package of that name.
module.exports = require('../node_modules/punycode/punycode.js');
