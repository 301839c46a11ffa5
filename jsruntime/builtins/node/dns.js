// node:dns: addresses are their own names, and localhost has one. All else is resolved by whoever makes the request.
const { isIP } = require('net');
const { absent, reasonOf } = require('zts:absent');

const dns = absent('dns');

function failure(syscall, hostname) {
  const error = new Error(`${syscall} ENOTFOUND ${hostname}. ${reasonOf('dns')}`);
  return Object.assign(error, { code: 'ENOTFOUND', errno: -3008, syscall, hostname });
}

function find(hostname, options) {
  const name = hostname === 'localhost' || hostname === '' || hostname == null ? '127.0.0.1' : `${hostname}`;
  const family = isIP(name);
  if (family === 0) throw failure('getaddrinfo', name);
  return options?.all ? [{ address: name, family }] : { address: name, family };
}

dns.lookup = (hostname, options, callback) => {
  if (typeof options === 'function') [options, callback] = [{}, options];
  if (typeof options === 'number') options = { family: options };
  let found;
  let error = null;
  try {
    found = find(hostname, options);
  } catch (problem) {
    error = problem;
  }
  queueMicrotask(() => {
    if (error !== null) callback(error);
    else if (options?.all) callback(null, found);
    else callback(null, found.address, found.family);
  });
};
dns.promises = { ...dns.promises, lookup: async (hostname, options) => find(hostname, options) };

// Questions to a server of names.
for (const name of Object.keys(dns)) {
  if (!/^(resolve|reverse)/.test(name)) continue;
  const syscall = name === 'reverse' ? 'getHostByAddr' : `query${name.replace(/^resolve/, '') || 'A'}`;
  dns[name] = (hostname, ...rest) => {
    const callback = rest.at(-1);
    queueMicrotask(() => callback(failure(syscall, hostname)));
  };
  dns.promises[name] = async (hostname) => { throw failure(syscall, hostname); };
}
dns.getServers = dns.promises.getServers = () => [];
dns.setServers = dns.promises.setServers = () => {};
dns.getDefaultResultOrder = dns.promises.getDefaultResultOrder = () => 'verbatim';
dns.setDefaultResultOrder = dns.promises.setDefaultResultOrder = () => {};

module.exports = dns;
