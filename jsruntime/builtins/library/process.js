// node:process for what it stands on itself.
module.exports = { get it() { return require('process'); } };
