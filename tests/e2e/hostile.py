"""Handlers that mean harm, by name: the body of `async (request) => { ... }` and how they may end.

What may come of one is a set of words of `x-zts-error`, or "200" for a handler that may be able to finish. FATAL marks what the engine
process ends for (jsruntime/README.md, "Not survived"); every other must leave it as it is.
"""

CPU = {"cpu-limit"}
MEMORY = {"memory-limit"}
EXCEPTION = {"exception"}
WALL = {"wall-limit"}
# An allocation that V8 refuses at once is the function's own exception; one that grows too slowly meets the CPU limit first.
GREED = {"memory-limit", "exception", "cpu-limit"}
FATAL = "engine-lost"
CUT = "cut-off"

ENDLESS = {
    "loop": ("for (;;) {}", CPU),
    "loop-after-await": ("await null; for (;;) {}", CPU),
    "loop-after-timer": ("await new Promise((r) => setTimeout(r, 1)); for (;;) {}", CPU),
    "loop-in-timer": ("setTimeout(() => { for (;;) {} }, 0); await new Promise(() => {});", CPU),
    "loop-await": ("for (;;) await null;", CPU),
    "loop-generator": ("for (const _ of (function* () { for (;;) yield 1; })()) {}", CPU),
    "loop-catch": ("for (;;) { try { for (;;) {} } catch {} }", CPU),
    "loop-finally": ("for (;;) { try { for (;;) {} } finally { continue; } }", CPU),
    "loop-then-getter": ("return { get then() { for (;;) {} } };", CPU),
    "loop-to-string": ("return new Response({ toString() { for (;;) {} } });", CPU),
    "loop-to-primitive": ("return new Response('', { status: { [Symbol.toPrimitive]() { for (;;) {} } } });", CPU),
    "loop-proxy-headers": ("return new Response('', { headers: new Proxy({}, { ownKeys() { for (;;) {} } }) });", CPU),
    "loop-proxy-response": ("return new Proxy(new Response(''), { get() { for (;;) {} } });", CPU | EXCEPTION),
    "loop-proxy-chain": ("let p = {}; for (let i = 0; i < 1e5; ++i) p = new Proxy(p, {}); for (;;) p.x;", CPU | EXCEPTION | MEMORY),
    "loop-comparator": ("[3, 2, 1].sort(() => { for (;;) {} });", CPU),
    "loop-replacer": ("JSON.stringify({ a: 1 }, () => { for (;;) {} });", CPU),
    "loop-reviver": ("JSON.parse('[1]', () => { for (;;) {} });", CPU),
    "loop-eval": ("(0, eval)('for (;;) {}');", CPU),
    "loop-new-function": ("new Function('for (;;) {}')();", CPU),
    "loop-prepare-stack": ("Error.prepareStackTrace = () => { for (;;) {} }; throw new Error('x');", CPU | EXCEPTION),
    "loop-thrown-getters": ("throw { get message() { for (;;) {} }, get stack() { for (;;) {} }, toString() { for (;;) {} } };", CPU | EXCEPTION),
    "loop-logged-getter": ("console.log({ get a() { for (;;) {} }, toString() { for (;;) {} } }); return new Response('');", CPU | {"200"}),
    "loop-event": ("const t = new EventTarget(); t.addEventListener('x', () => { for (;;) {} }); t.dispatchEvent(new Event('x'));", CPU),
    "loop-abort": ("const c = new AbortController(); c.signal.onabort = () => { for (;;) {} }; c.abort();", CPU),
    "regexp": ("return new Response(String(/^(a+)+$/.test('a'.repeat(40) + 'b')));", CPU),
    "regexp-lookbehind": ("return new Response(String(/(?<=(x+x+)+y)z/.test('x'.repeat(40) + 'z'.repeat(2))));", CPU | {"200"}),
    "regexp-huge": ("return new Response(String(new RegExp('(a{0,1000}){0,1000}b'.repeat(20)).test('a'.repeat(1e5))));", CPU | EXCEPTION | MEMORY),
    "sort-millions": ("const a = Array.from({ length: 3e6 }, Math.random); a.sort(); a.sort(); for (;;) a.sort((x, y) => y - x);", CPU | MEMORY | {FATAL}),
    "sort-typed": ("const a = new Float64Array(4e6).map(Math.random); for (;;) { a.sort(); a.reverse(); }", CPU | MEMORY),
    "bigint": ("let x = 3n; for (;;) x *= x;", CPU | EXCEPTION | MEMORY),
    "bigint-text": ("let x = 2n ** 1000000n; for (;;) x = BigInt(x.toString()) + 1n;", CPU | EXCEPTION),
    "date-flood": ("for (;;) new Date().toLocaleString('de', { timeZone: 'Asia/Tokyo' });", CPU | MEMORY),
    "url-flood": ("for (;;) new URL('http://a/' + 'b/../'.repeat(1e4));", CPU),
    "never": ("await new Promise(() => {});", WALL),
    "never-then": ("return { then() {} };", WALL | EXCEPTION),
}

PROMISES = {
    "promise-fork": ("const f = () => { Promise.resolve().then(f); Promise.resolve().then(f); }; f(); await new Promise(() => {});", CPU | MEMORY),
    "promise-chain": ("const f = () => Promise.resolve().then(f); return f();", CPU | MEMORY),
    "promise-hoard": ("const a = []; for (;;) a.push(new Promise(() => {}));", CPU | MEMORY),
    "promise-all": ("return Promise.all(Array.from({ length: 5e6 }, () => Promise.resolve()));", CPU | MEMORY),
    "microtasks": ("const f = () => { queueMicrotask(f); queueMicrotask(f); }; f();  await new Promise(() => {});", CPU | MEMORY),
    "rejections": ("for (;;) Promise.reject(new Error('x'));", CPU | MEMORY),
    "timers": ("for (;;) setTimeout(() => {}, 1e6);", CPU | MEMORY | EXCEPTION),
    "timer-chain": ("const f = () => setTimeout(f, 0); f(); await new Promise(() => {});", CPU | WALL),
    "intervals": ("for (let i = 0; i < 5000; ++i) setInterval(() => {}, 1); await new Promise(() => {});", CPU | WALL | EXCEPTION),
    "wait-until": ("for (;;) arguments[2].waitUntil(new Promise(() => {}));", CPU | MEMORY | EXCEPTION),
    "listeners": ("const t = new EventTarget(); for (let i = 0;; ++i) t.addEventListener('x', () => i);", CPU | MEMORY),
    "abort-any": ("let s = new AbortController().signal; const a = []; for (;;) a.push(s = AbortSignal.any([s]));", CPU | MEMORY | EXCEPTION),
    "clones": ("const r = new Response('x'.repeat(1e6)); const a = []; for (;;) a.push(r.clone());", CPU | MEMORY | EXCEPTION),
}

ALLOCATION = {
    "arrays": ("const a = []; for (;;) a.push(new Array(1000).fill(Math.random()));", GREED),
    "array-holes": ("const a = []; for (let n = 0;; n += 1000) a[n] = n;", GREED),
    "array-join": ("return new Response(Array(2 ** 26).join('xyz'));", GREED | {"200", "response-too-large"}),
    "objects": ("let o = null; for (;;) o = { next: o, payload: [1, 2, 3] };", GREED),
    "properties": ("const o = {}; for (let n = 0;; ++n) o['k' + n] = n;", GREED),
    "strings": ("const a = []; for (let n = 0;; n++) a.push('x'.repeat(1000) + n);", GREED),
    "doubling": ("let s = 'x'; for (;;) { s += s; s.charCodeAt(0); }", GREED),
    "repeat": ("const a = []; for (;;) { const s = 'xy'.repeat(2 ** 20); s.charCodeAt(0); a.push(s + a.length); }", GREED),
    "pad": ("const a = []; for (let n = 0;; ++n) a.push(''.padEnd(2 ** 20, 'ab' + n));", GREED),
    "replace": ("let s = 'x'; for (;;) s = s.replaceAll('x', 'xx');", GREED),
    "split": ("return new Response(String('x'.repeat(2 ** 26).split('').length));", GREED | {"200"}),
    "match-all": ("return new Response(String('x'.repeat(2 ** 25).match(/x/g).length));", GREED | {"200"}),
    "symbols": ("const a = []; for (;;) a.push(Symbol('x'.repeat(100) + a.length));", GREED),
    "buffers": ("const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));", GREED),
    "buffers-small": ("const a = []; for (;;) a.push(new Uint8Array(100));", GREED),
    "buffer-huge": ("return new Response(String(new ArrayBuffer(2 ** 33).byteLength));", GREED),
    "buffers-resizable": ("const a = []; for (;;) { const b = new ArrayBuffer(1, { maxByteLength: 1 << 26 }); b.resize(1 << 26); a.push(b); }", GREED),
    "buffers-transfer": ("const a = []; for (;;) a.push(new ArrayBuffer(1 << 10).transfer(1 << 22));", GREED),
    "typed-array": ("const a = []; for (;;) a.push(Float64Array.from({ length: 1e5 }, Math.random));", GREED),
    "map": ("const m = new Map(); for (let n = 0;; n++) m.set(n, n);", GREED),
    "set": ("const s = new Set(); for (let n = 0;; n++) s.add('k' + n);", GREED),
    "weak-map": ("const w = new WeakMap(), a = []; for (;;) { const k = {}; a.push(k); w.set(k, new Array(10)); }", GREED),
    "closures": ("const a = []; for (;;) { const big = new Array(100); a.push(() => big); }", GREED),
    "functions": ("const a = []; for (let n = 0;; ++n) a.push(new Function('return ' + n));", GREED),
    "generators": ("const a = []; for (;;) { const g = (function* () { yield new Array(100); })(); g.next(); a.push(g); }", GREED),
    "regexps": ("const a = []; for (let n = 0;; ++n) { const r = new RegExp('a' + n); r.test('a'); a.push(r); }", GREED),
    "text-decoder": ("const a = [], b = new Uint8Array(1 << 20).fill(0xe9), d = new TextDecoder('utf-16le'); for (;;) a.push(d.decode(b));", GREED),
    "text-encoder": ("const a = [], s = 'é'.repeat(1 << 20); for (;;) a.push(new TextEncoder().encode(s));", GREED),
    "base64": ("const a = [], s = 'x'.repeat(1 << 20); for (;;) a.push(btoa(s + a.length));", GREED),
    "blobs": ("const a = []; for (;;) a.push(new Blob(['x'.repeat(1 << 20)]));", GREED),
    "form-data": ("const f = new FormData(); for (let n = 0;; ++n) f.append('k' + n, 'x'.repeat(1000) + n);", GREED),
    "search-params": ("const p = new URLSearchParams(); for (let n = 0;; ++n) p.append('k' + n, 'x'.repeat(1000) + n);", GREED),
    "headers": ("const h = new Headers(); for (let n = 0;; ++n) h.append('k' + n, 'x'.repeat(1000) + n);", GREED),
    "structured-clone": ("let o = ['x'.repeat(1000)]; for (;;) o = [o, structuredClone(o)];", GREED),
    "json": ("let o = [1]; for (;;) o = [o, o, JSON.parse(JSON.stringify(o))];", GREED),
    "json-nested": ("return new Response(String(JSON.parse('['.repeat(1e6) + ']'.repeat(1e6)).length));", GREED | {"200", FATAL}),
    "random": ("const a = []; for (;;) a.push(crypto.getRandomValues(new Uint8Array(65536)));", GREED),
    "errors": ("const a = []; for (;;) a.push(new Error('x'.repeat(1000) + a.length));", GREED),
    "aggregate": ("let e = new Error('x'); for (;;) e = new AggregateError([e, e], 'x'.repeat(1000), { cause: e });", GREED),
    "freed-and-again": ("for (;;) new Uint8Array(1 << 24).fill(1);", CPU | MEMORY | EXCEPTION),
}

RECURSION = {
    "recursion": ("const f = () => f() + 1; return new Response(String(f()));", EXCEPTION),
    "recursion-catch": ("const f = () => { try { f(); } catch { f(); } }; f();", CPU | EXCEPTION),
    "recursion-getter": ("const o = { get x() { return this.x; } }; o.x;", EXCEPTION),
    "recursion-to-string": ("const o = { toString() { return `${this}`; } }; `${o}`;", EXCEPTION),
    "recursion-proxy": ("const h = {}; const p = new Proxy({}, h); h.get = (t, k) => p[k]; p.x;", EXCEPTION),
    "recursion-json": ("let o = {}; for (let i = 0; i < 1e5; ++i) o = { o }; return new Response(JSON.stringify(o));", EXCEPTION | {"200", "cpu-limit"}),
    "recursion-clone": ("let o = {}; for (let i = 0; i < 1e5; ++i) o = { o }; structuredClone(o);", EXCEPTION | {"200", "cpu-limit"}),
    "recursion-log": ("let o = {}; for (let i = 0; i < 1e5; ++i) o = { o }; console.log(o); return new Response('');", EXCEPTION | {"200"}),
    "recursion-regexp": ("new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('x');", EXCEPTION | {"cpu-limit"}),
    "recursion-source": ("(0, eval)('['.repeat(1e5) + ']'.repeat(1e5));", EXCEPTION | {"cpu-limit"}),
    "recursion-flat": ("let a = []; for (let i = 0; i < 1e5; ++i) a = [a]; a.flat(Infinity);", EXCEPTION | {"200", "cpu-limit"}),
    "recursion-event": ("const t = new EventTarget(); t.addEventListener('x', () => t.dispatchEvent(new Event('x'))); t.dispatchEvent(new Event('x'));",
                        EXCEPTION | CPU | {"200"}),
    "recursion-apply": ("Math.max.apply(null, new Array(1e7));", EXCEPTION | {"memory-limit", "200"}),
    "recursion-async": ("const f = async () => { await f(); }; await f();", EXCEPTION | CPU | MEMORY),
}

OUTPUT = {
    "log-flood": ("const s = 'x'.repeat(16000); for (;;) console.log(s);", CPU),
    "log-lines": ("for (let i = 0; i < 20000; ++i) console.log(i); return new Response('');", CPU | {"200"}),
    "log-huge": ("console.log('x'.repeat(2 ** 25)); return new Response('');", {"200"}),
    "log-wide": ("console.log(Array.from({ length: 1e5 }, (_, i) => ({ i }))); return new Response('');", {"200"}),
    "log-after": ("arguments[2].waitUntil((async () => { for (;;) { console.log('x'); await null; } })()); return new Response('');", CPU | {"200"}),
    "throw-huge": ("throw new Error('x'.repeat(2 ** 24));", EXCEPTION),
    "header-many": ("const h = new Headers(); for (let i = 0; i < 20000; ++i) h.append('k' + i, 'v'); return new Response('', { headers: h });",
                    {"response-head-too-large", "cpu-limit"}),
    "header-long": ("return new Response('', { headers: { x: 'v'.repeat(1 << 20) } });", {"response-head-too-large"}),
    "header-split": ("return new Response('', { headers: { x: 'a\\r\\nset-cookie: b=c' } });", EXCEPTION),
    "status-text": ("return new Response('', { statusText: 'a\\r\\nb: c' });", EXCEPTION),
    "response-huge": ("return new Response('x'.repeat(80 << 20));", GREED | {"response-too-large"}),
    "response-wide": ("return new Response('é'.repeat(40 << 20));", GREED | {"response-too-large"}),
    "response-none": ("return 7;", EXCEPTION),
    "response-fake": ("return Object.create(Response.prototype);", EXCEPTION),
    "response-used": ("const r = new Response('x'); await r.text(); return r;", EXCEPTION),
    "response-shared": ("return globalThis.kept ??= new Response('x');", {"200"}),
}

POLLUTION = {
    "pollute-then": ("Object.defineProperty(Object.prototype, 'then', { get() { for (;;) {} } }); return new Response('');", CPU | {"200"}),
    "pollute-promise": ("Promise.prototype.then = () => { throw 1; }; await null; return new Response('');", EXCEPTION | {"200"}),
    "pollute-species": ("Object.defineProperty(Promise, Symbol.species, { get() { for (;;) {} } }); await null; return new Response('');", CPU | {"200"}),
    "pollute-array": ("Array.prototype.push = Array.prototype.slice = Array.prototype[Symbol.iterator] = () => { for (;;) {} };"
                      "return new Response('', { headers: { a: 'b' } });", CPU | EXCEPTION | {"200"}),
    "pollute-index": ("Object.defineProperty(Array.prototype, 0, { set() { throw 1; } }); return new Response('', { headers: { a: 'b' } });",
                      EXCEPTION | {"200"}),
    "pollute-setter": ("for (const k of ['status', 'headers', 'body', 'type', 'value', 'get', 'set']) Object.defineProperty(Object.prototype, k,"
                       "{ get() { return 7; }, set() { throw 1; }, configurable: true }); return new Response('x', { headers: { a: 'b' } });",
                       EXCEPTION | {"200"}),
    "pollute-string": ("String.prototype.toLowerCase = String.prototype.slice = RegExp.prototype.exec = RegExp.prototype.test = () => { for (;;) {} };"
                       "return new Response('', { headers: { 'A-B': 'c' } });", CPU | EXCEPTION | {"200"}),
    "pollute-response": ("for (const k of Object.getOwnPropertyNames(Response.prototype)) { try { delete Response.prototype[k]; } catch {} }"
                         "return new Response('x');", EXCEPTION | {"200"}),
    "pollute-getters": ("Object.defineProperty(Response.prototype, 'status', { get() { for (;;) {} } }); return new Response('x');",
                        CPU | {"200"}),
    "pollute-bytes": ("const b = new TextEncoder().encode('x'.repeat(5000)); Uint8Array.prototype.set = Uint8Array.prototype.slice = ArrayBuffer.prototype.slice ="
                      "() => { for (;;) {} }; globalThis.Uint8Array = class { constructor() { for (;;) {} } }; return new Response(b);", CPU | EXCEPTION | {"200"}),
    "pollute-lengths": ("const b = new TextEncoder().encode('x'.repeat(5000)); for (const k of ['length', 'byteLength', 'byteOffset', 'buffer']) Object.defineProperty("
                        "Object.getPrototypeOf(Uint8Array.prototype), k, { get() { return 2 ** 40; } }); return new Response(b);", CPU | EXCEPTION | {"200"}),
    "pollute-stream": ("const s = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1000)); c.close(); } }); Promise.prototype.then = ReadableStream.prototype"
                       ".getReader = ReadableStreamDefaultReader.prototype.read = () => { for (;;) {} }; return new Response(await new Response(s).text());",
                       CPU | EXCEPTION | {"200"}),
    "pollute-collections": ("Map.prototype.get = Map.prototype.set = Set.prototype.add = Set.prototype.has = WeakMap.prototype.get = () => { for (;;) {} };"
                            "return new Response(new URL(request.url).searchParams.toString());", CPU | EXCEPTION | {"200"}),
    "pollute-object": ("Object.defineProperty = Object.freeze = Object.keys = Object.assign = Reflect.apply = Reflect.ownKeys = () => { for (;;) {} };"
                       "return Response.json({ a: 1 });", CPU | EXCEPTION | {"200"}),
    "pollute-function": ("Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { for (;;) {} };"
                         "const c = await caches.open('x'); await c.put('http://a/', new Response('x')); return c.match('http://a/');", CPU | EXCEPTION | {"200"}),
    "pollute-iterators": ("Object.getPrototypeOf([][Symbol.iterator]()).next = Object.getPrototypeOf(new Map()[Symbol.iterator]()).next = () => ({ done: false });"
                          "return new Response('', { headers: [['a', 'b']] });", CPU | MEMORY | EXCEPTION | {"200"}),
    "body-resized": ("const b = new ArrayBuffer(1e6, { maxByteLength: 2e6 }); const r = new Response(new Uint8Array(b)); b.resize(0); return r;", EXCEPTION | {"200"}),
    "body-grown": ("const m = new WebAssembly.Memory({ initial: 1 }); const r = new Response(new Uint8Array(m.buffer)); m.grow(1); return r;", EXCEPTION | {"200"}),
    "body-transferred": ("const b = new Uint8Array(1e6); const r = new Response(b); structuredClone(b.buffer, { transfer: [b.buffer] }); return r;", {"200"}),
    "delete-globals": ("for (const k of Object.getOwnPropertyNames(globalThis)) { try { delete globalThis[k]; } catch {} } return undefined;", EXCEPTION),
    "freeze-globals": ("for (const k of Object.getOwnPropertyNames(globalThis)) { try { Object.freeze(globalThis[k]?.prototype); Object.freeze("
                       "globalThis[k]); } catch {} } return new Response('x');", EXCEPTION | {"200"}),
    "error-to-string": ("Error.prototype.toString = () => { for (;;) {} }; throw new TypeError('x');", CPU | EXCEPTION),
    "error-stack-limit": ("Error.stackTraceLimit = Infinity; const f = (n) => n === 0 ? (() => { throw new Error('x'); })() : f(n - 1); f(5000);", EXCEPTION),
    "symbol-has-instance": ("Object.defineProperty(Response, Symbol.hasInstance, { value: () => { for (;;) {} } }); return new Response('x');", CPU | {"200"}),
}

STREAMS = {
    "stream-endless": ("await new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })).arrayBuffer();", GREED),
    "stream-flood": ("new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1000)); } });", GREED),
    "stream-tee": ("const [a] = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } }).tee(); for await (const _ of a) {}", GREED),
    "stream-transforms": ("let s = new Blob(['x']).stream(); for (;;) s = s.pipeThrough(new TransformStream());", GREED),
    "stream-itself": ("const t = new TransformStream(); await t.readable.pipeTo(t.writable);", WALL),
    "stream-size": ("new ReadableStream({ start(c) { c.enqueue(1); } }, { highWaterMark: 1, size() { for (;;) {} } });", CPU),
    "stream-writers": ("const t = new TransformStream(); const w = t.writable.getWriter(); for (;;) w.write(new Uint8Array(1000));", GREED),
    "stream-detached": ("const s = new ReadableStream({ type: 'bytes', pull(c) { const u = new Uint8Array(1000); c.enqueue(u); structuredClone(u.buffer,"
                        "{ transfer: [u.buffer] }); c.close(); } }); return new Response(await new Response(s).text());", EXCEPTION | {"200"}),
    "stream-iterable": ("await new Response({ async *[Symbol.asyncIterator]() { for (;;) yield new Uint8Array(65536); } }).text();", GREED),
    "compressors": ("const a = []; for (;;) a.push(new CompressionStream('gzip'), new DecompressionStream('deflate'));", GREED),
    "compressor-writes": ("const a = []; for (;;) { const w = new CompressionStream('gzip').writable.getWriter(); w.write(new Uint8Array(1000));"
                          "a.push(w); await null; }", GREED),
    "decompression": ("const gzip = (b, S) => new Response(new Blob([b]).stream().pipeThrough(new S('gzip'))).bytes();"
                      "const bomb = await gzip(new Uint8Array(4 << 20), CompressionStream); for (;;) await gzip(bomb, DecompressionStream);", GREED),
    "channel": ("const { port1 } = new MessageChannel(); for (;;) port1.postMessage(new Array(1000).fill(1));", GREED),
    "channel-chain": ("const { port1, port2 } = new MessageChannel(); port2.onmessage = () => { port1.postMessage(1); port1.postMessage(1); };"
                      "port1.postMessage(1); await new Promise(() => {});", CPU | MEMORY | WALL),
    "cache": ("const c = await caches.open('x'); for (let i = 0;; ++i) await c.put('http://a/' + i, new Response('x'.repeat(1e5)));", CPU | MEMORY),
    "cache-names": ("for (let i = 0;; ++i) await caches.open('n' + i);", EXCEPTION | CPU),
}

NATIVE = {
    "pbkdf2": ("const k = await crypto.subtle.importKey('raw', new Uint8Array(9), 'PBKDF2', false, ['deriveBits']); await crypto.subtle.deriveBits("
               "{ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(9), iterations: 2 ** 31 }, k, 256);", CPU | EXCEPTION),
    "pbkdf2-long": ("const k = await crypto.subtle.importKey('raw', new Uint8Array(9), 'PBKDF2', false, ['deriveBits']); await crypto.subtle.deriveBits("
                    "{ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(9), iterations: 1000 }, k, 2 ** 31);", CPU | EXCEPTION),
    "rsa-large": ("await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 16384, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },"
                  "true, ['sign', 'verify']);", CPU | EXCEPTION),
    "rsa-exponent": ("await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array(2000).fill(255), hash:"
                     "'SHA-256' }, true, ['sign', 'verify']);", CPU | EXCEPTION),
    "rsa-keys": ("for (;;) await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash:"
                 "'SHA-256' }, true, ['sign', 'verify']);", CPU | EXCEPTION),
    "digest": ("const b = new Uint8Array(16 << 20); for (;;) await crypto.subtle.digest('SHA-512', b);", CPU | MEMORY | EXCEPTION),
    "digest-flood": ("const b = new Uint8Array(1 << 20), a = []; for (;;) a.push(crypto.subtle.digest('SHA-1', b));", GREED),
    "keys": ("const a = []; for (;;) a.push(await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']));", GREED),
    "normalize": ("return new Response(String('\u0344'.repeat(5e6).normalize('NFD').length));", GREED | {"200"}),
    "upper-case": ("let s = '\u0390'.repeat(1e6); for (;;) s.toLocaleUpperCase('tr');", GREED | {FATAL}),
    "collate": ("const s = '\u0344'.repeat(3e6); for (;;) s.localeCompare(s + 'x', 'de', { sensitivity: 'base' });", GREED | {FATAL}),
    "intl": ("const a = []; for (;;) a.push(new Intl.NumberFormat('de'), new Intl.DateTimeFormat('ar'), new Intl.Collator('sv'));", GREED),
    "segmenter": ("const s = 'a b '.repeat(1e6); for (;;) [...new Intl.Segmenter('th', { granularity: 'word' }).segment(s)];", GREED | {FATAL}),
    "bigint-long": ("return new Response(String((3n ** 4000000n).toString().length));", CPU | EXCEPTION | {"200"}),
    "bigint-parse": ("return new Response(String(BigInt('7'.repeat(2e6)) % 3n));", CPU | EXCEPTION | {"200"}),
    "date-parse": ("return new Response(String(Date.parse('1'.repeat(2 ** 26))));", GREED | {"200"}),
    "json-flat": ("return new Response(String(JSON.parse('[' + '1,'.repeat(1e7) + '1]').length));", GREED | {"200"}),
    "json-gaps": ("return new Response(String(JSON.stringify(new Array(3e7)).length));", GREED | {"200"}),
    "clone-holes": ("return new Response(String(structuredClone(new Array(2 ** 31)).length));", GREED | {"200"}),
    "marks": ("for (;;) performance.mark('x'.repeat(100));", GREED),
    "patterns": ("const a = []; for (let i = 0;; ++i) a.push(new URLPattern({ pathname: `/:a${i}(x+)*` }));", GREED),
    "pattern-regexp": ("return new Response(String(new URLPattern({ pathname: '/((?:a+)+)b' }).test('http://a/' + 'a'.repeat(40))));", CPU | EXCEPTION | {"200"}),
    "form-parts": ("const p = '--b\\r\\ncontent-disposition: form-data; name=a\\r\\n\\r\\n\\r\\n'.repeat(3e5); return new Response(String([...await new Response(p +"
                   "'--b--', { headers: { 'content-type': 'multipart/form-data; boundary=b' } }).formData()].length));", GREED | {"200"}),
    "legacy-text": ("const d = new TextDecoder('gb18030'), b = new Uint8Array(8 << 20).fill(0x81); for (;;) d.decode(b);", GREED),
    "base64-huge": ("return new Response(String(atob('QUFB'.repeat(2 ** 24)).length));", GREED | {"200"}),
    "escape": ("return new Response(String(encodeURIComponent('\u20ac'.repeat(2 ** 24)).length));", GREED | {"200"}),
    "sockets": ("for (;;) new WebSocket('ws://127.0.0.1:1/');", CPU | EXCEPTION | MEMORY),
    "fetches": ("const a = []; for (;;) a.push(fetch('http://127.0.0.1:1/').catch(() => {}));", CPU | EXCEPTION | MEMORY),
    "fetches-await": ("for (;;) await fetch('http://127.0.0.1:1/').catch(() => {});", CPU | EXCEPTION | MEMORY | WALL),
    "data-urls": ("const u = 'data:,' + 'x'.repeat(1 << 20), a = []; for (;;) a.push(await fetch(u));", GREED),
    "imports": ("for (let i = 0;; ++i) await import('data:text/javascript,' + i).catch(() => {});", CPU | EXCEPTION | MEMORY),
    "atomics-wait": ("const m = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }); Atomics.wait(new Int32Array(m.buffer), 0, 0);", EXCEPTION),
    "atomics-wait-async": ("const m = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }); await Atomics.waitAsync(new Int32Array(m.buffer), 0, 0)"
                           ".value;", WALL | EXCEPTION),
    "atomics-waiters": ("const i = new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer); for (;;) Atomics.waitAsync(i, 0, 0, 1e9);",
                        GREED),
    "finalizers": ("const r = new FinalizationRegistry(() => { for (;;) {} }); for (;;) r.register({}, 0);", CPU | MEMORY),
    "finalizer-later": ("globalThis.r = new FinalizationRegistry(() => { for (;;) {} }); for (let i = 0; i < 1e5; ++i) r.register({}, 0); return new Response('');",
                        CPU | {"200"}),
    "report-flood": ("for (;;) reportError(new Error('x'));", CPU | MEMORY | EXCEPTION),
    "report-itself": ("globalThis.onerror = () => { throw new Error('again'); }; reportError(1); return new Response('');", EXCEPTION | {"200"}),
    "rejection-loop": ("addEventListener('unhandledrejection', () => { for (;;) {} }); Promise.reject(1); await null; return new Response('');",
                       CPU | EXCEPTION | {"200"}),
    "error-cycle": ("const e = new Error('x'); e.cause = e; e.errors = [e, e]; throw e;", EXCEPTION),
    "error-name": ("const f = { ['x'.repeat(1e6)]() { throw new Error('x'); } }; Object.values(f)[0]();", EXCEPTION),
    "source-huge": ("(0, eval)('x=1;'.repeat(3e6)); return new Response('');", GREED | {"200"}),
    "source-deep": ("(0, eval)('(()=>'.repeat(3e4) + '1' + ')'.repeat(3e4)); return new Response('');", GREED | {"200"}),
    "source-names": ("(0, eval)('var ' + Array.from({ length: 1e6 }, (_, i) => 'v' + i)); return new Response('');", GREED | {"200"}),
}

# Builtins that go through something that claims to be very long, most of them without a look at terminations.
LENGTHS = {
    f"length-{name.lower()}": (f"const o = {{ length: 2 ** 53 - 1 }}; Array.prototype.{name}.call(o{arguments}); return new Response('');",
                               GREED | {"200", FATAL})
    for name, arguments in {
        "includes": ", 1", "indexOf": ", 1", "lastIndexOf": ", 1", "join": "", "reverse": "", "fill": ", 1", "copyWithin": ", 0, 1", "at": ", -1",
        "some": ", (x) => x", "slice": "", "splice": ", 0, 1", "toSpliced": ", 0, 0", "with": ", 0, 1", "flat": "", "unshift": ", 1", "sort": "",
        "shift": "", "concat": ", o", "toReversed": "", "toSorted": "",
    }.items()
} | {
    "length-holes": ("return new Response(String(new Array(2 ** 32 - 1).includes(1)));", GREED | {"200"}),
    "length-holes-fill": ("new Array(2 ** 32 - 1).fill(0);", GREED | {FATAL}),
    "length-holes-reverse": ("const a = []; a[2 ** 31] = 1; a.reverse();", GREED | {"200", FATAL}),
    "length-holes-sort": ("const a = []; a[2 ** 31] = 1; a.sort(); return new Response('');", GREED | {"200", FATAL}),
    "length-holes-join": ("const a = []; a[2 ** 31] = 1; return new Response(String(a.join('').length));", GREED | {"200", FATAL}),
    "length-from": ("Array.from({ length: 2 ** 53 - 1 });", GREED),
    "length-typed": ("new Float64Array({ length: 2 ** 40 });", GREED),
    "length-apply": ("Reflect.apply(String.fromCharCode, null, { length: 2 ** 32 });", GREED),
    "length-species": ("class A extends Array { static get [Symbol.species]() { return function () { for (;;) {} }; } } new A(1, 2, 3).map((x) => x);", CPU),
    "length-string": ("return new Response(String('x'.repeat(2 ** 28).split(/(?:)/u).length));", GREED | {"200"}),
    "length-search": ("const s = 'a'.repeat(2 ** 24); return new Response(String(s.indexOf('a'.repeat(2 ** 23) + 'b')));", GREED | {"200"}),
    "length-search-last": ("const s = 'a'.repeat(2 ** 22); return new Response(String(s.lastIndexOf('b' + 'a'.repeat(2 ** 21))));", GREED | {"200", FATAL}),
    "length-replace": ("return new Response(String('a'.repeat(2 ** 24).replace(/a/g, () => 'bb').length));", GREED | {"200", FATAL}),
}

def wasm(code, pages=1):
    """`f` of an instance with a memory, whose one function has no parameters and this code."""
    body = [0, *code, 0x0b]
    sections = [(1, [1, 0x60, 0, 0]), (3, [1, 0]), (5, [1, 0, *leb(pages)]), (7, [1, 1, 0x66, 0, 0]), (10, [1, *leb(len(body)), *body])]
    module = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
    for number, content in sections:
        module += [number, *leb(len(content)), *content]
    return f"const module = new WebAssembly.Module(new Uint8Array({module})); const {{ f }} = new WebAssembly.Instance(module).exports;"


def leb(number):
    rest = number >> 7
    return [number & 127 | 128, *leb(rest)] if rest else [number & 127]


LOOP, AGAIN = [0x03, 0x40], [0x0c, 0, 0x0b]  # loop ... br 0 end
WASM = {
    "wasm-loop": (wasm(LOOP + AGAIN) + "f();", CPU),
    "wasm-store-loop": (wasm(LOOP + [0x41, 0, 0x41, 1, 0x36, 2, 0] + AGAIN) + "f();", CPU),
    "wasm-loop-catch": (wasm(LOOP + [0x10, 0] + AGAIN) + "for (;;) try { f(); } catch {}", CPU),
    "wasm-fill": (wasm(LOOP + [0x41, 0, 0x41, 7, 0x41, *leb(60000), 0xfc, 0x0b, 0] + AGAIN) + "f();", CPU),
    "wasm-fill-huge": (wasm(LOOP + [0x41, 0, 0x41, 7, 0x41, *leb(48 << 20), 0xfc, 0x0b, 0] + AGAIN, 768) + "f();", CPU | {FATAL}),
    "wasm-grow": (wasm(LOOP + [0x41, 1, 0x40, 0, 0x1a] + AGAIN) + "f();", CPU),
    "wasm-memories": ("const a = []; for (;;) a.push(new WebAssembly.Memory({ initial: 0 }));", EXCEPTION | CPU),
    "wasm-memory-huge": ("new Uint8Array(new WebAssembly.Memory({ initial: 32768 }).buffer).fill(1);", EXCEPTION),
    "wasm-memory-grow": ("const m = new WebAssembly.Memory({ initial: 1 }); for (;;) { m.grow(16); new Uint8Array(m.buffer).fill(1); }", EXCEPTION | CPU),
    "wasm-modules": ("const a = []; for (;;) { " + wasm([]) + " a.push(f); }", EXCEPTION | CPU | MEMORY),
    "wasm-nested": ("const n = 50000, body = [0, ...Array(n).fill([2, 64]).flat(), ...Array(n).fill(11), 11], leb = (v) => v < 128 ? [v] : [v & 127 | 128, ...leb(v >> 7)];"
                    "const section = (id, c) => [id, ...leb(c.length), ...c]; new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...section(1, [1, 96, 0, 0]),"
                    "...section(3, [1, 0]), ...section(10, [1, ...leb(body.length), ...body])])); return new Response('');", EXCEPTION | CPU | MEMORY | {"200"}),
    "wasm-tables": ("const a = []; for (;;) a.push(new WebAssembly.Table({ initial: 1e6, element: 'anyfunc' }));", GREED),
    "wasm-shared": ("const a = []; for (;;) a.push(new WebAssembly.Memory({ initial: 100, maximum: 100, shared: true }));", EXCEPTION | CPU),
}

ZLIB = "const zlib = await import('node:zlib');"
KEYS = "const crypto = await import('node:crypto');"
HTTP = "const { createServer } = await import('node:http'); const { once } = await import('node:events');"
NODE = {
    "node-gzip": (ZLIB + "const b = new Uint8Array(16 << 20); for (;;) zlib.gunzipSync(zlib.gzipSync(b));", GREED),
    "node-gzip-bomb": (ZLIB + "let b = new Uint8Array(32 << 20); b = zlib.gzipSync(b); const a = []; for (;;) a.push(zlib.gunzipSync(b));", GREED),
    "node-gzip-members": (ZLIB + "const one = zlib.gzipSync(''); const b = new Uint8Array(one.length * 1e5); for (let i = 0; i < 1e5; i++) b.set(one, i * one.length);"
                          "for (;;) zlib.gunzipSync(b);", GREED),
    "node-deflaters": (ZLIB + "const a = []; for (;;) a.push(zlib.createGzip(), zlib.createInflate());", GREED),
    "node-brotli": (ZLIB + "const b = crypto.getRandomValues(new Uint8Array(65536)); const all = new Uint8Array(16 << 20);"
                    "for (let i = 0; i < all.length; i += 65536) all.set(b.map((x) => x & (i >> 16)), i); for (;;) zlib.brotliCompressSync(all);", GREED),
    "node-brotli-bomb": (ZLIB + "const b = zlib.brotliCompressSync(new Uint8Array(16 << 20)); const a = []; for (;;) a.push(zlib.brotliDecompressSync(b));", GREED),
    "node-brotli-loop": (ZLIB + "const b = zlib.brotliCompressSync(new Uint8Array(1 << 20)); for (;;) zlib.brotliDecompressSync(b);", CPU),
    "node-brotli-coders": (ZLIB + "const a = []; for (;;) a.push(zlib.createBrotliDecompress(), zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_LGWIN]: 24 } }));", GREED),
    "node-brotli-forgotten": (ZLIB + "for (;;) zlib.createBrotliCompress();", GREED),
    "node-brotli-memory": (ZLIB + "const a = []; try { for (;;) a.push(new Uint8Array(1 << 20).fill(1)); } catch {} const c = zlib.createBrotliCompress();"
                           "for (;;) c.write(new Uint8Array(1 << 20));", GREED),
    "node-crc": (ZLIB + "const b = new Uint8Array(48 << 20); for (;;) zlib.crc32(b);", CPU),
    "node-pairs": (KEYS + "for (;;) crypto.generateKeyPairSync('rsa', { modulusLength: 4096 });", CPU),
    "node-keys": (KEYS + "const a = []; const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }); const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });"
                  "for (;;) a.push(crypto.createPrivateKey(pem));", GREED),
    "node-signatures": (KEYS + "const { privateKey } = crypto.generateKeyPairSync('ed25519'); for (;;) crypto.sign(null, new Uint8Array(1 << 20), privateKey);", CPU),
    "node-sign-pieces": (KEYS + "const s = crypto.createSign('sha256'); for (;;) s.update(new Uint8Array(1 << 20));", GREED),
    "node-der": (KEYS + "const b = Buffer.alloc(1 << 20, 0x30); for (;;) { try { crypto.createPublicKey({ key: b, format: 'der', type: 'spki' }); } catch {} }".replace(
        "Buffer.alloc(1 << 20, 0x30)", "new Uint8Array(1 << 20).fill(0x30)"), CPU),
    "node-server-silent": (HTTP + "return createServer(() => {}).fetch(request);", WALL),
    "node-server-flood": (HTTP + "return createServer((q, s) => { s.writeHead(200); for (;;) s.write('x'.repeat(65536)); }).fetch(request);", GREED | {"200", CUT}),
    "node-server-headers": (HTTP + "return createServer((q, s) => { for (let i = 0; ; i++) s.setHeader('x' + i, 'y'.repeat(1000)); }).fetch(request);", GREED),
    "node-server-recursion": (HTTP + "const s = createServer((q, r) => { s.fetch(request).then(() => r.end()); }); return s.fetch(request);", GREED | WALL),
    "node-emitter": ("const { EventEmitter } = await import('node:events'); const e = new EventEmitter(); e.on('x', () => { e.emit('x'); }); e.emit('x');", EXCEPTION),
    "node-inspect": ("const { inspect } = await import('node:util'); const a = Array.from({ length: 1e5 }, (_, i) => ({ i })); "
                     "for (;;) inspect(a, { maxArrayLength: null, depth: null });", GREED),
    "node-inspect-custom": ("const { inspect } = await import('node:util'); inspect({ [inspect.custom]() { for (;;) {} } });", CPU),
    "node-inspect-deep": ("const { inspect } = await import('node:util'); let o = {}; for (let i = 0; i < 1e6; i++) o = { o }; "
                          "return new Response(String(inspect(o, { depth: null }).length));", GREED | {"200"}),
    "node-assert-diff": ("const assert = (await import('node:assert')).default; const a = Array.from({ length: 1e5 }, (_, i) => i); "
                         "const b = a.map((x) => (x * 7) % 1e5); for (;;) { try { assert.deepStrictEqual(a, b); } catch {} }", GREED),
    "node-parse-env": ("const { parseEnv } = await import('node:util'); for (;;) parseEnv('a'.repeat(1e5) + ' '.repeat(1e5));", CPU),
    "node-ciphers": ("const c = await import('node:crypto'); const a = []; "
                     "for (;;) a.push(c.createCipheriv('aes-256-gcm', new Uint8Array(32), new Uint8Array(12)));", GREED),
    "node-shake": ("const c = await import('node:crypto'); const a = []; "
                   "for (;;) a.push(c.createHash('shake256', { outputLength: 16 << 20 }).digest());", GREED),
    "node-one-piece": ("const c = await import('node:crypto'); const b = new Uint8Array(8 << 20); for (;;) "
                       "c.createCipheriv('aes-128-ccm', new Uint8Array(16), new Uint8Array(11), { authTagLength: 16 }).update(b);", GREED),
    "node-windows": ("const z = await import('node:zlib'); const a = []; "
                     "for (;;) { const d = z.createDeflate({ memLevel: 9 }); d.write('x'); a.push(d); }", GREED),
    "node-channel": ("const d = (await import('node:diagnostics_channel')).default; const c = d.channel('x'); "
                     "c.subscribe(() => c.publish({})); c.publish({}); return new Response('');", GREED | {"200"}),
    "node-operators": ("const { Readable } = await import('node:stream'); "
                       "await Readable.from((function* () { for (;;) yield 1; })()).map((x) => x).filter(() => false).toArray();", CPU),
    "node-push": ("const { Readable } = await import('node:stream'); const r = new Readable({ read() {} }); for (;;) r.push('x'.repeat(65536));", GREED),
    "node-ticks": ("const process = await import('node:process'); const f = () => { process.nextTick(f); }; f(); await new Promise(() => {});", CPU),
    "node-imports": ("const { builtinModules } = await import('node:module'); const a = []; for (;;) for (const m of builtinModules) a.push(await import(m));", GREED),
    "node-sites": ("Error.prepareStackTrace = (e, s) => s; const a = []; for (;;) a.push(new Error().stack);", GREED),
    "node-foreign": ("return { status: 200, headers: { forEach(f) { for (;;) f('a', 'b'); } }, arrayBuffer() {}, body: null };", GREED),
}

LOST = {
    "sparse-fill": ("const a = []; a[2 ** 28] = 1; a.fill(0); return new Response('');", GREED | {FATAL, "200"}),
}

TABLE = {**ENDLESS, **PROMISES, **ALLOCATION, **RECURSION, **OUTPUT, **POLLUTION, **STREAMS, **NATIVE, **LENGTHS, **WASM, **NODE, **LOST}


def source(body):
    """A function that does it for `?do`, and is well otherwise."""
    return f"""export default {{
  async fetch(request) {{
    if (!request.url.includes("?do")) return new Response("well");
    {body}
  }},
}};
"""
