// Node's internal/event_target, for the targets of the web that are here: their listeners are nobody's to see.
module.exports = {
  isEventTarget: (value) => value instanceof EventTarget, kEvents: Symbol('events'), kResistStopPropagation: Symbol('resistStopPropagation'),
};
