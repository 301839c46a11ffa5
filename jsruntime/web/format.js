// Lazy: values as text for console: what an inspector shows, on one line where it fits.
//
// Returns
//
//   format(...values) -> string of at most kOutputMax units
//
// No getter of the value is run, and no proxy's trap: what an object is, the native half tells.

const kOutputMax = 16384;   // units of one record
const kDepthMax = 4;        // objects in objects
const kItemsMax = 100;      // elements, entries or properties of one object
const kNamedMax = 10000;    // elements of a list that is searched for other properties
const kStringMax = 2000;    // units of a string inside an object
const kLineMax = 76;        // longer lists take a line an element

const kArray = 1, kMap = 2, kSet = 3, kDate = 4, kRegExp = 5, kError = 6, kPromise = 7, kProxy = 8, kTyped = 9, kBuffer = 10, kView = 11,
  kIterator = 12, kBoxed = 13, kArguments = 14, kWeak = 15, kGenerator = 16, kModule = 17, kFunction = 18;

function cut(text, max) {
  if (text.length <= max) return text;
  const end = text.charCodeAt(max - 1) >> 10 === 0x36 ? max - 1 : max;  // not inside a pair
  return `${text.slice(0, end)}... ${text.length - end} more characters`;
}

function quote(text) {
  const shown = text.length > kStringMax ? text.slice(0, kStringMax) : text;
  const mark = !shown.includes("'") ? "'" : !shown.includes('"') ? '"' : !shown.includes('`') && !shown.includes('${') ? '`' : "'";
  const kNamed = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f', '\v': '\\v', '\\': '\\\\' };
  const escaped = shown.replace(/[\x00-\x1f\x7f-\x9f\\'\u2028\u2029]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => c === "'" ? (mark === "'" ? "\\'" : c) : kNamed[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${mark}${escaped}${mark}${shown.length < text.length ? `... ${text.length - shown.length} more characters` : ''}`;
}

const ownValue = (object, key) => {
  const found = Reflect.getOwnPropertyDescriptor(object, key);
  return found !== undefined && 'value' in found ? found.value : undefined;
};

// The name of the class that made it; null for an object without a prototype.
function className(object) {
  for (let holder = object, i = 0; holder !== null && i < 64; ++i) {
    if (native.kindOf(holder) === kProxy) break;
    const made = ownValue(holder, 'constructor');
    if (typeof made === 'function' && native.kindOf(made) !== kProxy) {
      const name = ownValue(made, 'name');
      if (typeof name === 'string' && name !== '') return name;
    }
    holder = Reflect.getPrototypeOf(holder);
  }
  return null;
}

function prefix(object, fallback, size = undefined) {
  const name = className(object);
  let tag = '';
  for (let holder = object, i = 0; holder !== null && i < 64 && native.kindOf(holder) !== kProxy; ++i) {
    tag = ownValue(holder, Symbol.toStringTag);
    if (tag !== undefined) break;
    holder = Reflect.getPrototypeOf(holder);
  }
  const sized = size === undefined ? '' : `(${size})`;
  const shown = name === null ? `[${fallback}${sized}: null prototype]` : `${name}${sized}`;
  return typeof tag === 'string' && tag !== '' && tag !== name ? `${shown} [${tag}]` : shown;
}

const isIndex = (key) => typeof key === 'string' && /^\d+$/.test(key);

const keyText = (key) =>
  typeof key === 'symbol' ? `[${String(key)}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key);

// What there is to see of the platform's objects, whose state is private: properties, or a flat list of pairs.
function platformView(value) {
  if (internal.isURL?.(value)) return { href: value.href };
  if (internal.isURLSearchParams?.(value)) return [...value].flat();
  if (internal.isFormData?.(value)) return internal.formDataList(value);
  if (internal.isHeaders?.(value)) return Object.fromEntries(internal.headersPairs(value));
  if (internal.isFile?.(value)) return { name: value.name, size: value.size, type: value.type };
  if (internal.isBlob?.(value)) return { size: value.size, type: value.type };
  if (internal.isRequest?.(value)) return { method: value.method, url: value.url };
  if (internal.isResponse?.(value)) return { status: value.status, bodyUsed: value.bodyUsed };
  if (internal.isEvent?.(value)) return { type: value.type };
  if (internal.isAbortSignal?.(value)) return { aborted: value.aborted };
  if (internal.isReadableStream(value) || internal.isWritableStream(value)) return { locked: value.locked, state: internal.lazy('streams.js').stateOf(value) };
  return undefined;
}

// One value at one place of the whole: `ctx` is { seen: objects on the way here, circular: Map, left: units that may still be made }.
class Inspector {
  seen = [];
  circular = null;
  left = kOutputMax;

  value(value, depth) {
    if (this.left <= 0) return '...';
    const text = this.#any(value, depth);
    // Objects have paid for their parts already.
    if (typeof value !== 'object' || value === null) this.left -= text.length;
    return text;
  }

  #any(value, depth) {
    switch (typeof value) {
      case 'string': return quote(value);
      case 'number': return Object.is(value, -0) ? '-0' : `${value}`;
      case 'bigint': return `${value}n`;
      case 'object': return value === null ? 'null' : this.#object(value, depth);
      case 'function': return this.#object(value, depth);
      default: return String(value);
    }
  }

  #object(value, depth) {
    let kind = native.kindOf(value);
    for (let i = 0; kind === kProxy; ++i) {
      value = native.lookInside(value)[0];
      if (value === null || i > 16) return '<Revoked Proxy>';
      kind = native.kindOf(value);
    }
    if (this.seen.includes(value)) {
      this.circular ??= new Map();
      if (!this.circular.has(value)) this.circular.set(value, this.circular.size + 1);
      return `[Circular *${this.circular.get(value)}]`;
    }
    this.seen.push(value);
    const text = this.#shape(value, kind, depth);
    this.seen.pop();
    const mark = this.circular?.get(value);
    return mark === undefined ? text : `<ref *${mark}> ${text}`;
  }

  #shape(value, kind, depth) {
    const deep = depth > kDepthMax;
    switch (kind) {
      case kArray: case kArguments: case kTyped: return this.#list(value, kind, deep, depth);
      case kMap: case kSet: return this.#entries(value, kind, deep, depth);
      case kDate: return this.#withKeys(this.#date(value), value, depth);
      case kRegExp: return this.#withKeys(RegExp.prototype.toString.call(value), value, depth);
      case kError: return this.#error(value, deep, depth);
      case kFunction: return this.#withKeys(this.#function(value), value, depth);
      case kBoxed: return this.#boxed(value, depth);
      case kPromise: return this.#promise(value, deep, depth);
      case kIterator: return this.#iterator(value, deep, depth);
      case kBuffer: return this.#buffer(value);
      case kView: return this.#braces(prefix(value, 'DataView'), [`byteLength: ${value.byteLength}`, `byteOffset: ${value.byteOffset}`]);
      case kWeak: return `${prefix(value, 'Weak')} { <items unknown> }`;
      case kGenerator: return 'Object [Generator] {}';
      default: return this.#plain(value, kind, deep, depth);
    }
  }

  #plain(value, kind, deep, depth) {
    if (internal.isDOMException?.(value)) return this.#error(value, deep, depth);
    const shown = kind === kModule || Reflect.getPrototypeOf(value) === Object.prototype ? undefined : platformView(value);
    if (shown !== undefined) {
      const name = className(value);
      if (deep) return `[${name}]`;
      return this.#braces(name, Array.isArray(shown) ? this.#items(shown, true, depth) : this.#properties(shown, depth));
    }
    let head = kind === kModule ? '[Module: null prototype]' : prefix(value, 'Object');
    if (head === 'Object') head = '';
    if (deep) return `[${head || 'Object'}]`;
    return this.#braces(head, this.#properties(value, depth));
  }

  // The object's own properties as `key: value`; `skip` says which are shown otherwise.
  #properties(value, depth, skip = null) {
    const out = [];
    const keys = Reflect.ownKeys(value);
    let more = 0;
    for (let i = 0; i < keys.length; ++i) {
      const key = keys[i];
      if (skip !== null && skip(key)) continue;
      if (out.length >= kItemsMax || this.left <= 0) {
        more = keys.length - i;
        break;
      }
      let property;
      try {
        property = Reflect.getOwnPropertyDescriptor(value, key);
      } catch (error) {  // a binding of a module that is not initialised
        out.push(`${keyText(key)}: <uninitialized>`);
        continue;
      }
      if (property === undefined || !property.enumerable) continue;
      const shown = 'value' in property ? this.value(property.value, depth + 1)
        : property.get === undefined ? '[Setter]' : property.set === undefined ? '[Getter]' : '[Getter/Setter]';
      const name = keyText(key);
      this.left -= name.length + 4;
      out.push(`${name}: ${shown}`);
    }
    if (more > 0) out.push(`... ${more} more propert${more > 1 ? 'ies' : 'y'}`);
    return out;
  }

  #braces(head, parts, open = '{', close = '}') {
    const before = head === '' ? '' : `${head} `;
    if (parts.length === 0) return `${before}${open}${close}`;
    const length = parts.reduce((sum, part) => sum + part.length + 2, before.length + 2);
    if (length <= kLineMax && !parts.some((part) => part.includes('\n'))) return `${before}${open} ${parts.join(', ')} ${close}`;
    return `${before}${open}\n${parts.map((part) => `  ${part.replaceAll('\n', '\n  ')}`).join(',\n')}\n${close}`;
  }

  #withKeys(text, value, depth) {
    const parts = depth > kDepthMax ? [] : this.#properties(value, depth);
    return parts.length === 0 ? text : this.#braces(text, parts);
  }

  #list(value, kind, deep, depth) {
    // A typed array's length must not be what an own property says.
    const length = kind === kTyped ? typedLength(value) : ownValue(value, 'length') >>> 0;
    const name = kind === kArguments ? '[Arguments]' : prefix(value, 'Array', length);
    const head = kind === kArray && name === `Array(${length})` ? '' : name;
    if (deep) return `[${head || 'Array'}]`;
    const parts = [];
    let holes = 0;
    const flush = () => {
      if (holes > 0) parts.push(`<${holes} empty item${holes > 1 ? 's' : ''}>`);
      holes = 0;
    };
    let i = 0;
    for (; i < length && parts.length < kItemsMax && this.left > 0; ++i) {
      const item = Reflect.getOwnPropertyDescriptor(value, `${i}`);
      if (item === undefined) {
        ++holes;
        // A sparse array of great length is walked by its keys.
        if (holes > kItemsMax) {
          const next = Object.keys(value).find((key) => key >>> 0 > i && String(key >>> 0) === key && key >>> 0 < length);
          const to = next === undefined ? length : next >>> 0;
          holes += to - i - 1;
          i = to - 1;
        }
        continue;
      }
      flush();
      parts.push('value' in item ? this.value(item.value, depth + 1) : '[Getter]');
      this.left -= 2;
    }
    flush();
    const shown = parts.length;
    if (i < length) parts.push(`... ${length - i} more item${length - i > 1 ? 's' : ''}`);
    // The keys of a long list are as many strings: not for the sake of a property that it hardly has.
    if (length <= kNamedMax) parts.push(...this.#properties(value, depth, isIndex));
    return this.#columns(head, parts, shown, kind) ?? this.#braces(head, parts, '[', ']');
  }

  // Many short elements stand in columns rather than one a line.
  #columns(head, parts, count, kind) {
    const items = parts.slice(0, count);
    const width = Math.max(0, ...items.map((item) => item.length));
    if (count <= 6 || width > 16 || (width + 2) * count < kLineMax - 20) return null;
    const columns = Math.floor(kLineMax / (width + 2));
    const lines = [];
    for (let i = 0; i < count; i += columns) lines.push(items.slice(i, i + columns).map((item) => item.padStart(width)).join(', '));
    return `${head === '' ? '' : `${head} `}[\n  ${[...lines, ...parts.slice(count)].join(',\n  ')}\n]`;
  }

  #entries(value, kind, deep, depth) {
    const [entries] = native.lookInside(value);
    const step = kind === kMap ? 2 : 1;
    const size = entries.length / step;
    const head = prefix(value, kind === kMap ? 'Map' : 'Set', size);
    if (deep) return `[${head}]`;
    return this.#braces(head, [...this.#items(entries, kind === kMap, depth), ...this.#properties(value, depth)]);
  }

  #items(entries, pairs, depth) {
    const parts = [];
    const step = pairs ? 2 : 1;
    let i = 0;
    for (; i < entries.length && parts.length < kItemsMax && this.left > 0; i += step) {
      const first = this.value(entries[i], depth + 1);
      parts.push(pairs ? `${first} => ${this.value(entries[i + 1], depth + 1)}` : first);
      this.left -= 4;
    }
    const more = (entries.length - i) / step;
    if (more > 0) parts.push(`... ${more} more item${more > 1 ? 's' : ''}`);
    return parts;
  }

  #iterator(value, deep, depth) {
    const [entries, pairs] = native.lookInside(value);
    const head = prefix(value, 'Iterator').replace('Object ', '');
    return deep ? `[${head}]` : this.#braces(head, this.#items(entries, pairs, depth));
  }

  #promise(value, deep, depth) {
    const [state, result] = native.lookInside(value);
    const head = prefix(value, 'Promise');
    if (deep) return `[${head}]`;
    const shown = state === 0 ? '<pending>' : `${state === 2 ? '<rejected> ' : ''}${this.value(result, depth + 1)}`;
    return this.#braces(head, [shown, ...this.#properties(value, depth)]);
  }

  #date(value) {
    const time = Date.prototype.getTime.call(value);
    return Number.isNaN(time) ? 'Invalid Date' : Date.prototype.toISOString.call(value);
  }

  #function(value) {
    const source = Function.prototype.toString.call(value);
    const name = ownValue(value, 'name');
    const shown = typeof name === 'string' && name !== '' ? name : '(anonymous)';
    if (/^class\b/.test(source)) {
      const parent = Reflect.getPrototypeOf(value);
      const above = typeof parent === 'function' && native.kindOf(parent) !== kProxy ? ownValue(parent, 'name') : '';
      return `[class ${shown}${above ? ` extends ${above}` : ''}]`;
    }
    const kind = className(value) ?? 'Function';
    return shown === '(anonymous)' ? `[${kind} (anonymous)]` : `[${kind}: ${shown}]`;
  }

  #boxed(value, depth) {
    const inner = [Number, String, Boolean, BigInt, Symbol].find((type) => {
      try {
        type.prototype.valueOf.call(value);
        return true;
      } catch {
        return false;
      }
    });
    const text = `[${inner.name}: ${this.#any(inner.prototype.valueOf.call(value), depth)}]`;
    if (inner === String && ownValue(value, 'length') > kNamedMax) return text;
    const parts = this.#properties(value, depth, (key) => inner === String && isIndex(key));
    return parts.length === 0 ? text : this.#braces(text, parts);
  }

  #buffer(value) {
    const size = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get.call(value);
    const shown = new Uint8Array(value, 0, Math.min(size, 50));
    let hex = '';
    for (const byte of shown) hex += `${hex === '' ? '' : ' '}${byte.toString(16).padStart(2, '0')}`;
    this.left -= hex.length;
    const rest = size > 50 ? ` ... ${size - 50} more bytes` : '';
    return this.#braces(prefix(value, 'ArrayBuffer'), [`[bytes]: <${hex}${rest}>`, `byteLength: ${size}`]);
  }

  #error(value, deep, depth) {
    // Name, message and stack are the error's own business: accessors of V8 and of DOMException are fine to ask, and a throwing one
    // only costs its line.
    const read = (key) => {
      try {
        return value[key];
      } catch {
        return undefined;
      }
    };
    const stack = read('stack');
    const title = `${read('name') ?? 'Error'}${read('message') ? `: ${read('message')}` : ''}`;
    let text = typeof stack === 'string' && stack !== '' ? stack : `[${title}]`;
    // A message or name that was changed after the error was made is not in its stack.
    if (typeof stack === 'string' && stack !== '' && typeof read('message') === 'string' && !stack.includes(read('message'))) {
      const lines = stack.split('\n');
      const frames = lines.findIndex((line) => /^\s+at /.test(line));
      text = frames < 0 ? `[${title}]` : `${title}\n${lines.slice(frames).join('\n')}`;
    }
    text = cut(text, kOutputMax / 4);
    this.left -= text.length;
    if (deep) return `[${title}]`;
    const parts = this.#properties(value, depth, (key) => key === 'stack' || key === 'message' || key === 'cause' || key === 'errors');
    for (const key of ['cause', 'errors']) {
      const property = Reflect.getOwnPropertyDescriptor(value, key);
      if (property !== undefined && 'value' in property) parts.push(`[${key}]: ${this.value(property.value, depth + 1)}`);
    }
    return parts.length === 0 ? text : `${text} {\n${parts.map((part) => `  ${part.replaceAll('\n', '\n  ')}`).join(',\n')}\n}`;
  }
}

const typedLengthGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length').get;
const typedLength = (array) => Reflect.apply(typedLengthGetter, array, []);

const inspect = (value) => new Inspector().value(value, 1);
const classNameOf = (value) => className(value) ?? 'Object';

const toNumber = (value, convert) =>
  typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : typeof value === 'object' ? 'NaN' : `${convert(value)}`;

function toJson(value) {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch (error) {
    return error instanceof TypeError && /circular/i.test(error.message) ? '[Circular]' : `[${error}]`;
  }
}

// What %s shows: text as it is, objects on one level.
const toText = (value) =>
  typeof value === 'string' ? value : typeof value === 'bigint' ? `${value}n` : typeof value === 'number' && Object.is(value, -0) ? '-0'
    : typeof value === 'object' && value !== null || typeof value === 'function' ? inspect(value) : String(value);

// The Console standard's formatter. Returns the text and how many values it has used.
function printf(values) {
  const pattern = values[0];
  let used = 1;
  let out = '';
  let from = 0;
  for (let at = pattern.indexOf('%'); at >= 0 && at + 1 < pattern.length; at = pattern.indexOf('%', at)) {
    const letter = pattern[at + 1];
    if (letter === '%') {
      out += pattern.slice(from, at + 1);
      from = at += 2;
      continue;
    }
    if (used >= values.length || !'sdifjoOc'.includes(letter)) {
      at += 1;
      continue;
    }
    const value = values[used++];
    out += pattern.slice(from, at);
    from = at += 2;
    switch (letter) {
      case 's': out += toText(value); break;
      case 'd': out += toNumber(value, Number); break;
      case 'i': out += toNumber(value, (number) => Math.trunc(parseFloat(number))); break;
      case 'f': out += typeof value === 'symbol' ? 'NaN' : `${parseFloat(value)}`; break;
      case 'j': out += toJson(value); break;
      case 'c': break;
      default: out += inspect(value);
    }
    if (out.length > kOutputMax) break;
  }
  return [out + pattern.slice(from), used];
}

const format = (...values) => {
  if (values.length === 1) return cut(typeof values[0] === 'string' ? values[0] : inspect(values[0]), kOutputMax);
  let out = '';
  let used = 0;
  if (typeof values[0] === 'string') [out, used] = values[0].includes('%') ? printf(values) : [values[0], 1];
  for (; used < values.length && out.length <= kOutputMax; ++used) {
    out += `${used === 0 ? '' : ' '}${typeof values[used] === 'string' ? values[used] : inspect(values[used])}`;
  }
  return cut(out, kOutputMax);
};

return { format, inspect, classNameOf };
