// The global object as an event target (HTML 8.1.4.6): addEventListener and its kin, onerror, onunhandledrejection, onrejectionhandled.
//
//   internal.reportException(error)  an error nobody caught: an "error" event, and a console record unless a listener prevents it
//
// The native side calls uncaught, unhandledRejection and rejectionHandled for what it sees; true: a listener has prevented the record.

const { globalTarget, EventTarget } = internal;
const classes = () => internal.lazy('event_classes.js');

for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) {
  Object.defineProperty(globalThis, name, { value: EventTarget.prototype[name], writable: true, enumerable: true, configurable: true });
}

function defineHandler(type, call) {
  let handler = null;
  const listener = (event) => { if (typeof handler === 'function') call(handler, event); };
  const name = `on${type}`;
  const accessor = {
    get [name]() { return handler; },
    set [name](value) {
      const next = typeof value === 'function' || typeof value === 'object' ? value ?? null : null;
      if (handler === null && next !== null) globalTarget.addEventListener(type, listener);
      if (handler !== null && next === null) globalTarget.removeEventListener(type, listener);
      handler = next;
    },
  };
  Object.defineProperty(globalThis, name, { ...Object.getOwnPropertyDescriptor(accessor, name), enumerable: true, configurable: true });
}
const asUsual = (handler, event) => {
  if (Reflect.apply(handler, globalThis, [event]) === false) event.preventDefault();
};
defineHandler('error', (handler, event) => {
  if (typeof event.message !== 'string') return asUsual(handler, event);
  const { message, filename, lineno, colno, error } = event;
  if (Reflect.apply(handler, globalThis, [message, filename, lineno, colno, error]) === true) event.preventDefault();
});
defineHandler('unhandledrejection', asUsual);
defineHandler('rejectionhandled', asUsual);

let inErrorReporting = false;  // an error of a listener for errors is not sent round again

function fireError(init) {
  if (inErrorReporting || !internal.hasListeners(globalTarget, 'error')) return false;
  inErrorReporting = true;
  try {
    return !internal.fire(globalTarget, new (classes().ErrorEvent)('error', { ...init, cancelable: true }));
  } finally {
    inErrorReporting = false;
  }
}

internal.reportException = (error) => {
  const message = typeof error === 'object' && error !== null && native.kindOf(error) === 6 ? `Uncaught ${error}` : 'Uncaught';
  if (!fireError({ error, message })) native.reportException(error);
};

internal.globalEvents = {
  uncaught: (error, message, filename, lineno, colno) => fireError({ error, message, filename, lineno, colno }),
  unhandledRejection: (promise, reason) => internal.hasListeners(globalTarget, 'unhandledrejection') &&
      !internal.fire(globalTarget, new (classes().PromiseRejectionEvent)('unhandledrejection', { promise, reason, cancelable: true })),
  rejectionHandled(promise, reason) {
    if (!internal.hasListeners(globalTarget, 'rejectionhandled')) return;
    internal.fire(globalTarget, new (classes().PromiseRejectionEvent)('rejectionhandled', { promise, reason }));
  },
};
