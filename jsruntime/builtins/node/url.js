// node:url: the classes of the web, and Node's older functions by the package "url".
const legacy = require('../node_modules/url/url.js');

function fileURLToPath(value) {
  const url = typeof value === 'string' ? new URL(value) : value;
  if (url.protocol !== 'file:') throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' });
  return decodeURIComponent(url.pathname);
}
const pathToFileURL = (path) => {
  const url = new URL('file:///');
  url.pathname = require('path').resolve(path).replaceAll('%', '%25').replaceAll('?', '%3F').replaceAll('#', '%23');
  return url;
};
const asciiOf = (domain) => {
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return '';
  }
};
const urlToHttpOptions = (url) => ({
  protocol: url.protocol, hostname: url.hostname, hash: url.hash, search: url.search, pathname: url.pathname,
  path: `${url.pathname}${url.search}`, href: url.href, ...(url.port !== '' && { port: Number(url.port) }),
  ...((url.username !== '' || url.password !== '') && { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
});

function format(value, options = {}) {
  if (!(value instanceof URL)) return legacy.format(value);
  const copy = new URL(value.href);
  if (options.fragment === false) copy.hash = '';
  if (options.search === false) copy.search = '';
  if (options.auth === false) copy.username = copy.password = '';
  return copy.href;
}

module.exports = {
  ...legacy, format, URL, URLSearchParams, fileURLToPath, pathToFileURL, urlToHttpOptions, domainToASCII: asciiOf, domainToUnicode: asciiOf,
};
