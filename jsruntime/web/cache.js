// Cache and CacheStorage (Service Workers standard 5.4, 5.5). Lazy.
//
// What is kept stands in the isolate's own heap: it counts against the function's memory limit, no other isolate of the function sees it, and
// it goes with the isolate. Beyond kBytesMax the oldest entries go first: who asks a cache has to be ready for nothing.

// Of all caches of an isolate together: an eighth of the default memory limit, so that a function that caches all it sees goes on working.
const kBytesMax = 16 * 1024 * 1024;
// What an entry is counted with beside its body, its URL and its headers: its objects and its places in the tables.
const kEntryBytes = 1024;
// What a character is counted with: V8 needs two bytes for one outside Latin-1.
const kCharacterBytes = 2;
// Names that stand open. Each is a few hundred bytes, and none goes by itself: a function that names a cache after each of its users finds out.
const kNamesMax = 1024;

const { Request, requireArguments, domException } = internal;
const getHeader = ((get) => (headers, name) => internal.apply(get, headers, [name]))(internal.Headers.prototype.get);

// --- requests and what is stored of them ---

// As the standard's "relevant request": a Request as it is, all else a URL.
const toRequest = (value) => (internal.isRequest(value) ? value : new Request(value));

function requireCacheable(request) {
  if (!/^https?:/.test(request.url)) throw new TypeError('Cache: only http and https URLs are kept');
  if (request.method !== 'GET') throw new TypeError(`Cache: only answers to GET are kept, not to ${request.method}`);
}

// Of a URL as the URL standard serializes it, where neither mark stands for anything else.
const cutAt = (url, mark) => {
  const at = url.indexOf(mark);
  return at < 0 ? url : url.slice(0, at);
};
const withoutFragment = (url) => cutAt(url, '#');
const withoutQuery = (url) => cutAt(withoutFragment(url), '?');

// A field by the name of what is no token (RFC 9110 5.6.2) is in no request: such names tell no two requests apart.
const kNamePattern = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const varyNames = (headers) => (getHeader(headers, 'vary') ?? '').split(',').map((name) => name.trim().toLowerCase())
  .filter((name) => kNamePattern.test(name));

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
const kExact = toOptions();

const tooLarge = () => domException(`A cache keeps at most ${kBytesMax} bytes`, 'QuotaExceededError');

// The bytes of a response's source, which nobody else writes to; what is too large is not read to its end.
async function bytesOf(source) {
  if (source === null) return null;
  if (internal.isStreamSource(source)) {
    internal.requireReadable(source);
    return internal.streamBytes(source, kBytesMax, tooLarge);
  }
  if (source.length > kBytesMax) throw tooLarge();
  if (typeof source === 'string') return native.bodyEncode(source);
  return source.buffer.byteLength > 2 * source.length ? source.slice() : source;
}

const charactersOf = (list) => list.reduce((sum, text) => sum + text.length, 0);

class Entry {
  constructor(request, stored) {
    this.store = null;  // where it is kept
    this.url = request.url;
    this.plainUrl = withoutFragment(request.url);
    this.headers = [...internal.headersList(request.headers)];
    this.stored = stored;  // as internal.takeResponse gives it, the source read
    this.vary = varyNames(internal.listHeaders(stored.headers));
    const characters = this.url.length + stored.url.length + stored.statusText.length + charactersOf(this.headers) + charactersOf(stored.headers);
    this.bytes = kEntryBytes + kCharacterBytes * characters + (stored.source === null ? 0 : stored.source.byteLength);
    if (this.bytes > kBytesMax) throw tooLarge();
  }

  // Whether what the response varies with is the same in that request. The URLs are the caller's business.
  variesWith(headers) {
    if (this.vary.length === 0) return true;
    const mine = internal.listHeaders(this.headers);
    return this.vary.every((name) => getHeader(mine, name) === getHeader(headers, name));
  }

  request() { return new Request(this.url, { headers: internal.listHeaders([...this.headers]) }); }
  response() { return internal.fetchedResponse({ ...this.stored, headers: [...this.stored.headers] }, this.stored.type); }
}

// Reads the response's body; it counts as used.
async function entryOf(request, response) {
  const stored = internal.takeResponse(response);
  stored.source = await bytesOf(stored.source);
  return new Entry(request, stored);
}

// Entries of any number of stores that share the bound, the oldest first.
class Budget {
  #entries = new Set();
  #bytes = 0;

  add(entry) {
    this.#entries.add(entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries) {
      if (this.#bytes <= kBytesMax) return;
      oldest.store.remove(oldest);
    }
  }

  remove(entry) {
    if (this.#entries.delete(entry)) this.#bytes -= entry.bytes;
  }
}

// What a name stands for: entries, in the order they were put in.
class Store {
  #entries = new Set();
  #byUrl = new Map();  // plainUrl to a Set of entries, none of them empty
  #budget;

  constructor(budget) { this.#budget = budget; }

  add(entry) {
    entry.store = this;
    this.#entries.add(entry);
    const same = this.#byUrl.get(entry.plainUrl);
    if (same === undefined) this.#byUrl.set(entry.plainUrl, new Set([entry]));
    else same.add(entry);
    this.#budget.add(entry);
  }

  remove(entry) {
    if (!this.#entries.delete(entry)) return;
    const same = this.#byUrl.get(entry.plainUrl);
    same.delete(entry);
    if (same.size === 0) this.#byUrl.delete(entry.plainUrl);
    this.#budget.remove(entry);
  }

  // In the place of those that answer the same request.
  replace(entry) {
    for (const old of this.#byUrl.get(entry.plainUrl) ?? []) {
      if (old.variesWith(internal.listHeaders(entry.headers))) this.remove(old);
    }
    this.add(entry);
  }

  // Those that fit a Request; all where none is given.
  * find(request, options) {
    if (request === undefined) {
      yield* this.#entries;
      return;
    }
    if (request.method !== 'GET' && !options.ignoreMethod) return;
    for (const entry of this.#withUrl(request.url, options.ignoreSearch)) {
      if (options.ignoreVary || entry.variesWith(request.headers)) yield entry;
    }
  }

  * #withUrl(url, ignoreSearch) {
    if (!ignoreSearch) {
      yield* this.#byUrl.get(withoutFragment(url)) ?? [];
      return;
    }
    const bare = withoutQuery(url);
    for (const entry of this.#entries) {
      if (entry.plainUrl.startsWith(bare) && withoutQuery(entry.plainUrl) === bare) yield entry;
    }
  }

  // Its name is gone: who holds a Cache goes on with what is in it, which from now on has a bound of its own and goes with the last holder.
  leave() {
    const entries = [...this.#entries];
    for (const entry of entries) this.#budget.remove(entry);
    this.#budget = new Budget();
    for (const entry of entries) this.#budget.add(entry);
  }
}

// --- the interfaces ---

const kToken = {};
const asked = (value) => (value === undefined ? undefined : toRequest(value));

class Cache {
  #store;  // other Cache objects of the name have the same

  constructor(token = undefined, store = undefined) {
    if (token !== kToken) throw new TypeError('Illegal constructor');
    this.#store = store;
  }

  async match(request, options = undefined) {
    requireArguments(arguments.length, 1, 'Cache.match');
    for (const entry of this.#store.find(toRequest(request), toOptions(options))) return entry.response();
    return undefined;
  }

  async matchAll(request = undefined, options = undefined) {
    const found = [...this.#store.find(asked(request), toOptions(options))];
    return Object.freeze(found.map((entry) => entry.response()));
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
    // The first that fails ends the others, and what is on its way of their bodies.
    const abort = new internal.AbortController();
    let entries;
    try {
      entries = await Promise.all(requests.map((request) => this.#ask(request, abort.signal)));
      requireDifferent(entries);
    } catch (error) {
      abort.abort(error);
      throw error;
    }
    for (const entry of entries) this.#store.replace(entry);
  }

  async #ask(request, signal) {
    const response = await internal.fetch(request, { signal: internal.AbortSignal.any([request.signal, signal]) });
    if (!response.ok) throw new TypeError(`Cache: ${request.url} answered with status ${response.status}`);
    requireKeepable(response);
    return entryOf(request, response);
  }

  async put(request, response) {
    requireArguments(arguments.length, 2, 'Cache.put');
    const answered = toRequest(request);
    requireCacheable(answered);
    if (!internal.isResponse(response)) throw new TypeError('Cache.put: the second argument is no Response');
    requireKeepable(response);
    this.#store.replace(await entryOf(answered, response));
  }

  async delete(request, options = undefined) {
    requireArguments(arguments.length, 1, 'Cache.delete');
    const found = [...this.#store.find(toRequest(request), toOptions(options))];
    for (const entry of found) this.#store.remove(entry);
    return found.length > 0;
  }

  async keys(request = undefined, options = undefined) {
    const found = [...this.#store.find(asked(request), toOptions(options))];
    return Object.freeze(found.map((entry) => entry.request()));
  }
}

// What addAll() brings must not replace itself.
function requireDifferent(entries) {
  const seen = new Store(new Budget());
  for (const entry of entries) {
    const request = entry.request();
    for (const other of seen.find(request, kExact)) {
      throw domException(`Two of the requests are one to the cache: ${other.url}`, 'InvalidStateError');
    }
    seen.add(entry);
  }
}

class CacheStorage {
  #stores = new Map();  // by name, in the order they were opened
  #budget = new Budget();

  constructor(token = undefined) {
    if (token !== kToken) throw new TypeError('Illegal constructor');
  }

  #open(name) {
    let store = this.#stores.get(name);
    if (store === undefined) {
      if (this.#stores.size >= kNamesMax) {
        throw domException(`More than ${kNamesMax} caches are open: delete() some, or tell entries apart by their URLs`, 'QuotaExceededError');
      }
      this.#stores.set(name, store = new Store(this.#budget));
    }
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

  async delete(name) {
    requireArguments(arguments.length, 1, 'CacheStorage.delete');
    const key = String(name);
    this.#stores.get(key)?.leave();
    return this.#stores.delete(key);
  }

  async keys() { return [...this.#stores.keys()]; }

  async match(request, options = undefined) {
    requireArguments(arguments.length, 1, 'CacheStorage.match');
    const { cacheName } = dictionary(options);
    const wanted = toRequest(request);
    for (const [name, store] of this.#stores) {
      if (cacheName !== undefined && name !== String(cacheName)) continue;
      for (const entry of store.find(wanted, toOptions(options))) return entry.response();
    }
    return undefined;
  }
}

internal.shapeInterface(Cache);
internal.shapeInterface(CacheStorage);
return { Cache, CacheStorage, caches: new CacheStorage(kToken) };
