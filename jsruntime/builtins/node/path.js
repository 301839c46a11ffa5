// node:path, Node's own: with its posix and win32 halves.
module.exports = require('zts:lib_path');
