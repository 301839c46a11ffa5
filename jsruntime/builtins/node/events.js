// node:events, Node's own. A target of the web has no count of listeners of its own that it would warn of.
const EventEmitter = require('zts:lib_events');

const { getMaxListeners } = EventEmitter;
EventEmitter.getMaxListeners = (emitter) => {
  const counts = typeof emitter?.getMaxListeners === 'function' || Object.getOwnPropertySymbols(emitter ?? {}).some((each) => each.description === 'events.maxEventTargetListeners');
  return !counts && emitter instanceof EventTarget ? EventEmitter.defaultMaxListeners : getMaxListeners(emitter);
};
module.exports = EventEmitter;
