// node:perf_hooks: the global performance and its classes; event loops and engines are not looked into.
const { absent } = require('zts:absent');

const perf = absent('perf_hooks');
const { performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList } = globalThis;

// Node's own beside the web's; those of the global object are not touched.
const nodes = {
  eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
  timerify: (original) => original,
};
const extended = new Proxy(performance, {
  get(target, name) {
    if (Object.hasOwn(nodes, name)) return nodes[name];
    const value = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  },
});
module.exports = {
  ...perf, performance: extended, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList,
  eventLoopUtilization: nodes.eventLoopUtilization, timerify: nodes.timerify,
};
