// Event and EventTarget (DOM standard 2, HTML 8.1.4.6); event_classes.js has the events that a function can meet. There is no tree: every
// path has one target.
//
//   internal.defineHandler(Class, 'abort')  gives Class.prototype an `onabort` attribute
//   internal.fire(target, event)            dispatches as the platform does: isTrusted is true
//   internal.kListenersChanged              method of a target that wants to know: (type, count)

const kBubbles = 1, kCancelable = 2, kComposed = 4, kStop = 8, kStopNow = 16, kCanceled = 32, kPassive = 64, kDispatching = 128,
  kTrusted = 256;

let flagsOf, setFlags, clearFlags, setTarget, setCurrent;

class Event {
  #type;
  #flags = 0;
  #target = null;
  #current = null;
  #time = internal.now?.() ?? 0;

  constructor(type, init = undefined) {
    internal.required(arguments.length, 1, 'Event constructor');
    this.#type = `${type}`;
    if (init !== undefined && init !== null) {
      if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Event constructor: init is not an object.');
      if (init.bubbles) this.#flags |= kBubbles;
      if (init.cancelable) this.#flags |= kCancelable;
      if (init.composed) this.#flags |= kComposed;
    }
  }

  get type() { return this.#type; }
  get target() { return this.#target; }
  get srcElement() { return this.#target; }
  get currentTarget() { return this.#current; }
  composedPath() { return this.#current === null ? [] : [this.#current]; }
  get eventPhase() { return (this.#flags & kDispatching) !== 0 ? 2 : 0; }
  stopPropagation() { this.#flags |= kStop; }
  get cancelBubble() { return (this.#flags & kStop) !== 0; }
  set cancelBubble(value) { if (value) this.#flags |= kStop; }
  stopImmediatePropagation() { this.#flags |= kStop | kStopNow; }
  get bubbles() { return (this.#flags & kBubbles) !== 0; }
  get cancelable() { return (this.#flags & kCancelable) !== 0; }
  get returnValue() { return (this.#flags & kCanceled) === 0; }
  set returnValue(value) { if (!value) this.preventDefault(); }
  preventDefault() { if ((this.#flags & (kCancelable | kPassive)) === kCancelable) this.#flags |= kCanceled; }
  get defaultPrevented() { return (this.#flags & kCanceled) !== 0; }
  get composed() { return (this.#flags & kComposed) !== 0; }
  get isTrusted() { return (this.#flags & kTrusted) !== 0; }
  get timeStamp() { return this.#time; }
  initEvent(type, bubbles = false, cancelable = false) {
    internal.required(arguments.length, 1, 'Event.initEvent');
    if ((this.#flags & kDispatching) !== 0) return;
    this.#type = `${type}`;
    this.#flags = (bubbles ? kBubbles : 0) | (cancelable ? kCancelable : 0);
    this.#target = null;
  }

  static #is(value) { return typeof value === 'object' && value !== null && #flags in value; }
  static {
    internal.isEvent = Event.#is;
    flagsOf = (event) => event.#flags;
    setFlags = (event, bits) => { event.#flags |= bits; };
    clearFlags = (event, bits) => { event.#flags &= ~bits; };
    setTarget = (event, target) => { event.#target = target; };
    setCurrent = (event, target) => { event.#current = target; };
  }
}
['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'].forEach((name, value) => {
  Object.defineProperty(Event, name, { value, enumerable: true });
  Object.defineProperty(Event.prototype, name, { value, enumerable: true });
});
internal.exposeInterface(Event);

const kListenersChanged = Symbol('listeners changed');
internal.kListenersChanged = kListenersChanged;
let handlerOf, setHandler;

const report = (error) => (internal.reportException ?? native.reportException)(error);
let globalTarget = null;  // stands for globalThis, which is no EventTarget itself
const isGlobal = (target) => target === undefined || target === null || target === globalThis;

class EventTarget {
  #listeners = null;  // Map of type -> records, in order of addition
  #handlers = null;   // Map of type -> { value, record }, for on... attributes

  addEventListener(type, callback, options = undefined) {
    internal.required(arguments.length, 2, 'EventTarget.addEventListener');
    if (isGlobal(this)) return globalTarget.addEventListener(type, callback, options);
    type = `${type}`;
    const isObject = typeof options === 'object' && options !== null || typeof options === 'function';
    const capture = isObject ? !!options.capture : !!options;
    const once = isObject && !!options.once;
    const passive = isObject && !!options.passive;
    const signal = isObject ? options.signal : undefined;
    if (signal !== undefined && !internal.isAbortSignal(signal)) {
      throw new TypeError('EventTarget.addEventListener: options.signal is not an AbortSignal.');
    }
    if (callback === null || callback === undefined) return void this.#listeners;
    if (typeof callback !== 'function' && typeof callback !== 'object') {
      throw new TypeError('EventTarget.addEventListener: the listener is neither a function nor an object.');
    }
    if (signal?.aborted) return;
    const listeners = this.#listeners ??= new Map();
    let list = listeners.get(type);
    if (list === undefined) listeners.set(type, list = []);
    if (list.some((other) => other.callback === callback && other.capture === capture)) return;
    const record = { callback, capture, once, passive, removed: false };
    list.push(record);
    if (signal) internal.onAbort(signal, () => this.#remove(type, record));
    this[kListenersChanged]?.(type, list.length);
  }

  removeEventListener(type, callback, options = undefined) {
    internal.required(arguments.length, 2, 'EventTarget.removeEventListener');
    if (isGlobal(this)) return globalTarget.removeEventListener(type, callback, options);
    const capture = typeof options === 'object' && options !== null ? !!options.capture : !!options;
    const list = this.#listeners?.get(type = `${type}`);
    const record = list?.find((other) => other.callback === callback && other.capture === capture);
    if (record !== undefined) this.#remove(type, record);
  }

  dispatchEvent(event) {
    internal.required(arguments.length, 1, 'EventTarget.dispatchEvent');
    if (isGlobal(this)) return globalTarget.dispatchEvent(event);
    if (!internal.isEvent(event)) throw new TypeError('EventTarget.dispatchEvent: the argument is not an Event.');
    if ((flagsOf(event) & kDispatching) !== 0) {
      throw internal.domException('The event is already being dispatched.', 'InvalidStateError');
    }
    clearFlags(event, kTrusted);
    return this.#dispatch(event);
  }

  #remove(type, record) {
    if (record.removed) return;
    record.removed = true;
    const list = this.#listeners.get(type);
    const left = list.filter((other) => other !== record);
    // Never in place: a dispatch may be walking the old one.
    if (left.length > 0) this.#listeners.set(type, left);
    else this.#listeners.delete(type);
    this[kListenersChanged]?.(type, left.length);
  }

  #dispatch(event) {
    const self = this === globalTarget ? globalThis : this;
    setTarget(event, self);
    const list = this.#listeners?.get(event.type);
    if (list !== undefined && (flagsOf(event) & kStop) === 0) {
      setFlags(event, kDispatching);
      setCurrent(event, self);
      // A target's capturing listeners run first; those added meanwhile wait for the next event.
      const path = list.some((record) => record.capture)
        ? [...list.filter((record) => record.capture), ...list.filter((record) => !record.capture)] : list.slice();
      for (const record of path) {
        if (!record.removed) this.#invoke(event, record);
        if ((flagsOf(event) & kStopNow) !== 0) break;
      }
      setCurrent(event, null);
    }
    clearFlags(event, kDispatching | kStop | kStopNow);
    return (flagsOf(event) & kCanceled) === 0;
  }

  #invoke(event, record) {
    if (record.once) this.#remove(event.type, record);
    if (record.passive) setFlags(event, kPassive);
    try {
      const { callback } = record;
      if (typeof callback === 'function') {
        Reflect.apply(callback, this === globalTarget ? globalThis : this, [event]);
      } else {
        const handle = callback.handleEvent;
        if (typeof handle !== 'function') throw new TypeError('The listener has no handleEvent method.');
        Reflect.apply(handle, callback, [event]);
      }
    } catch (error) {
      report(error);
    }
    clearFlags(event, kPassive);
  }

  static {
    internal.fire = (target, event) => {
      setFlags(event, kTrusted);
      return target.#dispatch(event);
    };
    internal.hasListeners = (target, type) => target.#listeners?.has(type) ?? false;
    handlerOf = (target, type) => target.#handlers?.get(type)?.value ?? null;
    setHandler = (target, type, value) => {
      const handlers = target.#handlers ??= new Map();
      const old = handlers.get(type);
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) {
        if (old) target.removeEventListener(type, old.callback);
        handlers.delete(type);
      } else if (old) {
        old.value = value;
      } else {
        const entry = { value };
        entry.callback = function (event) {
          if (typeof entry.value === 'function' && Reflect.apply(entry.value, this, [event]) === false) event.preventDefault();
        };
        handlers.set(type, entry);
        target.addEventListener(type, entry.callback);
      }
    };
  }
}
internal.exposeInterface(EventTarget);

globalTarget = new EventTarget();
internal.globalTarget = globalTarget;

internal.defineHandler = (Class, type) => {
  const descriptor = {
    get() { return handlerOf(this, type); },
    set(value) { setHandler(this, type, value); },
    enumerable: true,
    configurable: true,
  };
  Object.defineProperty(descriptor.get, 'name', { value: `get on${type}` });
  Object.defineProperty(descriptor.set, 'name', { value: `set on${type}` });
  Object.defineProperty(Class.prototype, `on${type}`, descriptor);
};

for (const name of ['CustomEvent', 'ErrorEvent', 'PromiseRejectionEvent', 'MessageEvent']) internal.declareLazy('event_classes.js', name);

internal.Event = Event;
internal.EventTarget = EventTarget;

internal.exposeOperation('reportError', {
  reportError(error) {
    internal.required(arguments.length, 1, 'reportError');
    report(error);
  },
}.reportError);
