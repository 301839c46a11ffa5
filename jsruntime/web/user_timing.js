// Marks and measures of performance (User Timing 3, Performance Timeline 3). Lazy.
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

function add(entry) {
  if (entries.length >= kEntriesMax) entries = entries.slice(-kEntriesMax / 2);
  entries.push(entry);
  return entry;
}

// A time of measure(): a number, or the start of the latest mark of the name.
function timeOf(mark) {
  if (typeof mark === 'number') {
    if (!Number.isFinite(mark) || mark < 0) throw new TypeError(`Performance.measure: ${mark} is no time.`);
    return mark;
  }
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
    return found.sort((a, b) => a.startTime - b.startTime);
  },
};
