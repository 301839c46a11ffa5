// node:punycode, Node's own.
module.exports = require('zts:lib_punycode');
