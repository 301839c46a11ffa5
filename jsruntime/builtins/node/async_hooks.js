// node:async_hooks: AsyncLocalStorage and AsyncResource, over what V8 carries along with promises and microtasks (ops/async_context.h).
//
// A context is [serial, stores]: the invocation's serial, and a Map from storage to value that is never changed once it is in use. Without any
// store it is the bare serial, so a function that does not use this module pays nothing.

const serialOf = (context) => (typeof context === 'number' ? context : context[0]);
const storesOf = (context) => (typeof context === 'number' ? undefined : context[1]);
const contextOf = (serial, stores) => (stores === undefined || stores.size === 0 ? serial : [serial, stores]);

// The stores are what is carried over; the invocation stays the one that runs.
const withStores = (stores) => contextOf(serialOf(native.contextGet()), stores);

function runIn(context, callback, self, values) {
  const before = native.contextGet();
  native.contextSet(context);
  try {
    return Reflect.apply(callback, self, values);
  } finally {
    native.contextSet(before);
  }
}

// Node's own errors, loaded where there is one: node:events stands on this file.
function needFunction(value) {
  if (typeof value !== 'function') require('zts:library').validators.validateFunction(value, 'fn');
}

// Timers keep the context in which they were started.
internal.captureContext = () => {
  const context = native.contextGet();
  return typeof context === 'number' ? undefined : context;
};

class AsyncLocalStorage {
  #fallback;
  #name;
  constructor(options = {}) {
    this.#fallback = options.defaultValue;
    this.#name = options.name ?? '';
  }
  get name() { return this.#name; }

  #with(value) {
    const context = native.contextGet();
    const stores = new Map(storesOf(context));
    stores.set(this, value);
    return [serialOf(context), stores];
  }
  #without() {
    const stores = new Map(storesOf(native.contextGet()));
    stores.delete(this);
    return withStores(stores);
  }

  run(store, callback, ...values) { return runIn(this.#with(store), callback, undefined, values); }
  exit(callback, ...values) { return runIn(this.#without(), callback, undefined, values); }
  enterWith(store) { native.contextSet(this.#with(store)); }
  disable() { native.contextSet(this.#without()); }
  // Until the scope is disposed of: `using scope = storage.withScope(store)`.
  withScope(store) {
    const before = this.getStore();
    let open = true;
    this.enterWith(store);
    const dispose = () => {
      if (open) this.enterWith(before);
      open = false;
    };
    return { dispose, [Symbol.dispose]: dispose };
  }
  getStore() {
    const stores = storesOf(native.contextGet());
    return stores?.has(this) ? stores.get(this) : this.#fallback;
  }

  static bind(callback) {
    needFunction(callback);
    const stores = storesOf(native.contextGet());
    return function (...values) { return runIn(withStores(stores), callback, this, values); };
  }
  static snapshot() { return AsyncLocalStorage.bind((callback, ...values) => callback(...values)); }
}

let lastId = 1;
// Whose runInAsyncScope() is running: ids go no further than that, for V8 follows promises by itself.
let running = null;

class AsyncResource {
  #stores = storesOf(native.contextGet());
  #type;
  #id = ++lastId;
  #trigger;
  constructor(type, options = {}) {
    if (typeof type !== 'string') require('zts:library').validators.validateString(type, 'type');
    if (typeof options === 'number' ? !(Number.isSafeInteger(options) && options >= -1) : options?.triggerAsyncId !== undefined && !Number.isSafeInteger(options.triggerAsyncId)) {
      throw new (require('zts:library').errors.codes.ERR_INVALID_ASYNC_ID)('triggerAsyncId', options.triggerAsyncId ?? options);
    }
    this.#type = type;
    this.#trigger = (typeof options === 'number' ? options : options?.triggerAsyncId) ?? 1;
  }
  runInAsyncScope(callback, self = undefined, ...values) {
    const before = running;
    running = this;
    try {
      return runIn(withStores(this.#stores), callback, self, values);
    } finally {
      running = before;
    }
  }
  bind(callback, self = undefined) {
    needFunction(callback);
    const resource = this;
    return function (...values) { return resource.runInAsyncScope(callback, self ?? this, ...values); };
  }
  emitDestroy() { return this; }
  asyncId() { return this.#id; }
  triggerAsyncId() { return this.#trigger; }
  get type() { return this.#type; }
  static bind(callback, type = callback.name || 'bound-anonymous-fn', self = undefined) { return new AsyncResource(type).bind(callback, self); }
}

// There is nothing to hook into: V8 follows promises by itself. Libraries that only count survive.
const createHook = () => ({ enable() { return this; }, disable() { return this; } });

module.exports = {
  AsyncLocalStorage, AsyncResource, createHook,
  executionAsyncId: () => running?.asyncId() ?? 1, triggerAsyncId: () => running?.triggerAsyncId() ?? 0, executionAsyncResource: () => running ?? {},
};
