// node:tty: nothing is a terminal.
const { absent } = require('zts:absent');
module.exports = { ...absent('tty'), isatty: () => false };
