// AbortController and AbortSignal (DOM standard 3).
//
//   internal.newAbortSignal()          a signal of the platform's, e.g. that of a request
//   internal.abortSignal(signal, why)  aborts it
//   internal.onAbort(signal, run)      runs `run` before the event; returns a function that takes it back
//   internal.isAbortSignal(value)

const { EventTarget, Event, domException } = internal;
const kMake = Symbol('make');

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  #steps = null;       // functions to run on abort, before the event
  #sources = null;     // what any() made this one of: signals that are not themselves made by any()
  #dependents = null;  // WeakRefs of signals made by any() of this one
  #heard = null;       // those of the dependents that somebody listens to: held, as their event must come

  constructor(key = undefined) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
    super();
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(kMake);
    signal.#aborted = true;
    signal.#reason = reason === undefined ? domException('This operation was aborted', 'AbortError') : reason;
    return signal;
  }

  static timeout(milliseconds) {
    internal.required(arguments.length, 1, 'AbortSignal.timeout');
    const ms = Math.trunc(Number(milliseconds));
    if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) {
      throw new TypeError('AbortSignal.timeout: the argument is not a number of milliseconds.');
    }
    const signal = new AbortSignal(kMake);
    (internal.setTimeout ?? globalThis.setTimeout)(() => signal.#abort(domException('The operation was aborted due to timeout', 'TimeoutError')), ms);
    return signal;
  }

  static any(signals) {
    internal.required(arguments.length, 1, 'AbortSignal.any');
    const list = [...signals];
    if (!list.every(internal.isAbortSignal)) throw new TypeError('AbortSignal.any: an element is not an AbortSignal.');
    const made = new AbortSignal(kMake);
    const first = list.find((signal) => signal.#aborted);
    if (first !== undefined) {
      made.#aborted = true;
      made.#reason = first.#reason;
      return made;
    }
    made.#sources = new Set(list.flatMap((signal) => signal.#sources === null ? [signal] : [...signal.#sources]));
    for (const source of made.#sources) source.#addDependent(made);
    return made;
  }

  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }

  // A signal that lives long must not collect the short-lived ones made of it.
  #addDependent(signal) {
    const list = this.#dependents ??= [];
    if (list.length >= 16 && (list.length & (list.length - 1)) === 0) {
      this.#dependents = list.filter((ref) => ref.deref() !== undefined);
    }
    this.#dependents.push(new WeakRef(signal));
  }

  [internal.kListenersChanged](type, count) {
    if (type === 'abort' && this.#sources !== null) this.#hold(count > 0 || this.#steps !== null);
  }
  #hold(wanted) {
    for (const source of this.#sources) {
      if (wanted) (source.#heard ??= new Set()).add(this);
      else source.#heard?.delete(this);
    }
  }

  #abort(reason) {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason === undefined ? domException('This operation was aborted', 'AbortError') : reason;
    const reached = [];
    for (const ref of this.#dependents ?? []) {
      const dependent = ref.deref();
      if (dependent === undefined || dependent.#aborted) continue;
      dependent.#aborted = true;
      dependent.#reason = this.#reason;
      reached.push(dependent);
    }
    this.#dependents = null;
    this.#run();
    for (const dependent of reached) {
      dependent.#hold(false);
      dependent.#run();
    }
  }
  #run() {
    const steps = this.#steps;
    this.#steps = null;
    if (steps !== null) for (const step of steps) step();
    internal.fire(this, new Event('abort'));
  }

  static {
    internal.newAbortSignal = () => new AbortSignal(kMake);
    internal.abortSignal = (signal, reason) => signal.#abort(reason);
    internal.isAbortSignal = (value) => typeof value === 'object' && value !== null && #aborted in value;
    internal.onAbort = (signal, run) => {
      if (signal.#aborted) {
        run();
        return () => {};
      }
      (signal.#steps ??= new Set()).add(run);
      if (signal.#sources !== null) signal.#hold(true);
      return () => { signal.#steps?.delete(run); };
    };
  }
}
internal.defineHandler(AbortSignal, 'abort');
internal.exposeInterface(AbortSignal);

class AbortController {
  #signal = internal.newAbortSignal();
  get signal() { return this.#signal; }
  abort(reason = undefined) { internal.abortSignal(this.#signal, reason); }
}
internal.exposeInterface(AbortController);
internal.AbortController = AbortController;
internal.AbortSignal = AbortSignal;
