// node:zlib: Node's own, over the host's zlib and brotli; no zstd, and no ZIP archives.
const zlib = require('zts:lib_zlib');
const all = require('zts:absent').absent('zlib');

for (const name of Object.keys(all)) {
  if (!(name in zlib)) zlib[name] = all[name];
}
module.exports = zlib;
