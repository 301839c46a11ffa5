// Runs a test's script in workerd at its first request and answers with the results.
export default {
  fetch(request, env) {
    return new Promise((resolve) => {
      globalThis.wptDone = (text) => resolve(new Response(text));
      globalThis.self = globalThis;
      // testharness.js would take it for a service worker and wait for its installation.
      delete globalThis.ServiceWorkerGlobalScope;
      delete globalThis.WorkerGlobalScope;
      env.unsafe.eval(env.script, 'test.js');
    });
  },
};
