// What the first users of lazy files, and of the modules of jsruntime/builtins, do: done while their code caches are made, so that the code V8 makes of it is in there. Each gets what
// its file has returned, in a context where nothing else has run; what it leaves behind goes with the context.

function useStreams({ ReadableStream, WritableStream, TransformStream }) {
  const stream = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
  stream.pipeThrough(new TransformStream()).getReader().read().then(() => {});
  new WritableStream({ write() {} }).getWriter().write('x').then(() => {});
  new ReadableStream({ pull(controller) { controller.close(); }, type: 'bytes' }).tee();
}

// The modules of jsruntime/builtins: what packages do with them while they load, and the first requests.
function useModules() {
  const need = internal.importBuiltin;
  for (const name of ['fs', 'fs/promises', 'os', 'net', 'tls', 'dns', 'tty', 'perf_hooks', 'worker_threads', 'cluster', 'punycode', 'sys', 'console', 'child_process',
                      'module', 'util/types', 'timers/promises', 'stream/promises', 'stream/web', 'stream/consumers', 'assert/strict', 'path/posix', 'https', 'dns/promises']) {
    need(name);
  }
  need('fs').existsSync('/');
  const { Buffer } = need('buffer');
  const bytes = Buffer.concat([Buffer.from('text'), Buffer.from([1, 2]), Buffer.alloc(2), Buffer.from('aGk', 'base64')]);
  bytes.toString('hex') + bytes.toString() + bytes.toString('base64') + bytes.subarray(1, 2).length;
  bytes.equals(Buffer.from('text'));
  Buffer.byteLength('text');
  Buffer.isBuffer(bytes);
  const EventEmitter = need('events');
  class Emitter extends EventEmitter {}
  new Emitter().on('event', () => {}).once('event', () => {}).emit('event', 1);
  need('util').inherits(function () {}, EventEmitter);
  need('util').promisify((done) => done(null, 1))();
  need('util').format('%s %o', 1, { a: [1, 'x', { b: new Map([[1, new Set([1])]]) }], error: new Error('x'), url: new URL('http://h/') });
  need('util').inspect({ a: [1, 'x', null, undefined, () => {}, new Date(0), /x/, bytes], [Symbol('s')]: class X {} }, { depth: 4, colors: true });
  need('util').isDeepStrictEqual({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] });
  new (need('util').MIMEType)('text/html;charset=utf-8').toString();
  need('path').join('a', '..', 'b') + need('path').resolve('/a', 'b') + need('path').extname('a.b') + need('path').basename('/a/b');
  need('querystring').stringify(need('querystring').parse('a=b&c=d'));
  need('url').parse('http://host/path?query');
  need('process').nextTick(() => {});
  need('assert')(true);
  need('assert').deepStrictEqual({ a: [1] }, { a: [1] });
  try {
    need('assert').strictEqual(1, 2);
  } catch {
    // What it says is made here.
  }
  need('timers').setImmediate(() => {}).close();
  const { AsyncLocalStorage, AsyncResource } = need('async_hooks');
  new AsyncLocalStorage().run(1, () => AsyncResource.bind(() => {}))();
  new (need('string_decoder').StringDecoder)('utf8').write(bytes);
  need('diagnostics_channel').channel('name').publish({});
  const crypto = need('crypto');
  crypto.createHash('sha256').update('text').digest('hex');
  crypto.createHmac('sha256', 'key').update('text').digest('base64');
  crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a'));
  crypto.createSecretKey(bytes).type;
  const zlib = need('zlib');
  zlib.gunzipSync(zlib.gzipSync('text'));
  internal.requireBuiltin('zts:webcrypto');
  const { Readable, Transform, pipeline } = need('stream');
  const through = new Transform({ transform(chunk, encoding, done) { done(null, chunk); } });
  pipeline(Readable.from(['a', 'b']), through, () => {});
  through.on('data', () => {});
  const server = need('http').createServer((request, response) => {
    request.on('data', () => {});
    response.setHeader('content-type', 'text/plain');
    response.end(request.method + request.url + request.headers.host);
  });
  server.fetch(new Request('http://localhost/path'));
}

return {
  __proto__: null,
  'node:*': useModules,
  'format.js': ({ format }) => {
    class Shape { name = 'x'; list = [1, 'two', null]; }
    format('%s is %d and %o', 'x', 1, {});
    format({ id: 1, text: "it's", 'two words': true, nested: { list: [1, 2, { deep: [] }] }, at: new Date(0) });
    format('text', [1, 2, 3], new Map([['a', 1]]), new Set([1]), undefined, null, 1n, Symbol('s'), () => {}, Shape, new Shape(), /x/);
    format(new Error('message', { cause: new TypeError('cause') }), new Uint8Array(2), new ArrayBuffer(2));
    format(new Headers({ a: 'b' }), new URL('http://h/p?q'), new Response('x'));
  },
  'mime.js': ({ mimeOf }) => mimeOf('Text/HTML; charset="utf-8"'),
  'blob.js': ({ Blob, File }) => {
    const blob = new Blob(['text', new Uint8Array(1), new Blob([])], { type: 'text/plain' });
    blob.text();
    blob.arrayBuffer();
    blob.slice(1, 2).size;
    new File([blob], 'name').name;
  },
  'formdata.js': ({ FormData, parseFormData }) => {
    const form = new FormData();
    form.append('name', 'value');
    form.set('file', new Blob(['x']), 'name.txt');
    form.get('name');
    form.has('name');
    [...form];
    const { body, contentType } = internal.encodeFormData(form);
    parseFormData(contentType, body);
    parseFormData('application/x-www-form-urlencoded', new Uint8Array(0));
  },
  'subtle_crypto.js': ({ newSubtle }) => {
    const key = internal.makeKey({ type: 'secret', extractable: false, algorithm: { name: 'HMAC', hash: { name: 'SHA-256' } }, usages: ['sign'], handle: null });
    newSubtle();
    key.type;
    key.algorithm;
    internal.keyParts(key);
  },
  'event_classes.js': ({ CustomEvent, ErrorEvent, MessageEvent }) => {
    new CustomEvent('x', { detail: 1 }).detail;
    new ErrorEvent('error', { message: 'm', error: null, cancelable: true }).message;
    new MessageEvent('message', { data: 1 }).data;
  },
  'streams.js': useStreams,
  'npm/web-streams-polyfill/dist/ponyfill.js': () => useStreams(internal.lazy('streams.js')),
  'fetch_calls.js': ({ start }) => {
    // No invocation is under way: it is refused.
    start(new Request('http://localhost/', { method: 'POST', body: 'x' }), { resolve() {}, reject() {} });
    start(new Request('data:,x'), { resolve() {}, reject() {} });
  },
};
