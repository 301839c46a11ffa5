// node:http: its client over fetch(), and its servers as handlers of the function.
const { absent } = require('zts:absent');
const { validateHeaderName, validateHeaderValue, IncomingMessage } = require('zts:http_message');
const { Agent, ClientRequest, clientOf } = require('zts:http_client');
const { Server, ServerResponse, OutgoingMessage, createServer } = require('zts:http_server');

// The classes of WebSocket are globals; to name them here would load them.
const { WebSocket, CloseEvent, MessageEvent, ...nodes } = absent('http');

module.exports = {
  ...nodes, Agent, globalAgent: new Agent({ keepAlive: true }), ClientRequest, IncomingMessage, OutgoingMessage, Server, ServerResponse, createServer,
  ...clientOf('http:'), validateHeaderName, validateHeaderValue, maxHeaderSize: 16384, setMaxIdleHTTPParsers() {},
};
