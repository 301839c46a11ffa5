// node:net: what is known of addresses without a socket. A socket that is to connect fails as one that cannot.
const { Duplex } = require('stream');
const { absent, reasonOf, unavailable } = require('zts:absent');

const kByte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const kIPv4 = new RegExp(`^${kByte}(?:\\.${kByte}){3}$`);
const kZone = /%[0-9a-zA-Z-.:]+$/;

const isIPv4 = (value) => kIPv4.test(`${value}`);
function isIPv6(value) {
  let text = `${value}`.replace(kZone, '');
  const last = text.slice(text.lastIndexOf(':') + 1);
  if (last.includes('.')) {
    if (!isIPv4(last)) return false;
    text = `${text.slice(0, -last.length)}0:0`;
  }
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}
const isIP = (value) => (isIPv4(value) ? 4 : isIPv6(value) ? 6 : 0);

function Socket(options) {
  if (!(this instanceof Socket)) return new Socket(options);
  Duplex.call(this, { ...options, read() {}, write(chunk, encoding, done) { done(unavailable('node:net.Socket', reasonOf('net'))); } });
  this.connecting = false;
}
Object.setPrototypeOf(Socket.prototype, Duplex.prototype);
Object.setPrototypeOf(Socket, Duplex);
Object.assign(Socket.prototype, {
  connect() {
    this.connecting = true;
    const error = Object.assign(unavailable('node:net.Socket.connect', reasonOf('net')), { code: 'ECONNREFUSED', syscall: 'connect' });
    queueMicrotask(() => this.destroy(error));
    return this;
  },
  setTimeout() { return this; },
  setNoDelay() { return this; },
  setKeepAlive() { return this; },
  ref() { return this; },
  unref() { return this; },
  address() { return {}; },
});
const connect = () => new Socket().connect();

module.exports = {
  ...absent('net'), isIP, isIPv4, isIPv6, Socket, Stream: Socket, connect, createConnection: connect,
  getDefaultAutoSelectFamily: () => true, setDefaultAutoSelectFamily() {}, getDefaultAutoSelectFamilyAttemptTimeout: () => 250,
  setDefaultAutoSelectFamilyAttemptTimeout() {},
};
