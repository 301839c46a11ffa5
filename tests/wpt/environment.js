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
  hide('GLOBAL', {isWindow: () => false, isWorker: () => true, isShadowRealm: () => false});

  const types = {json: 'application/json', txt: 'text/plain', idl: 'text/plain', html: 'text/html', wasm: 'application/wasm'};
  const native = globalThis.fetch;
  const NativeRequest = globalThis.Request;
  const isRequest = (value) => NativeRequest !== undefined && value instanceof NativeRequest;

  // No runtime of this kind has a page whose URL relative ones are resolved against. Tests of fetch stand on one, here as in the runtimes'
  // own runners of this suite.
  if (path.startsWith('fetch/') && NativeRequest !== undefined) {
    const Based = new Proxy(NativeRequest, {
      construct(target, args, newTarget) {
        const resolved = args.length === 0 || isRequest(args[0]) ? args : [new URL(args[0], base).href, ...args.slice(1)];
        return Reflect.construct(target, resolved, newTarget === Based ? target : newTarget);
      },
    });
    Object.defineProperty(globalThis, 'Request', {value: Based, writable: true, enumerable: false, configurable: true});
  }

  // A test names its data by paths; those that came with it are answered here, as its server would, by the platform's own fetch of a data: URL.
  // All else is the platform's.
  const dataUrl = (href) => {
    const asked = new URL(href);
    if (asked.origin !== origin || !Object.hasOwn(files, asked.pathname)) return undefined;
    return `data:${types[asked.pathname.split('.').pop()] ?? 'application/octet-stream'};base64,${files[asked.pathname]}`;
  };
  const wrapped = function fetch(input, init) {
    if (native === undefined) return Promise.reject(new TypeError('fetch is not there'));
    if (arguments.length === 0) return native();
    try {
      const href = isRequest(input) ? input.url : new URL(input, base).href;
      const data = (init?.method ?? (isRequest(input) ? input.method : 'GET')) === 'GET' ? dataUrl(href) : undefined;
      if (data !== undefined) return isRequest(input) ? native(new NativeRequest(data, input), init) : native(data, init);
      return native(isRequest(input) ? input : href, init);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  if (native === undefined || Object.keys(files).length > 0 || path.startsWith('fetch/')) {
    Object.defineProperty(globalThis, 'fetch', {writable: true, enumerable: true, configurable: true, value: wrapped});
  }
}
