// Marks and measures of performance (User Timing 3), and who watches them (Performance Timeline 3). Lazy.
//
// Only the latest kEntriesMax are kept: an isolate lives through many requests, and few of them clear what they have marked.

const kEntriesMax = 1000;
const kMake = Symbol('make');
let entries = [];  // marks and measures, in the order they were made

const clone = (detail) => detail === undefined || detail === null ? null : internal.cloneTransferring(detail, []).copy;
const isDictionary = (value) => typeof value === 'object' && value !== null;

class PerformanceEntry {
  #name;
  #type;
  #start;
  #duration;
  constructor(key = undefined, name = '', type = '', start = 0, duration = 0) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
    this.#name = name;
    this.#type = type;
    this.#start = start;
    this.#duration = duration;
  }
  get name() { return this.#name; }
  get entryType() { return this.#type; }
  get startTime() { return this.#start; }
  get duration() { return this.#duration; }
  toJSON() { return { name: this.#name, entryType: this.#type, startTime: this.#start, duration: this.#duration }; }
}
internal.shapeInterface(PerformanceEntry);

class PerformanceMark extends PerformanceEntry {
  #detail;
  constructor(name, options = undefined) {
    internal.required(arguments.length, 1, 'PerformanceMark constructor');
    if (options !== undefined && options !== null && typeof options !== 'object') {
      throw new TypeError('PerformanceMark constructor: options is not an object.');
    }
    const start = options?.startTime === undefined ? internal.now() : Number(options.startTime);
    if (!Number.isFinite(start) || start < 0) throw new TypeError(`PerformanceMark constructor: startTime ${start} is no time.`);
    super(kMake, `${name}`, 'mark', start);
    this.#detail = clone(options?.detail);
  }
  get detail() { return this.#detail; }
  toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
}
internal.shapeInterface(PerformanceMark);

class PerformanceMeasure extends PerformanceEntry {
  #detail;
  constructor(key = undefined, name = '', start = 0, duration = 0, detail = null) {
    super(key, name, 'measure', start, duration);
    this.#detail = detail;
  }
  get detail() { return this.#detail; }
  toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
}
internal.shapeInterface(PerformanceMeasure);

const dropped = { mark: 0, measure: 0 };  // of each type, since the isolate began
let notify = () => {};  // PerformanceObserver's

function add(entry) {
  if (entries.length >= kEntriesMax) {
    for (const gone of entries.slice(0, -kEntriesMax / 2)) ++dropped[gone.entryType];
    entries = entries.slice(-kEntriesMax / 2);
  }
  entries.push(entry);
  notify(entry);
  return entry;
}

const byStart = (list) => list.sort((a, b) => a.startTime - b.startTime);

class PerformanceObserverEntryList {
  #entries;
  constructor(key = undefined, list = []) {
    if (key !== kMake) throw new TypeError('Illegal constructor');
    this.#entries = byStart(list);
  }
  getEntries() { return this.#entries.slice(); }
  getEntriesByType(type) {
    internal.required(arguments.length, 1, 'PerformanceObserverEntryList.getEntriesByType');
    return this.#entries.filter((entry) => entry.entryType === `${type}`);
  }
  getEntriesByName(name, type = undefined) {
    internal.required(arguments.length, 1, 'PerformanceObserverEntryList.getEntriesByName');
    return this.#entries.filter((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`));
  }
}
internal.shapeInterface(PerformanceObserverEntryList);

const kTypes = Object.freeze(['mark', 'measure']);
const observers = new Set();  // those that observe something, in the order they began

class PerformanceObserver {
  #callback;
  #types = new Set();
  #way = undefined;    // 'entryTypes' or 'type', whichever observe() was called with
  #records = [];
  #queued = false;     // a task will hand them over
  #tellDropped = false;

  constructor(callback) {
    internal.required(arguments.length, 1, 'PerformanceObserver constructor');
    if (typeof callback !== 'function') throw new TypeError('PerformanceObserver constructor: the callback is not a function.');
    this.#callback = callback;
  }

  observe(options = undefined) {
    const { entryTypes, type, buffered } = options ?? {};
    if (entryTypes === undefined && type === undefined) throw new TypeError('PerformanceObserver.observe: neither entryTypes nor type is given.');
    if (entryTypes !== undefined && (type !== undefined || buffered !== undefined)) {
      throw new TypeError('PerformanceObserver.observe: entryTypes goes with no other option.');
    }
    const way = entryTypes !== undefined ? 'entryTypes' : 'type';
    if (this.#way !== undefined && this.#way !== way) {
      throw internal.domException(`PerformanceObserver.observe: it observes by ${this.#way} already.`, 'InvalidModificationError');
    }
    if (entryTypes !== undefined && (typeof entryTypes !== 'object' || typeof entryTypes?.[Symbol.iterator] !== 'function')) {
      throw new TypeError('PerformanceObserver.observe: entryTypes is not a sequence.');
    }
    this.#way = way;
    const wanted = (way === 'type' ? [`${type}`] : Array.from(entryTypes, String)).filter((one) => kTypes.includes(one));
    if (wanted.length === 0) return;
    if (way === 'entryTypes') this.#types.clear();
    for (const one of wanted) this.#types.add(one);
    if (!observers.has(this)) this.#tellDropped = true;
    observers.add(this);
    if (buffered) for (const entry of entries.filter((one) => one.entryType === wanted[0])) this.#queue(entry);
  }
  disconnect() {
    observers.delete(this);
    this.#types.clear();
    this.#way = undefined;
    this.#records = [];
  }
  takeRecords() { return this.#take(); }
  static get supportedEntryTypes() { return kTypes; }

  #take() {
    const records = this.#records;
    this.#records = [];
    return byStart(records);
  }
  #queue(entry) {
    this.#records.push(entry);
    if (this.#queued) return;
    this.#queued = true;
    internal.queueTask(() => {
      this.#queued = false;
      const records = this.#take();
      if (records.length > 0) this.#report(records);
    });
  }
  #report(records) {
    const options = {};
    if (this.#tellDropped) options.droppedEntriesCount = [...this.#types].reduce((sum, type) => sum + dropped[type], 0);
    this.#tellDropped = false;
    try {
      Reflect.apply(this.#callback, this, [new PerformanceObserverEntryList(kMake, records), this, options]);
    } catch (error) {
      internal.reportException(error);
    }
  }

  static {
    notify = (entry) => { for (const observer of observers) if (observer.#types.has(entry.entryType)) observer.#queue(entry); };
  }
}
internal.shapeInterface(PerformanceObserver);
Object.defineProperty(PerformanceObserver, 'supportedEntryTypes', { enumerable: true });

// Names that a page's PerformanceTiming has, and no mark can stand for where there is no page (User Timing 3, 3.5).
const pageTimes = new Set(('navigationStart unloadEventStart unloadEventEnd redirectStart redirectEnd fetchStart domainLookupStart domainLookupEnd ' +
  'connectStart connectEnd secureConnectionStart requestStart responseStart responseEnd domLoading domInteractive domContentLoadedEventStart ' +
  'domContentLoadedEventEnd domComplete loadEventStart loadEventEnd').split(' '));

// A time of measure(): a number, or the start of the latest mark of the name.
function timeOf(mark) {
  if (typeof mark === 'number') {
    if (!Number.isFinite(mark) || mark < 0) throw new TypeError(`Performance.measure: ${mark} is no time.`);
    return mark;
  }
  if (pageTimes.has(`${mark}`)) throw new TypeError(`Performance.measure: '${mark}' is a time of a page, and this is none.`);
  const found = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === `${mark}`);
  if (found === undefined) throw internal.domException(`Performance.measure: there is no mark '${mark}'.`, 'SyntaxError');
  return found.startTime;
}

function spanOf({ start, end, duration }) {
  if (start === undefined && end === undefined) throw new TypeError('Performance.measure: the options have neither start nor end.');
  if (start !== undefined && end !== undefined && duration !== undefined) {
    throw new TypeError('Performance.measure: start, end and duration are one too many.');
  }
  const last = end !== undefined ? timeOf(end) : duration !== undefined ? timeOf(start) + timeOf(Number(duration)) : internal.now();
  const first = start !== undefined ? timeOf(start) : duration !== undefined ? last - timeOf(Number(duration)) : 0;
  return [first, last];
}

return {
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver,
  PerformanceObserverEntryList,
  mark: (name, options) => add(new PerformanceMark(name, options)),
  measure(name, startOrOptions, endMark) {
    const options = isDictionary(startOrOptions) && Object.keys(startOrOptions).length > 0 ? startOrOptions : undefined;
    if (options !== undefined && endMark !== undefined) throw new TypeError('Performance.measure: options and an end mark.');
    const start = isDictionary(startOrOptions) || startOrOptions === null ? undefined : startOrOptions;
    const [first, last] = options !== undefined ? spanOf(options)
      : [start === undefined ? 0 : timeOf(start), endMark === undefined ? internal.now() : timeOf(`${endMark}`)];
    return add(new PerformanceMeasure(kMake, `${name}`, first, last - first, clone(options?.detail)));
  },
  clear(type, name) {
    entries = entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== `${name}`));
  },
  find(name, type) {
    const found = entries.filter((entry) => (name === undefined || entry.name === name) && (type === undefined || entry.entryType === type));
    return byStart(found);
  },
};
