// What node:util's inspect shows of objects of the web platform, whose state is private: what Node shows of its own.
//
//   platformView(value) -> what Symbol.for('nodejs.util.inspect.custom') would be for it; undefined for others
const kEvent = ['type', 'defaultPrevented', 'cancelable', 'timeStamp'];
const kReadable = ['locked', 'state', 'supportsBYOB'];
const kPair = ['readable', 'writable'];

// Properties by class; the state of a stream is not one.
const kShown = {
  __proto__: null,
  AbortController: ['signal'], AbortSignal: ['aborted'], Blob: ['size', 'type'], ByteLengthQueuingStrategy: ['highWaterMark'], CompressionStream: kPair,
  CountQueuingStrategy: ['highWaterMark'], CryptoKey: ['type', 'extractable', 'algorithm', 'usages'], CustomEvent: kEvent, DecompressionStream: kPair,
  ErrorEvent: kEvent, Event: kEvent, File: ['size', 'type', 'name', 'lastModified'], MessageEvent: kEvent, ReadableStream: kReadable,
  Request: ['method', 'url', 'headers', 'destination', 'referrer', 'referrerPolicy', 'mode', 'credentials', 'cache', 'redirect', 'integrity', 'keepalive',
            'signal'],
  Response: ['status', 'statusText', 'headers', 'body', 'bodyUsed', 'ok', 'redirected', 'type', 'url'],
  TextDecoder: ['encoding', 'fatal', 'ignoreBOM'], TextDecoderStream: ['encoding', 'fatal', 'ignoreBOM', ...kPair], TextEncoder: ['encoding'],
  TextEncoderStream: ['encoding', ...kPair], TransformStream: kPair,
  URL: ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash'],
  WritableStream: ['locked', 'state'],
};
// These are shown by what they hold.
const kEntries = { __proto__: null, FormData: Object.fromEntries, Headers: Object.fromEntries, URLSearchParams: (pairs) => new Map(pairs) };

const stateOf = (stream) => internal.lazy('streams.js').stateOf(stream);
const kOwn = {
  __proto__: null, state: stateOf,
  supportsBYOB: (stream) => internal.lazy('streams.js').isByteStream(stream),
};

function propertiesOf(value, names) {
  const shown = {};
  for (const name of names) {
    const read = name in value ? value[name] : kOwn[name]?.(value);
    if (read !== undefined) shown[name] = read;
  }
  return shown;
}

// The class of the platform that made it, or whose subclass did.
function platformClass(value) {
  for (let of = Object.getPrototypeOf(value); of !== null && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    const made = Object.getOwnPropertyDescriptor(of, 'constructor')?.value;
    if (typeof made === 'function' && (made.name in kShown || made.name in kEntries) && globalThis[made.name] === made) return made.name;
  }
  return undefined;
}

function view(depth, options, inspect) {
  if (depth < 0) return this;
  const name = platformClass(this);
  let shown;
  try {
    shown = name in kEntries ? kEntries[name]([...this]) : propertiesOf(this, kShown[name]);
  } catch {
    return this;  // no object of that class, but a prototype, or made by Object.create
  }
  const text = inspect(shown, { ...options, depth: options.depth == null ? null : options.depth - 1 });
  return `${this.constructor?.name ?? name} ${text.replace(/^Map\(\d+\) /, '')}`;
}

const isPlain = (value) => {
  const of = Object.getPrototypeOf(value);
  return of === null || of === Object.prototype || of === Array.prototype || typeof value === 'function';
};

module.exports = { platformView: (value) => (isPlain(value) || platformClass(value) === undefined ? undefined : view) };
