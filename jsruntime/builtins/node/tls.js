// node:tls: the class to ask by instanceof, and a socket that cannot connect.
const { Socket } = require('net');
const { absent } = require('zts:absent');

function TLSSocket(socket, options) {
  if (!(this instanceof TLSSocket)) return new TLSSocket(socket, options);
  Socket.call(this, options);
  this.encrypted = true;
  this.authorized = false;
}
Object.setPrototypeOf(TLSSocket.prototype, Socket.prototype);
Object.setPrototypeOf(TLSSocket, Socket);

module.exports = {
  ...absent('tls'), TLSSocket, connect: () => new TLSSocket().connect(), createSecureContext: (options) => ({ context: options }),
  checkServerIdentity: () => undefined, getCiphers: () => [], rootCertificates: [], DEFAULT_CIPHERS: '', getCACertificates: () => [],
};
