// Runs, while the snapshot is built, what the first request of nearly every function runs, so that the code V8 makes of it is in the snapshot: else
// each isolate would compile it anew, in the time that its first request waits.
//
//   internal.warmUp(serial)   one request; true while there are more to make. The builder opens an invocation for each, and closes it
//
// What runs here may leave no state that another isolate must not begin with: nothing that draws random numbers, and the handler and the
// clock are forgotten at the end.

const { calls } = internal;
const { Response, URL, console, setTimeout, clearTimeout } = globalThis;

const ran = new Set();  // numbers of handlers, to their ends
const handlers = [
  { fetch() {
    ran.add(0);
    return new Response('text');
  } },
  { fetch(request, env, context) {
    const url = new URL(request.url);
    context.waitUntil(Promise.resolve());
    ran.add(1);
    return Response.json({ method: request.method, path: url.pathname, a: url.searchParams.get('a'), b: url.searchParams.get('none'),
                           accept: request.headers.get('accept'), all: [...request.headers] });
  } },
  async (request) => {
    const text = await request.text();
    ran.add(2);
    return new Response(text, { status: 201, headers: { 'content-type': 'text/html' } });
  },
  async (request) => {
    const body = await request.json();
    await new Promise((done) => { queueMicrotask(done); });
    clearTimeout(setTimeout(() => {}, 1000));
    const response = new Response(null, { status: 404 });
    response.headers.set('x-name', String(body.name));
    console.log('logged', body.name);
    ran.add(3);
    return response;
  },
];

// What bind() keeps, of a function and of an object with fetch() apart, and what has settled since.
const forget = () => {
  while (calls.block[3] > 0) calls.takeSettled();
  internal.forgetHandler();
};

let next = 0;
internal.warmUp = (serial) => {
  forget();
  const problem = calls.bind({ __proto__: null, default: handlers[next] }, {});
  if (problem !== undefined) throw new Error(problem);
  const result = calls.dispatch(serial);
  // Both ways of the native side: a promise that is settled when it looks again, and one that is still pending.
  if (result instanceof Promise) {
    result.then(calls.unpack);
    calls.follow(result.then((response) => response.clone()), serial);
  }
  if (++next < handlers.length) return true;
  delete internal.warmUp;
  return false;
};
// After the last one's microtasks.
internal.cooledDown = () => {
  if (ran.size !== handlers.length) throw new Error(`${ran.size} of ${handlers.length} handlers ran`);
  internal.warmLazy();
  forget();
  internal.forgetClock();
  delete internal.cooledDown;
};
