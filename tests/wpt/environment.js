// What a test expects around it before testharness.js runs: where it stands, and the files it asks for. `wptTest` is
// {path, search, files: {path: base64}, origin}, set by the bundle.
{
  const {path, search, files, origin} = globalThis.wptTest;
  const base = `${origin}/${path}`;
  const hide = (name, value) => Object.defineProperty(globalThis, name, {value, writable: true, configurable: true});

  const url = new URL(base + search);
  const location = {};
  for (const key of ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']) location[key] = url[key];
  location.toString = () => url.href;
  hide('location', location);
  hide('importScripts', () => {});
  hide('GLOBAL', {isWindow: () => false, isWorker: () => false, isShadowRealm: () => false});

  const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const types = {json: 'application/json', txt: 'text/plain', idl: 'text/plain', html: 'text/html', wasm: 'application/wasm'};
  const native = globalThis.fetch;
  // A test names its data by paths; those that came with it are answered here, as its server would. All else is the platform's.
  const wrapped = function fetch(input, init) {
    if (typeof input === 'string' && init === undefined) {
      let asked;
      try {
        asked = new URL(input, base);
      } catch {}
      if (asked?.origin === origin && Object.hasOwn(files, asked.pathname)) {
        const type = types[asked.pathname.split('.').pop()] ?? 'application/octet-stream';
        return Promise.resolve(new Response(bytesOf(files[asked.pathname]), {headers: {'content-type': type}}));
      }
      if (native !== undefined && asked !== undefined) return native(asked.href);
    }
    if (native === undefined) return Promise.reject(new TypeError('fetch is not there'));
    return native.apply(globalThis, arguments);
  };
  if (native === undefined || Object.keys(files).length > 0) {
    const found = Object.getOwnPropertyDescriptor(globalThis, 'fetch') ?? {writable: true, enumerable: true, configurable: true};
    Object.defineProperty(globalThis, 'fetch', {...found, value: wrapped});
  }
}
