// node:path, by the package "path-browserify": paths with "/", as Node has them on Linux.
module.exports = require('../node_modules/path-browserify/index.js');
