// performance.now, timeOrigin (High Resolution Time 7), marks and measures (user_timing.js), and navigator.userAgent.
//
//   internal.startClock()  sets the origin, once; without it, the first question does
//   internal.now()         performance.now()

let startMonotonic = -1;
let startWall = 0;
internal.startClock = () => {
  if (startMonotonic >= 0) return;
  startMonotonic = native.monotonicMs();
  startWall = native.wallMs();
};
// A snapshot has the clock of the process that made it.
internal.forgetClock = () => { startMonotonic = -1; };
internal.now = () => {
  internal.startClock();
  return native.monotonicMs() - startMonotonic;
};

const kMake = Symbol('make');
const guard = (key) => {
  if (key !== kMake) throw new TypeError('Illegal constructor');
};

class Performance extends internal.EventTarget {
  #brand = true;
  constructor(key = undefined) {
    guard(key);
    super();
  }
  now() {
    this.#brand;
    return internal.now();
  }
  get timeOrigin() {
    this.#brand;
    internal.startClock();
    return startWall;
  }
  toJSON() {
    this.#brand;
    return { timeOrigin: this.timeOrigin };
  }

  mark(name, options = undefined) {
    this.#brand;
    internal.required(arguments.length, 1, 'Performance.mark');
    return internal.lazy('user_timing.js').mark(name, options);
  }
  measure(name, startOrOptions = undefined, endMark = undefined) {
    this.#brand;
    internal.required(arguments.length, 1, 'Performance.measure');
    return internal.lazy('user_timing.js').measure(name, startOrOptions, endMark);
  }
  clearMarks(name = undefined) {
    this.#brand;
    internal.loadedLazy('user_timing.js')?.clear('mark', name);
  }
  clearMeasures(name = undefined) {
    this.#brand;
    internal.loadedLazy('user_timing.js')?.clear('measure', name);
  }
  getEntries() {
    this.#brand;
    return internal.loadedLazy('user_timing.js')?.find() ?? [];
  }
  getEntriesByName(name, type = undefined) {
    this.#brand;
    internal.required(arguments.length, 1, 'Performance.getEntriesByName');
    return internal.loadedLazy('user_timing.js')?.find(`${name}`, type === undefined ? undefined : `${type}`) ?? [];
  }
  getEntriesByType(type) {
    this.#brand;
    internal.required(arguments.length, 1, 'Performance.getEntriesByType');
    return internal.loadedLazy('user_timing.js')?.find(undefined, `${type}`) ?? [];
  }
}
internal.exposeInterface(Performance);
internal.exposeValue('performance', new Performance(kMake));

class Navigator {
  #brand = true;
  constructor(key = undefined) { guard(key); }
  get userAgent() {
    this.#brand;
    return 'zts';
  }
}
internal.exposeInterface(Navigator);
internal.exposeValue('navigator', new Navigator(kMake));
