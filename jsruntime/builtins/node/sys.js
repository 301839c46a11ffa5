// node:sys: node:util by its first name.
module.exports = require('util');
