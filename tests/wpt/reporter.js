// Runs after testharness.js: hands the results over as one text when the test is complete.
add_completion_callback((tests, harness) => {
  globalThis.wptDone(JSON.stringify({
    status: harness.status,
    message: harness.message,
    tests: tests.map((test) => ({name: test.name, status: test.status, message: test.message})),
  }));
});
// idlharness.js asks which interfaces its global is to expose: those of a worker. testharness.js has looked before.
Object.defineProperty(globalThis, 'DedicatedWorkerGlobalScope', {
  value: class { static [Symbol.hasInstance](value) { return value === globalThis; } }, configurable: true, writable: true,
});
