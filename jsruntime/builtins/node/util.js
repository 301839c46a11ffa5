// node:util over the runtime's own formatter.
const types = require('util/types');

const kCustomPromisify = Symbol.for('nodejs.util.promisify.custom');
const kCustomInspect = Symbol.for('nodejs.util.inspect.custom');
const needFunction = (value, what) => {
  if (typeof value !== 'function') throw Object.assign(new TypeError(`${what} must be of type function`), { code: 'ERR_INVALID_ARG_TYPE' });
};

function inspect(value, options = {}) {
  if (options?.depth < 0 && typeof value === 'object' && value !== null) return `[${value.constructor?.name ?? 'Object'}]`;
  const custom = typeof value === 'object' && value !== null ? value[kCustomInspect] : undefined;
  if (typeof custom === 'function' && custom !== inspect) {
    const made = Reflect.apply(custom, value, [options?.depth ?? 2, { ...options, stylize: (text) => text }, inspect]);
    return typeof made === 'string' ? made : inspect(made, options);
  }
  return internal.lazy('format.js').inspect(value);
}
inspect.custom = kCustomInspect;
inspect.defaultOptions = { depth: 2, colors: false, showHidden: false };
inspect.styles = {};
inspect.colors = {};

function promisify(original) {
  needFunction(original, 'The "original" argument');
  if (original[kCustomPromisify] !== undefined) {
    needFunction(original[kCustomPromisify], 'The "util.promisify.custom" property');
    return original[kCustomPromisify];
  }
  const made = function (...values) {
    return new Promise((resolve, reject) => {
      Reflect.apply(original, this, [...values, (error, value) => (error ? reject(error) : resolve(value))]);
    });
  };
  Object.setPrototypeOf(made, Object.getPrototypeOf(original));
  return Object.defineProperties(made, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = kCustomPromisify;

function callbackify(original) {
  needFunction(original, 'The "original" argument');
  return function (...values) {
    const done = values.pop();
    needFunction(done, 'The last argument');
    Reflect.apply(original, this, values).then(
      (value) => queueMicrotask(() => done(null, value)),
      (reason) => queueMicrotask(() => done(reason || Object.assign(new Error('Promise was rejected with a falsy value'), { reason, code: 'ERR_FALSY_VALUE_REJECTION' }))));
  };
}

function inherits(constructor, parent) {
  needFunction(constructor, 'The "ctor" argument');
  needFunction(parent, 'The "superCtor" argument');
  if (parent.prototype === undefined) {
    throw Object.assign(new TypeError('The "superCtor.prototype" property must be of type object. Received undefined'), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

const warned = new Set();
function deprecate(original, message, code) {
  return Object.defineProperty(function (...values) {
    const key = code ?? message;
    if (!warned.has(key)) {
      warned.add(key);
      require('process').emitWarning(message, 'DeprecationWarning', code);
    }
    return new.target ? Reflect.construct(original, values, new.target) : Reflect.apply(original, this, values);
  }, 'name', { value: original.name, configurable: true });
}

function debuglog(section) {
  const wanted = `${require('process').env.NODE_DEBUG ?? ''}`.toUpperCase().split(',').includes(section.toUpperCase());
  return Object.assign((...values) => { if (wanted) console.error(`${section.toUpperCase()}: ${internal.lazy('format.js').format(...values)}`); }, { enabled: wanted });
}

module.exports = {
  get parseArgs() { return require('zts:lib_internal_util_parse_args_parse_args').parseArgs; },
  _extend: (target, source) => (typeof source === 'object' && source !== null ? Object.assign(target, source) : target),
  types, inspect, promisify, callbackify, inherits, deprecate, debuglog, debug: debuglog,
  format: (...values) => internal.lazy('format.js').format(...values),
  formatWithOptions: (options, ...values) => internal.lazy('format.js').format(...values),
  isDeepStrictEqual: (a, b) => require('zts:comparisons').isDeepStrictEqual(a, b),
  stripVTControlCharacters: (text) => text.replace(/\u001b\[[0-9;]*[A-Za-z]|\u001b\][^\u0007]*\u0007/g, ''),
  styleText: (style, text) => text,
  toUSVString: (value) => `${value}`.toWellFormed(),
  aborted: (signal) => new Promise((resolve) => { signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }); }),
  TextEncoder, TextDecoder,
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean', isNull: (value) => value === null, isNullOrUndefined: (value) => value == null,
  isNumber: (value) => typeof value === 'number', isString: (value) => typeof value === 'string', isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined, isRegExp: types.isRegExp, isObject: (value) => typeof value === 'object' && value !== null,
  isDate: types.isDate, isError: (value) => value instanceof Error, isFunction: (value) => typeof value === 'function',
  isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
};
