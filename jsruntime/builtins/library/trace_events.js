// Node's internal/trace_events: nobody traces.
module.exports = { trace() {}, nodeTraceEventCategory: (category) => category, categoryEnabledChecker: () => () => false, isTraceCategoryEnabled: () => false };
