// URLSearchParams (URL standard 5, 6.2), and the iteration that it shares with FormData.
//
//   internal.paramsOf(url, search)       the live parameters of a URL
//   internal.resetParams(params, search) after the URL changed
//   internal.parseQuery(string)          application/x-www-form-urlencoded -> flat list [name, value, name, value...]
//   internal.definePairs(Class, listOf)  entries, keys, values, forEach and the iterator of a class over such a list

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

// Iterators look at the list when they are asked, so what is appended meanwhile is seen (Web IDL 3.7.10).
internal.definePairs = (Class, listOf) => {
  class PairIterator {
    #list;
    #at = 0;
    #kind;
    constructor(list, kind) {
      this.#list = list;
      this.#kind = kind;
    }
    next() {
      const list = this.#list();
      const at = this.#at;
      if (at >= list.length) return { value: undefined, done: true };
      this.#at += 2;
      return { value: this.#kind === 2 ? [list[at], list[at + 1]] : list[at + this.#kind], done: false };
    }
  }
  const prototype = PairIterator.prototype;
  delete prototype.constructor;
  Object.setPrototypeOf(prototype, IteratorPrototype);
  Object.defineProperty(prototype, 'next', { enumerable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: `${Class.name} Iterator`, configurable: true });
  const iterate = (target, kind) => {
    listOf(target);  // the brand check comes first
    return new PairIterator(() => listOf(target), kind);
  };
  const methods = {
    entries() { return iterate(this, 2); },
    keys() { return iterate(this, 0); },
    values() { return iterate(this, 1); },
    forEach(callback, thisArgument = undefined) {
      listOf(this);
      internal.required(arguments.length, 1, `${Class.name}.forEach`);
      if (typeof callback !== 'function') throw new TypeError(`${Class.name}.forEach: the callback is not a function.`);
      for (let i = 0; i < listOf(this).length; i += 2) {
        const list = listOf(this);
        Reflect.apply(callback, thisArgument, [list[i + 1], list[i], this]);
      }
    },
  };
  for (const name of ['entries', 'keys', 'values', 'forEach']) {
    Object.defineProperty(Class.prototype, name, { value: methods[name], writable: true, enumerable: true, configurable: true });
  }
  Object.defineProperty(Class.prototype, Symbol.iterator, { value: methods.entries, writable: true, configurable: true });
};

const string = (value) => `${value}`.toWellFormed();

// Bytes that are no UTF-8 become U+FFFD, which decodeURIComponent refuses to do.
function decodeSlowly(text) {
  const bytes = native.utf8Encode(text);
  let length = 0;
  for (let i = 0; i < bytes.length; ++i) {
    let byte = bytes[i];
    if (byte === 0x25 && i + 2 < bytes.length) {
      const hex = String.fromCharCode(bytes[i + 1], bytes[i + 2]);
      if (/^[0-9a-f]{2}$/i.test(hex)) {
        byte = parseInt(hex, 16);
        i += 2;
      }
    }
    bytes[length++] = byte;
  }
  return native.utf8Decode(bytes.subarray(0, length), 2);
}

function decode(text) {
  if (text.includes('+')) text = text.replaceAll('+', ' ');
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return decodeSlowly(text);
  }
}

function parseQuery(text) {
  const list = [];
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('&', start);
    if (end < 0) end = text.length;
    if (end > start) {
      const equals = text.indexOf('=', start);
      if (equals < 0 || equals >= end) list.push(decode(text.slice(start, end)), '');
      else list.push(decode(text.slice(start, equals)), decode(text.slice(equals + 1, end)));
    }
    start = end + 1;
  }
  return list;
}
internal.parseQuery = parseQuery;

const kEscape = { '!': '%21', "'": '%27', '(': '%28', ')': '%29', '~': '%7E', '%20': '+' };
function encode(text) {
  if (/^[\w*.-]*$/.test(text)) return text;
  return encodeURIComponent(text).replace(/[!'()~]|%20/g, (found) => kEscape[found]);
}

function serialize(list) {
  let out = '';
  for (let i = 0; i < list.length; i += 2) out += `${i > 0 ? '&' : ''}${encode(list[i])}=${encode(list[i + 1])}`;
  return out;
}
internal.serializeQuery = serialize;

function listFromSequence(sequence) {
  const list = [];
  for (const pair of sequence) {
    if ((typeof pair !== 'object' && typeof pair !== 'function') || pair === null || typeof pair[Symbol.iterator] !== 'function') {
      throw new TypeError('URLSearchParams constructor: an element of the sequence is not a [name, value] pair.');
    }
    const two = [...pair];
    if (two.length !== 2) throw new TypeError('URLSearchParams constructor: an element of the sequence has not two items.');
    list.push(string(two[0]), string(two[1]));
  }
  return list;
}

function listFromRecord(record) {
  const map = new Map();
  for (const key of Reflect.ownKeys(record)) {
    if (Reflect.getOwnPropertyDescriptor(record, key)?.enumerable) map.set(string(key), string(record[key]));
  }
  return [...map].flat();
}

class URLSearchParams {
  #list;
  #url = null;

  constructor(init = '') {
    if ((typeof init === 'object' && init !== null) || typeof init === 'function') {
      const iterator = init[Symbol.iterator];
      if (iterator === undefined || iterator === null) this.#list = listFromRecord(init);
      else if (#list in init && iterator === URLSearchParams.prototype.entries) this.#list = init.#list.slice();
      else this.#list = listFromSequence(init);
    } else {
      const text = string(init);
      this.#list = parseQuery(text.charCodeAt(0) === 0x3f ? text.slice(1) : text);
    }
  }

  #update() {
    if (this.#url !== null) internal.setUrlQuery(this.#url, serialize(this.#list));
  }

  get size() { return this.#list.length / 2; }

  append(name, value) {
    internal.required(arguments.length, 2, 'URLSearchParams.append');
    this.#list.push(string(name), string(value));
    this.#update();
  }

  delete(name, value = undefined) {
    internal.required(arguments.length, 1, 'URLSearchParams.delete');
    name = string(name);
    if (value !== undefined) value = string(value);
    const list = this.#list;
    let kept = 0;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) continue;
      list[kept++] = list[i];
      list[kept++] = list[i + 1];
    }
    list.length = kept;
    this.#update();
  }

  get(name) {
    internal.required(arguments.length, 1, 'URLSearchParams.get');
    name = string(name);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
    return null;
  }

  getAll(name) {
    internal.required(arguments.length, 1, 'URLSearchParams.getAll');
    name = string(name);
    return this.#list.filter((_, i) => i % 2 === 1 && this.#list[i - 1] === name);
  }

  has(name, value = undefined) {
    internal.required(arguments.length, 1, 'URLSearchParams.has');
    name = string(name);
    if (value !== undefined) value = string(value);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) return true;
    }
    return false;
  }

  set(name, value) {
    internal.required(arguments.length, 2, 'URLSearchParams.set');
    name = string(name);
    value = string(value);
    const list = this.#list;
    let kept = 0;
    let found = false;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) {
        if (found) continue;
        found = true;
        list[i + 1] = value;
      }
      list[kept++] = list[i];
      list[kept++] = list[i + 1];
    }
    list.length = kept;
    if (!found) list.push(name, value);
    this.#update();
  }

  sort() {
    const pairs = [];
    for (let i = 0; i < this.#list.length; i += 2) pairs.push([this.#list[i], this.#list[i + 1]]);
    pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    pairs.forEach(([name, value], i) => {
      this.#list[2 * i] = name;
      this.#list[2 * i + 1] = value;
    });
    this.#update();
  }

  toString() { return serialize(this.#list); }

  static {
    internal.definePairs(URLSearchParams, (params) => params.#list);
    internal.isURLSearchParams = (value) => typeof value === 'object' && value !== null && #list in value;
    internal.paramsOf = (url, search) => {
      const params = new URLSearchParams(search);
      params.#url = url;
      return params;
    };
    internal.resetParams = (params, search) => { params.#list = parseQuery(search.slice(1)); };
  }
}
internal.exposeInterface(URLSearchParams);
internal.URLSearchParams = URLSearchParams;
