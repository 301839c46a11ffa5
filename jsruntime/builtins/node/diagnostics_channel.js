// node:diagnostics_channel, Node's own: named channels that publish to who has subscribed, within this function.
module.exports = require('zts:lib_diagnostics_channel');
