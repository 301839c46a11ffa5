// Node's internal/url: the classes of the web, and what Node has between them, paths and hosts.
const { codes } = require('./errors.js');
const { validateObject, validateString } = require('./validators.js');

const isUrl = (value) => value instanceof URL;
const isAscii = (text) => !/[^\0-\x7f]/.test(text);

// '' where it is no host.
function hostOf(domain) {
  try {
    return new URL(`ws://${domain}`).hostname;
  } catch {
    return '';
  }
}

function fileUrl(value) {
  const url = typeof value === 'string' ? new URL(value) : value;
  if (!isUrl(url)) throw new codes.ERR_INVALID_ARG_TYPE('path', ['string', 'URL'], url);
  if (url.protocol !== 'file:') throw new codes.ERR_INVALID_URL_SCHEME('file');
  if (url.hostname !== '') throw new codes.ERR_INVALID_FILE_URL_HOST('linux');
  if (/%2f/i.test(url.pathname)) throw new codes.ERR_INVALID_FILE_URL_PATH('must not include encoded / characters', url);
  return url;
}

const kEscapes = { '%': '%25', '\\': '%5C', '\n': '%0A', '\r': '%0D', '\t': '%09', '?': '%3F', '#': '%23' };
function pathToFileURL(path) {
  validateString(path, 'path');
  const resolved = require('path').resolve(path);
  const url = new URL('file:///');
  url.pathname = (path.endsWith('/') && !resolved.endsWith('/') ? `${resolved}/` : resolved).replace(/[%\\\n\r\t?#]/g, (each) => kEscapes[each]);
  return url;
}

function urlToHttpOptions(url) {
  validateObject(url, 'url');
  const { protocol, hostname, hash, search, pathname, href, port, username, password } = url;
  return {
    __proto__: null, ...url, protocol, hostname: hostname?.startsWith('[') ? hostname.slice(1, -1) : hostname, hash, search, pathname,
    path: `${pathname || ''}${search || ''}`, href, ...(port !== '' && { port: Number(port) }),
    ...((username || password) && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
  };
}

// Of a URL of the web, for url.format().
function format(href, fragment, unicode, search, auth) {
  const url = new URL(href);
  if (!fragment) url.hash = '';
  if (!search) url.search = '';
  if (!auth) url.username = url.password = '';
  const host = unicode ? require('punycode').toUnicode(url.hostname) : url.hostname;
  return host === url.hostname ? url.href : url.href.replace(url.hostname, host);
}

const both = (...names) => new Set(names.flatMap((name) => [name, `${name}:`]));
module.exports = {
  URL, URLSearchParams, isURL: isUrl, pathToFileURL, urlToHttpOptions, format,
  domainToASCII: hostOf,
  domainToUnicode: (domain) => require('punycode').toUnicode(hostOf(domain)),
  // Hosts of ASCII stay as they are: they may be of schemes that are not the web's.
  toASCII: (host) => (isAscii(host) ? host : hostOf(host)),
  fileURLToPath: (value) => decodeURIComponent(fileUrl(value).pathname),
  fileURLToPathBuffer: (value) => require('buffer').Buffer.from(unescape(fileUrl(value).pathname), 'latin1'),
  unsafeProtocol: both('javascript'), hostlessProtocol: both('javascript'),
  slashedProtocol: both('http', 'https', 'ftp', 'gopher', 'file', 'ws', 'wss'),
};
