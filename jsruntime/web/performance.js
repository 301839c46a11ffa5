// performance.now, timeOrigin (High Resolution Time 7) and navigator.userAgent.
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
