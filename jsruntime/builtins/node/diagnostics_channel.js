// node:diagnostics_channel: named channels that publish to who has subscribed, within this function.
const channels = new Map();  // name -> Channel

class Channel {
  #subscribers = [];
  #stores = new Map();  // AsyncLocalStorage -> transform
  constructor(name) { this.name = name; }

  get hasSubscribers() { return this.#subscribers.length > 0 || this.#stores.size > 0; }
  subscribe(listener) {
    if (typeof listener !== 'function') {
      throw Object.assign(new TypeError('The "subscription" argument must be of type function'), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    this.#subscribers = [...this.#subscribers, listener];
  }
  unsubscribe(listener) {
    const left = this.#subscribers.filter((each) => each !== listener);
    const found = left.length < this.#subscribers.length;
    this.#subscribers = left;
    return found;
  }
  bindStore(store, transform) { this.#stores.set(store, transform); }
  unbindStore(store) { return this.#stores.delete(store); }

  // A subscriber's exception is its own: the publisher goes on.
  publish(message) {
    for (const listener of this.#subscribers) {
      try {
        listener(message, this.name);
      } catch (error) {
        reportError(error);
      }
    }
  }
  runStores(message, work, receiver, ...values) {
    let run = () => {
      this.publish(message);
      return Reflect.apply(work, receiver, values);
    };
    for (const [store, transform] of this.#stores) {
      const inner = run;
      run = () => store.run(transform === undefined ? message : transform(message), inner);
    }
    return run();
  }
}

function channel(name) {
  if (typeof name !== 'string' && typeof name !== 'symbol') {
    throw Object.assign(new TypeError('The "channel" argument must be a string or a symbol'), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  let found = channels.get(name);
  if (found === undefined) channels.set(name, found = new Channel(name));
  return found;
}

const kEvents = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

class TracingChannel {
  constructor(of) {
    for (const event of kEvents) this[event] = typeof of === 'string' ? channel(`tracing:${of}:${event}`) : of[event];
  }
  get hasSubscribers() { return kEvents.some((event) => this[event]?.hasSubscribers); }
  subscribe(listeners) {
    for (const event of kEvents) if (listeners[event] !== undefined) this[event].subscribe(listeners[event]);
  }
  unsubscribe(listeners) {
    return kEvents.filter((event) => listeners[event] !== undefined).map((event) => this[event].unsubscribe(listeners[event])).every(Boolean);
  }

  #fail(context, error) {
    context.error = error;
    this.error.publish(context);
  }
  traceSync(work, context = {}, receiver, ...values) {
    return this.start.runStores(context, () => {
      try {
        const result = Reflect.apply(work, receiver, values);
        context.result = result;
        return result;
      } catch (error) {
        this.#fail(context, error);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
  tracePromise(work, context = {}, receiver, ...values) {
    const settled = () => {
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    return this.start.runStores(context, () => {
      try {
        return Promise.resolve(Reflect.apply(work, receiver, values)).then(
          (result) => {
            context.result = result;
            settled();
            return result;
          },
          (error) => {
            this.#fail(context, error);
            settled();
            throw error;
          });
      } catch (error) {
        this.#fail(context, error);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
  traceCallback(work, position = -1, context = {}, receiver, ...values) {
    const callback = values.at(position);
    values.splice(position, 1, (...results) => {
      if (results[0]) this.#fail(context, results[0]);
      else context.result = results[1];
      this.asyncStart.runStores(context, () => {
        try {
          Reflect.apply(callback, undefined, results);
        } finally {
          this.asyncEnd.publish(context);
        }
      });
    });
    return this.start.runStores(context, () => {
      try {
        return Reflect.apply(work, receiver, values);
      } catch (error) {
        this.#fail(context, error);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
}

module.exports = {
  Channel, channel,
  hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
  subscribe: (name, listener) => channel(name).subscribe(listener),
  unsubscribe: (name, listener) => channel(name).unsubscribe(listener),
  tracingChannel: (of) => new TracingChannel(of), TracingChannel,
};
