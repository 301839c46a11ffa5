// node:tls: the class to ask by instanceof, and a socket that cannot connect.
const { Socket } = require('net');
const { absent } = require('zts:absent');

// By Node's class of sockets over a stream some packages reach it: they take it from a TLSSocket made of one.
class JSStreamSocket extends Socket {}

function TLSSocket(socket, options) {
  if (!(this instanceof TLSSocket)) return new TLSSocket(socket, options);
  Socket.call(this, options);
  this.encrypted = true;
  this.authorized = false;
  this._handle = { _parentWrap: new JSStreamSocket() };
}
Object.setPrototypeOf(TLSSocket.prototype, Socket.prototype);
Object.setPrototypeOf(TLSSocket, Socket);

module.exports = {
  ...absent('tls'), TLSSocket, connect: () => new TLSSocket().connect(), createSecureContext: (options) => ({ context: options }),
  checkServerIdentity: () => undefined, getCiphers: () => [], rootCertificates: [], DEFAULT_CIPHERS: '', getCACertificates: () => [],
};
