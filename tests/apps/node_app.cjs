// CommonJS that requires Node's modules, uses its globals, and keeps a context through all that is asynchronous.
const { AsyncLocalStorage } = require('async_hooks');
const crypto = require('crypto');
const { EventEmitter } = require('node:events');
const util = require('util');

const requests = new AsyncLocalStorage();
const bus = new EventEmitter();
const order = [];
bus.on('done', (id) => order.push(`${id}=${requests.getStore()?.id}`));
const sleep = util.promisify((time, done) => setTimeout(done, time));

async function work(id) {
  await sleep(2);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => process.nextTick(resolve));
  bus.emit('done', id);
  return requests.getStore().id;
}

module.exports = {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith('/hash')) return new Response(crypto.createHash('sha256').update(Buffer.from(process.env.GREETING)).digest('hex'));
    if (pathname.endsWith('/fs')) {
      try {
        return new Response(require('fs').readFileSync('/etc/passwd'));
      } catch (error) {
        return new Response(error.code, { status: 501 });
      }
    }
    if (pathname.endsWith('/order')) return new Response(order.join());
    const id = pathname.split('/').at(-1);
    return requests.run({ id }, async () => {
      ctx.waitUntil(sleep(1).then(() => work(`${id}-after`)));
      return new Response(await work(id));
    });
  },
};
