// MessageChannel, MessagePort and BroadcastChannel (HTML 9.4, 9.5). Lazy. Both ends are in one isolate; a message is a task of the invocation that sent it.
//
//   internal.isMessagePort(value), internal.portIsDetached(port)
//   internal.newPort(), internal.movePort(from, to)  for a transfer: `to` takes over what `from` is entangled with and has queued

const kMake = Symbol('make');
let entangle;

class MessagePort extends internal.EventTarget {
  #other = null;
  #queue = [];
  #started = false;
  #detached = false;

  constructor(key = undefined) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
    super();
  }

  postMessage(message, options = undefined) {
    internal.required(arguments.length, 1, 'MessagePort.postMessage');
    const isSequence = typeof options === 'object' && options !== null && typeof options[Symbol.iterator] === 'function';
    const transfer = internal.transferList(isSequence ? { transfer: options } : options, 'MessagePort.postMessage');
    if (transfer.includes(this)) throw internal.domException('MessagePort.postMessage: a port cannot be sent through itself.', 'DataCloneError');
    const target = this.#other;
    const { copy, ports } = internal.cloneTransferring(message, transfer);
    // Sent into its own other end, the message has nowhere to arrive.
    if (target === null || transfer.includes(target)) return;
    target.#queue.push({ data: copy, ports });
    target.#deliverSoon();
  }
  start() {
    if (this.#started || this.#detached) return;
    this.#started = true;
    for (let i = this.#queue.length; i > 0; --i) this.#deliverSoon();
  }
  close() {
    const other = this.#other;
    this.#detached = true;
    this.#other = null;
    if (other === null) return;
    other.#other = null;
    internal.queueTask(() => internal.fire(other, new internal.Event('close')));
  }

  #deliverSoon() {
    if (!this.#started) return;
    internal.queueTask(() => {
      const message = this.#started && !this.#detached ? this.#queue.shift() : undefined;
      if (message !== undefined) internal.fire(this, new (internal.lazy('event_classes.js').MessageEvent)('message', message));
    });
  }

  static {
    internal.isMessagePort = (value) => typeof value === 'object' && value !== null && #queue in value;
    internal.portIsDetached = (port) => port.#detached;
    internal.newPort = () => new MessagePort(kMake);
    internal.movePort = (from, to) => {
      if (from.#other !== null) entangle(to, from.#other);
      to.#queue = from.#queue;
      from.#other = null;
      from.#queue = [];
      from.#detached = true;
    };
    entangle = (one, two) => {
      one.#other = two;
      two.#other = one;
    };
  }
}
for (const type of ['message', 'messageerror', 'close']) internal.defineHandler(MessagePort, type);
// Setting onmessage starts the port.
const onmessage = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
const { set } = onmessage;
const starting = {
  set onmessage(value) {
    Reflect.apply(set, this, [value]);
    start(this);
  },
};
const startMethod = MessagePort.prototype.start;
const start = (port) => Reflect.apply(startMethod, port, []);
Object.defineProperty(MessagePort.prototype, 'onmessage', { ...onmessage, set: Object.getOwnPropertyDescriptor(starting, 'onmessage').set });
internal.shapeInterface(MessagePort);

class MessageChannel {
  #port1 = internal.newPort();
  #port2 = internal.newPort();
  constructor() { entangle(this.#port1, this.#port2); }
  get port1() { return this.#port1; }
  get port2() { return this.#port2; }
}
internal.shapeInterface(MessageChannel);

// BroadcastChannel (HTML 9.5): the channels of one name in one isolate. Other isolates, also of the same function, hear nothing of it.
const channels = new Map();  // name -> Set of BroadcastChannel, in the order they were made

class BroadcastChannel extends internal.EventTarget {
  #name;
  #closed = false;

  constructor(name) {
    internal.required(arguments.length, 1, 'BroadcastChannel constructor');
    super();
    this.#name = `${name}`;
    const same = channels.get(this.#name);
    if (same === undefined) channels.set(this.#name, new Set([this]));
    else same.add(this);
  }
  get name() { return this.#name; }

  postMessage(message) {
    internal.required(arguments.length, 1, 'BroadcastChannel.postMessage');
    if (this.#closed) throw internal.domException('BroadcastChannel.postMessage: the channel is closed.', 'InvalidStateError');
    const others = [...channels.get(this.#name)].filter((channel) => channel !== this);
    // A message that cannot be cloned is refused even where nobody listens.
    if (others.length === 0) internal.cloneTransferring(message, []);
    for (const channel of others) {
      const { copy } = internal.cloneTransferring(message, []);
      internal.queueTask(() => {
        if (!channel.#closed) internal.fire(channel, new (internal.lazy('event_classes.js').MessageEvent)('message', { data: copy }));
      });
    }
  }
  close() {
    if (this.#closed) return;
    this.#closed = true;
    const same = channels.get(this.#name);
    same.delete(this);
    if (same.size === 0) channels.delete(this.#name);
  }
}
for (const type of ['message', 'messageerror']) internal.defineHandler(BroadcastChannel, type);
internal.shapeInterface(BroadcastChannel);

return { MessageChannel, MessagePort, BroadcastChannel };
