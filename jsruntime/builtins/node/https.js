// node:https: node:http with other requests; a server's TLS is the worker's.
const { absent } = require('zts:absent');
const { Agent: HttpAgent, clientOf } = require('zts:http_client');
const { Server, createServer } = require('zts:http_server');

function Agent(options) {
  if (!(this instanceof Agent)) return new Agent(options);
  HttpAgent.call(this, options);
  this.defaultPort = 443;
  this.protocol = 'https:';
}
Object.setPrototypeOf(Agent.prototype, HttpAgent.prototype);
Object.setPrototypeOf(Agent, HttpAgent);

module.exports = { ...absent('https'), Agent, globalAgent: new Agent({ keepAlive: true }), Server, createServer, ...clientOf('https:') };
