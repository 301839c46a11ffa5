// node:url, Node's own, over the classes of the web.
module.exports = require('zts:lib_url');
