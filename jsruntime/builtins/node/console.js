// node:console: the global console, and Node's own class over streams of one's own.
const { Console } = require('zts:lib_internal_console_constructor');

module.exports = { ...console, Console };
