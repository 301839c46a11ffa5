// Runs, while the snapshot is built, what the first request of nearly every function runs, so that the code V8 makes of it is in the snapshot: else
// each isolate would compile it anew, in the time that its first request waits.
//
//   internal.warmUp(serial)   one request; true while there are more to make. The builder opens an invocation for each, and closes it
//
// What runs here may leave no state that another isolate must not begin with: nothing that draws random numbers, and the handler and the
// clock are forgotten at the end.

const { calls } = internal;
const { Response, URL, console, setTimeout, clearTimeout } = globalThis;

const handlers = [
  { fetch() { return new Response('text'); } },
  { fetch(request, env, context) {
    const url = new URL(request.url);
    context.waitUntil(Promise.resolve());
    return Response.json({ method: request.method, path: url.pathname, a: url.searchParams.get('a'), b: url.searchParams.get('none'),
                           accept: request.headers.get('accept'), all: [...request.headers] });
  } },
  async (request) => new Response(await request.text(), { status: 201, headers: { 'content-type': 'text/html' } }),
  async (request) => {
    const body = await request.json();
    await new Promise((done) => { queueMicrotask(done); });
    clearTimeout(setTimeout(() => {}, 1000));
    const response = new Response(null, { status: 404 });
    response.headers.set('x-name', String(body.name));
    console.log('logged', body.name);
    return response;
  },
];

let next = 0;
internal.warmUp = (serial) => {
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
  while (calls.block[3] > 0) calls.takeSettled();
  internal.forgetHandler();
  internal.forgetClock();
  delete internal.cooledDown;
};
