// Lazy: the events that a function can meet (DOM standard 2.4, HTML 8.1.4.6, 9.1).

const { Event } = internal;

class CustomEvent extends Event {
  #detail;
  constructor(type, init = undefined) {
    internal.required(arguments.length, 1, 'CustomEvent constructor');
    super(type, init);
    this.#detail = init?.detail ?? null;
  }
  get detail() { return this.#detail; }
}
internal.shapeInterface(CustomEvent);

class ErrorEvent extends Event {
  #init;
  constructor(type, init = undefined) {
    internal.required(arguments.length, 1, 'ErrorEvent constructor');
    super(type, init);
    const { message = '', filename = '', lineno = 0, colno = 0, error } = init ?? {};
    this.#init = { message: `${message}`, filename: `${filename}`.toWellFormed(), lineno: lineno >>> 0, colno: colno >>> 0, error };
  }
  get message() { return this.#init.message; }
  get filename() { return this.#init.filename; }
  get lineno() { return this.#init.lineno; }
  get colno() { return this.#init.colno; }
  get error() { return this.#init.error; }
}
internal.shapeInterface(ErrorEvent);

class PromiseRejectionEvent extends Event {
  #promise;
  #reason;
  constructor(type, init) {
    internal.required(arguments.length, 2, 'PromiseRejectionEvent constructor');
    super(type, init);
    if (typeof init?.promise !== 'object' || init.promise === null) {
      throw new TypeError('PromiseRejectionEvent constructor: init.promise is required.');
    }
    this.#promise = init.promise;
    this.#reason = init.reason;
  }
  get promise() { return this.#promise; }
  get reason() { return this.#reason; }
}
internal.shapeInterface(PromiseRejectionEvent);

class MessageEvent extends Event {
  #init;
  constructor(type, init = undefined) {
    internal.required(arguments.length, 1, 'MessageEvent constructor');
    super(type, init);
    const { data = null, origin = '', lastEventId = '', source = null, ports = [] } = init ?? {};
    this.#init = {
      data, source, origin: `${origin}`.toWellFormed(), lastEventId: `${lastEventId}`, ports: Object.freeze([...ports]),
    };
  }
  get data() { return this.#init.data; }
  get origin() { return this.#init.origin; }
  get lastEventId() { return this.#init.lastEventId; }
  get source() { return this.#init.source; }
  get ports() { return this.#init.ports; }
}
internal.shapeInterface(MessageEvent);

return { CustomEvent, ErrorEvent, PromiseRejectionEvent, MessageEvent };
