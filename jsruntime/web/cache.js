// Cache and CacheStorage (Service Workers standard 5.4, 5.5). Lazy.
//
// What is kept stands in the isolate's own heap: it counts against the function's memory limit, no other isolate of the function sees it, and
// it goes with the isolate. Beyond kBytesMax the oldest entries go first: who asks a cache has to be ready for nothing.

// Of all caches of an isolate together: an eighth of the default memory limit, so that a function that caches all it sees goes on working.
const kBytesMax = 16 * 1024 * 1024;
// What an entry is counted with beside its body: its objects, a URL and some headers.
const kEntryBytes = 1024;

const { Request, URL, requireArguments, domException } = internal;
const getHeader = ((get) => (headers, name) => internal.apply(get, headers, [name]))(internal.Headers.prototype.get);

const kept = new Set();  // entries, the oldest first
let keptBytes = 0;

// --- requests and what is stored of them ---

// As the standard's "relevant request": a Request as it is, all else a URL.
const toRequest = (value) => (internal.isRequest(value) ? value : new Request(value));

function requireCacheable(request) {
  if (!/^https?:/.test(request.url)) throw new TypeError('Cache: only http and https URLs are kept');
  if (request.method !== 'GET') throw new TypeError(`Cache: only answers to GET are kept, not to ${request.method}`);
}

// The URL that is compared: without its fragment, and without its query where that is ignored.
function comparedUrl(url, ignoreSearch) {
  const parsed = new URL(url);
  parsed.hash = '';
  if (ignoreSearch) parsed.search = '';
  return parsed.href;
}

const varyNames = (headers) => (getHeader(headers, 'vary') ?? '').split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== '');

function requireKeepable(response) {
  if (response.status === 206) throw new TypeError('Cache: a response with status 206 is a part of one and is not kept');
  if (varyNames(response.headers).includes('*')) throw new TypeError('Cache: a response with "Vary: *" fits no other request and is not kept');
}

const dictionary = (options) => {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object' && typeof options !== 'function') throw new TypeError('Cache: options must be an object');
  return options;
};
const toOptions = (given) => {
  const { ignoreSearch, ignoreMethod, ignoreVary } = dictionary(given);
  return { ignoreSearch: Boolean(ignoreSearch), ignoreMethod: Boolean(ignoreMethod), ignoreVary: Boolean(ignoreVary) };
};

class Entry {
  constructor(store, request, stored, bytes) {
    this.store = store;
    this.url = request.url;
    this.headers = [...internal.headersList(request.headers)];
    this.plainUrl = comparedUrl(request.url, false);
    this.stored = stored;  // as internal.takeResponse gives it, the source read
    this.bytes = bytes;
    this.vary = varyNames(internal.listHeaders(stored.headers));
  }

  fits(request, { ignoreSearch, ignoreVary }) {
    const url = comparedUrl(request.url, ignoreSearch);
    if (url !== (ignoreSearch ? comparedUrl(this.url, true) : this.plainUrl)) return false;
    if (ignoreVary || this.vary.length === 0) return true;
    const mine = internal.listHeaders(this.headers);
    return this.vary.every((name) => getHeader(mine, name) === getHeader(request.headers, name));
  }

  request() { return new Request(this.url, { headers: internal.listHeaders([...this.headers]) }); }
  response() { return internal.fetchedResponse({ ...this.stored, headers: [...this.stored.headers] }); }

  keep() {
    kept.add(this);
    this.store.add(this);
    keptBytes += this.bytes;
    for (const oldest of kept) {
      if (keptBytes <= kBytesMax) return;
      oldest.drop();
    }
  }

  drop() {
    if (!kept.delete(this)) return;
    this.store.delete(this);
    keptBytes -= this.bytes;
  }
}

// Reads the response's body; it counts as used.
async function entryOf(store, request, response) {
  const stored = internal.takeResponse(response);
  if (stored.source !== null) stored.source = await stored.source;
  const bytes = kEntryBytes + (stored.source === null ? 0 : stored.source.byteLength);
  if (bytes > kBytesMax) throw domException(`A cache keeps at most ${kBytesMax} bytes`, 'QuotaExceededError');
  return new Entry(store, request, stored, bytes);
}

// Those that fit, in the order they were put in. All of them where nothing is asked for.
function find(store, value, options) {
  if (value === undefined) return [...store];
  const request = toRequest(value);
  if (request.method !== 'GET' && !options.ignoreMethod) return [];
  return [...store].filter((entry) => entry.fits(request, options));
}

const kExact = toOptions();
function replace(entry) {
  for (const old of find(entry.store, entry.request(), kExact)) old.drop();
  entry.keep();
}

// --- the interfaces ---

const kToken = {};

class Cache {
  #store;  // a Set of entries; other Cache objects of the name have the same

  constructor(token = undefined, store = undefined) {
    if (token !== kToken) throw new TypeError('Illegal constructor');
    this.#store = store;
  }

  async match(request, options = undefined) {
    requireArguments(arguments.length, 1, 'Cache.match');
    return find(this.#store, toRequest(request), toOptions(options))[0]?.response();
  }

  async matchAll(request = undefined, options = undefined) {
    return Object.freeze(find(this.#store, request, toOptions(options)).map((entry) => entry.response()));
  }

  async add(request) {
    requireArguments(arguments.length, 1, 'Cache.add');
    await this.#addAll([request]);
  }

  async addAll(requests) {
    requireArguments(arguments.length, 1, 'Cache.addAll');
    await this.#addAll([...requests]);
  }

  async #addAll(values) {
    const requests = values.map(toRequest);
    requests.forEach(requireCacheable);
    const entries = await Promise.all(requests.map(async (request) => {
      const response = await internal.fetch(request);
      if (!response.ok) throw new TypeError(`Cache: ${request.url} answered with status ${response.status}`);
      requireKeepable(response);
      return entryOf(this.#store, request, response);
    }));
    entries.forEach((entry, place) => {
      const request = entry.request();
      if (entries.slice(0, place).some((other) => other.fits(request, kExact))) {
        throw domException(`Two of the requests are one to the cache: ${entry.url}`, 'InvalidStateError');
      }
    });
    entries.forEach(replace);
  }

  async put(request, response) {
    requireArguments(arguments.length, 2, 'Cache.put');
    const asked = toRequest(request);
    requireCacheable(asked);
    if (!internal.isResponse(response)) throw new TypeError('Cache.put: the second argument is no Response');
    requireKeepable(response);
    replace(await entryOf(this.#store, asked, response));
  }

  async delete(request, options = undefined) {
    requireArguments(arguments.length, 1, 'Cache.delete');
    const found = find(this.#store, toRequest(request), toOptions(options));
    for (const entry of found) entry.drop();
    return found.length > 0;
  }

  async keys(request = undefined, options = undefined) {
    return Object.freeze(find(this.#store, request, toOptions(options)).map((entry) => entry.request()));
  }
}

class CacheStorage {
  #stores = new Map();  // by name, in the order they were opened

  constructor(token = undefined) {
    if (token !== kToken) throw new TypeError('Illegal constructor');
  }

  #open(name) {
    let store = this.#stores.get(name);
    if (store === undefined) this.#stores.set(name, store = new Set());
    return new Cache(kToken, store);
  }

  // Not of the standard: what functions written for other platforms of this kind expect to find open.
  get default() { return this.#open('default'); }

  async open(name) {
    requireArguments(arguments.length, 1, 'CacheStorage.open');
    return this.#open(String(name));
  }

  async has(name) {
    requireArguments(arguments.length, 1, 'CacheStorage.has');
    return this.#stores.has(String(name));
  }

  // Who holds a Cache of that name goes on with an empty one, which nobody else finds.
  async delete(name) {
    requireArguments(arguments.length, 1, 'CacheStorage.delete');
    const key = String(name);
    for (const entry of this.#stores.get(key) ?? []) entry.drop();
    return this.#stores.delete(key);
  }

  async keys() { return [...this.#stores.keys()]; }

  async match(request, options = undefined) {
    requireArguments(arguments.length, 1, 'CacheStorage.match');
    const { cacheName } = dictionary(options);
    const asked = toRequest(request);
    for (const [name, store] of this.#stores) {
      if (cacheName !== undefined && name !== String(cacheName)) continue;
      const found = find(store, asked, toOptions(options));
      if (found.length > 0) return found[0].response();
    }
    return undefined;
  }
}

internal.shapeInterface(Cache);
internal.shapeInterface(CacheStorage);
return { Cache, CacheStorage, caches: new CacheStorage(kToken) };
