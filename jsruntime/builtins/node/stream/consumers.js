// node:stream/consumers, Node's own.
module.exports = require('zts:lib_stream_consumers');
