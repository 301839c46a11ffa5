// Node's internal/abort_controller: the classes of the web, and what node:util shows.
const { kValidateObjectAllowObjects, validateAbortSignal, validateObject } = require('./validators.js');

// Settles when the signal aborts; waits no longer than `resource` lives.
async function aborted(signal, resource) {
  if (signal === undefined) throw new (require('./errors.js').codes.ERR_INVALID_ARG_TYPE)('signal', 'AbortSignal', signal);
  validateAbortSignal(signal, 'signal');
  validateObject(resource, 'resource', kValidateObjectAllowObjects);
  if (signal.aborted) return;
  const holder = new WeakRef(resource);
  await new Promise((resolve) => signal.addEventListener('abort', () => { if (holder.deref() !== undefined) resolve(); }, { once: true }));
}

module.exports = {
  AbortController, AbortSignal, aborted,
  // There is no other thread that a signal could go to.
  transferableAbortSignal(signal) {
    if (signal === undefined) throw new (require('./errors.js').codes.ERR_INVALID_ARG_TYPE)('signal', 'AbortSignal', signal);
    validateAbortSignal(signal, 'signal');
    return signal;
  },
  transferableAbortController: () => new AbortController(),
};
