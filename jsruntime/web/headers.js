// Headers, as the Fetch standard has them. Names are kept lower-case; values are byte strings.
//
// A Headers of an incoming request holds only the request's serial number at first: get() and has() ask the native side, and the
// list is made when something needs all of it.

// As in dispatch.js: no lookup in a large object for what handlers mostly ask.
const { requestHeader } = native;

const kTokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kPlainPattern = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;  // the rule: nothing to strip, nothing to refuse
const kBadValuePattern = /[\0\r\n]/;
const kWidePattern = /[^\x00-\xff]/;
const kOuterBlankPattern = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const kNoGuard = 0;
const kImmutable = 1;
const kNoCors = 2;  // of a request whose mode is no-cors: safelisted fields only

// What a no-cors request may carry (Fetch standard 2.2.2), for names that are lower-case and values that are normalized.
const kSafelistedBytesMax = 128;
const kLanguagePattern = /^[0-9A-Za-z *,\-.;=]*$/;
const kUnsafePattern = /[\x00-\x08\x0a-\x1f"():<>?@[\\\]{}\x7f]/;
const kFormTypes = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

function isNoCorsSafelisted(name, value) {
  if (value.length > kSafelistedBytesMax) return false;
  switch (name) {
    case 'accept': return !kUnsafePattern.test(value);
    case 'accept-language': case 'content-language': return kLanguagePattern.test(value);
    case 'content-type': return !kUnsafePattern.test(value) && kFormTypes.includes(internal.lazy('mime.js').mimeEssence(value));
    default: return false;
  }
}

function toByteString(value, what) {
  const text = typeof value === 'string' ? value : String(value);
  if (kWidePattern.test(text)) {
    throw new TypeError(`${what} has a character above U+00FF; header fields are bytes: encode it first, e.g. encodeURIComponent()`);
  }
  return text;
}

// Names that were found good, with their lower-case form: functions use the same few again and again.
const goodNames = new Map();
const kGoodNamesMax = 256;

function toName(value) {
  const good = goodNames.get(value);
  if (good !== undefined) return good;
  const name = toByteString(value, 'A header name');
  if (!kTokenPattern.test(name)) throw new TypeError(`Invalid header name: ${JSON.stringify(name)}`);
  const lower = name.toLowerCase();
  if (typeof value === 'string' && goodNames.size < kGoodNamesMax) goodNames.set(name, lower);
  return lower;
}

function toValue(value, name) {
  if (typeof value === 'string' && kPlainPattern.test(value)) return value;
  let text = toByteString(value, `The value of header "${name}"`);
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  if (first <= 32 || last <= 32) text = text.replace(kOuterBlankPattern, '');
  if (kBadValuePattern.test(text)) throw new TypeError(`Invalid value of header "${name}": it has a CR, LF or NUL`);
  return text;
}

function requireArguments(got, wanted, where) {
  if (got < wanted) {
    throw new TypeError(`${where}: ${wanted} argument${wanted === 1 ? '' : 's'} required, but only ${got} present`);
  }
}
internal.requireArguments = requireArguments;

// Name and value pairs, flat: [name, value, name, value, ...].
function indexOfName(list, name, from = 0) {
  for (let i = from; i < list.length; i += 2) {
    if (list[i] === name) return i;
  }
  return -1;
}

function combined(list, name) {
  let value = null;
  for (let i = indexOfName(list, name); i >= 0; i = indexOfName(list, name, i + 2)) {
    value = value === null ? list[i + 1] : `${value}, ${list[i + 1]}`;
  }
  return value;
}

// Sorted by name; fields of one name combined, except Set-Cookie.
function sortAndCombine(list) {
  const names = [];
  for (let i = 0; i < list.length; i += 2) {
    if (!names.includes(list[i])) names.push(list[i]);
  }
  names.sort();
  const pairs = [];
  for (const name of names) {
    if (name !== 'set-cookie') {
      pairs.push([name, combined(list, name)]);
      continue;
    }
    for (let i = indexOfName(list, name); i >= 0; i = indexOfName(list, name, i + 2)) pairs.push([name, list[i + 1]]);
  }
  return pairs;
}

const { ownKeys, getOwnPropertyDescriptor, apply } = Reflect;
const keysOf = Object.keys;
const symbolsOf = Object.getOwnPropertySymbols;
let entries;  // Headers.prototype.entries as it was

// The values of an iterable whose method has been read already.
const iterated = (iterable, iterate) => ({ [Symbol.iterator]: () => apply(iterate, iterable, []) });

class Headers {
  #list = null; // null: still with the native side, under #serial; or empty
  #serial = 0;
  #guard = kNoGuard;
  #version = 0;

  constructor(init = undefined) {
    if (init !== undefined) this.#fill(init);
  }

  #fill(init) {
    if (typeof init !== 'object' && typeof init !== 'function' || init === null) {
      throw new TypeError('Headers: the initial value must be an object of name and value, a sequence of pairs, or Headers');
    }
    // Once: a proxy sees it.
    const iterate = init[Symbol.iterator];
    if (#list in init && iterate === entries) {
      this.#list = init.#all().slice();
      return;
    }
    if (iterate !== undefined && iterate !== null) {
      if (typeof iterate !== 'function') throw new TypeError('Headers: the initial value is not iterable');
      for (const pair of iterated(init, iterate)) {
        if (typeof pair !== 'object' && typeof pair !== 'function' || pair === null ||
            typeof pair[Symbol.iterator] !== 'function') {
          throw new TypeError('Headers: each item of the initial sequence must be a pair of name and value');
        }
        const [...items] = pair;
        if (items.length !== 2) throw new TypeError('Headers: each item of the initial sequence must be a pair of name and value');
        this.append(items[0], items[1]);
      }
      return;
    }
    if (native.isProxy(init)) this.#fillRecord(init);
    else this.#fillPlain(init);
  }

  // What most functions give: an object that does not see how it is read.
  #fillPlain(init) {
    const list = this.#list = [];
    for (const key of keysOf(init)) {
      const name = toName(key);
      list.push(name, toValue(init[key], name));
    }
    for (const symbol of symbolsOf(init)) {
      if (getOwnPropertyDescriptor(init, symbol)?.enumerable) throw new TypeError('Headers: a symbol is no header name');
    }
  }

  // Web IDL's record<ByteString, ByteString>: every step that the object can see, once and in order; all is converted before any is appended.
  #fillRecord(init) {
    const list = [];
    for (const key of ownKeys(init)) {
      const property = getOwnPropertyDescriptor(init, key);
      if (property === undefined || !property.enumerable) continue;
      if (typeof key === 'symbol') throw new TypeError('Headers: a symbol is no header name');
      const name = toByteString(key, 'A header name');
      list.push(name, toByteString(init[key], `The value of header "${name}"`));
    }
    for (let i = 0; i < list.length; i += 2) {
      const name = toName(list[i]);
      list[i] = name;
      list[i + 1] = toValue(list[i + 1], name);
    }
    this.#list = list;
  }

  // All fields, as the flat list. Made at first use.
  #all() {
    if (this.#list === null) this.#list = this.#serial === 0 ? [] : native.requestHeaders(this.#serial);
    return this.#list;
  }

  #writable() {
    if (this.#guard === kImmutable) {
      throw new TypeError('These headers are immutable: copy them first with new Headers(headers)');
    }
    this.#version++;
    return this.#all();
  }

  // False where the guard drops the field without a word.
  #allows(name, value) { return this.#guard !== kNoCors || isNoCorsSafelisted(name, value); }

  append(name, value) {
    requireArguments(arguments.length, 2, 'Headers.append');
    const key = toName(name);
    const text = toValue(value, key);
    const list = this.#writable();
    if (this.#guard === kNoCors) {
      const before = combined(list, key);
      if (!isNoCorsSafelisted(key, before === null ? text : `${before}, ${text}`)) return;
    }
    list.push(key, text);
  }

  delete(name) {
    requireArguments(arguments.length, 1, 'Headers.delete');
    const key = toName(name);
    const list = this.#writable();
    for (let i = indexOfName(list, key); i >= 0; i = indexOfName(list, key, i)) list.splice(i, 2);
  }

  get(name) {
    requireArguments(arguments.length, 1, 'Headers.get');
    const key = toName(name);
    if (this.#list === null) return this.#serial === 0 ? null : requestHeader(this.#serial, key);
    return combined(this.#list, key);
  }

  getSetCookie() {
    const list = this.#all();
    const cookies = [];
    for (let i = indexOfName(list, 'set-cookie'); i >= 0; i = indexOfName(list, 'set-cookie', i + 2)) cookies.push(list[i + 1]);
    return cookies;
  }

  has(name) {
    requireArguments(arguments.length, 1, 'Headers.has');
    const key = toName(name);
    if (this.#list === null) return this.#serial !== 0 && requestHeader(this.#serial, key) !== null;
    return indexOfName(this.#list, key) >= 0;
  }

  set(name, value) {
    requireArguments(arguments.length, 2, 'Headers.set');
    const key = toName(name);
    const text = toValue(value, key);
    const list = this.#writable();
    if (!this.#allows(key, text)) return;
    const first = indexOfName(list, key);
    if (first < 0) {
      list.push(key, text);
      return;
    }
    list[first + 1] = text;
    for (let i = indexOfName(list, key, first + 2); i >= 0; i = indexOfName(list, key, i)) list.splice(i, 2);
  }

  forEach(callback, thisArgument = undefined) {
    requireArguments(arguments.length, 1, 'Headers.forEach');
    if (typeof callback !== 'function') throw new TypeError('Headers.forEach: the callback is not a function');
    for (const [name, value] of this) Reflect.apply(callback, thisArgument, [value, name, this]);
  }

  keys() { this.#all(); return new HeadersIterator(this, 0); }
  values() { this.#all(); return new HeadersIterator(this, 1); }
  entries() { this.#all(); return new HeadersIterator(this, 2); }

  static {
    entries = this.prototype[Symbol.iterator] = this.prototype.entries;
    Object.defineProperty(this.prototype, Symbol.iterator, { enumerable: false });

    internal.isHeaders = (value) => typeof value === 'object' && value !== null && #list in value;
    internal.headersPairs = (headers) => sortAndCombine(headers.#all());
    internal.headersVersion = (headers) => headers.#version;
    internal.headersList = (headers) => headers.#all();
    // Of a list as #list has it: names lower-case, values checked.
    internal.listHeaders = (list) => {
      const headers = new Headers();
      headers.#list = list;
      return headers;
    };
    // Of a request whose mode is no-cors: what it must not carry goes, and does not come back.
    internal.restrictHeaders = (headers) => {
      const given = headers.#all();
      headers.#list = [];
      headers.#guard = kNoCors;
      for (let i = 0; i < given.length; i += 2) headers.append(given[i], given[i + 1]);
    };
    internal.sealHeaders = (headers) => { headers.#guard = kImmutable; return headers; };
    // The headers of the incoming request of this serial number.
    internal.incomingHeaders = (serial) => {
      const headers = new Headers();
      headers.#serial = serial;
      headers.#guard = kImmutable;
      return headers;
    };
    // Adds the field where there is none of this name; for default content types.
    internal.defaultHeader = (headers, name, value) => {
      const list = headers.#all();
      if (indexOfName(list, name) < 0) list.push(name, value);
    };
    // One string for the native side: name LF value LF name LF value ...
    internal.headersBlock = (headers) => {
      const list = headers.#all();
      let block = '';
      for (let i = 0; i < list.length; i++) block += i === 0 ? list[i] : `\n${list[i]}`;
      return block;
    };
  }
}

// Looks at the headers again at each step, as Web IDL wants: what is added during an iteration is seen.
class HeadersIterator {
  #headers;
  #kind;
  #index = 0;
  #pairs = null;
  #version = -1;

  constructor(headers, kind) {
    this.#headers = headers;
    this.#kind = kind;
  }

  next() {
    const version = internal.headersVersion(this.#headers);
    if (version !== this.#version) {
      this.#pairs = internal.headersPairs(this.#headers);
      this.#version = version;
    }
    if (this.#index >= this.#pairs.length) return { value: undefined, done: true };
    const pair = this.#pairs[this.#index++];
    return { value: this.#kind === 2 ? [pair[0], pair[1]] : pair[this.#kind], done: false };
  }
}
Object.setPrototypeOf(HeadersIterator.prototype, Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
delete HeadersIterator.prototype.constructor;
Object.defineProperty(HeadersIterator.prototype, 'next', { enumerable: true });
Object.defineProperty(HeadersIterator.prototype, Symbol.toStringTag, { value: 'Headers Iterator', configurable: true });

internal.Headers = Headers;
internal.exposeInterface(Headers);
