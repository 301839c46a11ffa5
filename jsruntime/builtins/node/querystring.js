// node:querystring, Node's own.
module.exports = require('zts:lib_querystring');
