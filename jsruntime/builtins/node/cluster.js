// node:cluster: the primary process, which has no workers.
const EventEmitter = require('events');
const { absent } = require('zts:absent');

module.exports = Object.assign(new EventEmitter(), absent('cluster'), {
  isMaster: true, isPrimary: true, isWorker: false, workers: {}, worker: undefined, settings: {},
});
