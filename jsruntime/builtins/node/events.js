// node:events, Node's own.
module.exports = require('zts:lib_events');
