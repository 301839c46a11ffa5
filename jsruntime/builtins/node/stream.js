// node:stream, Node's own, with its ways to and from the streams of the web.
module.exports = require('zts:lib_stream');
