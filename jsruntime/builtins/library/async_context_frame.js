// Node's internal/async_context_frame: what AsyncLocalStorage has for the running code; undefined where nothing uses it.
module.exports = { current: () => internal.captureContext?.() };
