// How many collections of the nursery interrupt a handler, and how many come between two: V8 posts a task for one when the nursery is filled to
// --minor-gc-task-trigger percent, and the engine runs it when the answers of a pass have been sent (zts_gc_pause_seconds{during="task"}).
// Here a handler is a macrotask of Node's, the same V8 with the same flag for its collector.
//
//   KB=150 N=4000 .deps/node/bin/node --single-threaded-gc --minor-gc-task-trigger=80 bench/micro/collections.js
//
// KB: garbage a call. Prints one JSON object: collections and their time inside of handlers and outside, and what a call took, milliseconds.

const { performance, PerformanceObserver } = require('node:perf_hooks');

const kb = Number(process.env.KB ?? 150);
const n = Number(process.env.N ?? 4000);
const kMinor = 1;
const starts = new Float64Array(n);
const ends = new Float64Array(n);
const collections = [];
const note = (entries) => {
  for (const entry of entries) collections.push({ at: entry.startTime, took: entry.duration, minor: entry.detail.kind === kMinor });
};
const observer = new PerformanceObserver((list) => note(list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

// A few objects a call survive, as in a cache.
const kept = new Map();
let calls = 0;
function handler() {
  let last;
  for (let k = 0; k < kb * 8; ++k) last = new Array(14).fill(k);  // 128 bytes
  kept.set(calls % 2000, { last, name: `k${calls}` });
}

function next() {
  starts[calls] = performance.now();
  handler();
  ends[calls++] = performance.now();
  if (calls < n) {
    setImmediate(next);
  } else {
    setTimeout(report, 50);
  }
}

// The call that had begun last by then.
function callAt(time) {
  let low = 0;
  let high = n - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= time) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

function report() {
  note(observer.takeRecords());
  const inside = { count: 0, ms: 0 };
  const outside = { count: 0, ms: 0 };
  let major = 0;
  for (const { at, took, minor } of collections) {
    const call = callAt(at);
    const where = at >= starts[call] && at <= ends[call] ? inside : outside;
    where.count += 1;
    where.ms += took;
    if (!minor) major += 1;
  }
  const took = ends.map((end, call) => end - starts[call]).sort();
  const quantile = (q) => took[Math.floor(q * (n - 1))];
  const all = ends[n - 1] - starts[0];
  console.log(JSON.stringify({ kb, inside, outside, major, p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999), all }));
}

next();
