// node:querystring, by the package of that name.
module.exports = {
  ...require('../node_modules/querystring-es3/index.js'),
  escape: encodeURIComponent,
  unescape: decodeURIComponent,
};
