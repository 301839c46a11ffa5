// What the first users of lazy files do: done while their code caches are made, so that the code V8 makes of it is in there. Each gets what
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

return {
  __proto__: null,
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
