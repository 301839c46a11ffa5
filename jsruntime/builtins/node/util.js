// node:util, Node's own, with what older packages still ask of it. What of that has been deprecated says nothing: the logs are read by those who
// run a function, and the packages are not theirs.
const util = require('zts:lib_util');
const { types } = util;

// An import of the module reads all its names: what few ask for is not loaded for that.
for (const [name, module] of [['parseArgs', 'parse_args_parse_args'], ['diff', 'diff'], ['debounce', 'debounce'], ['throttle', 'throttle']]) {
  const load = () => require(`zts:lib_internal_util_${module}`);
  const lazy = (...values) => (typeof load() === 'function' ? load() : load()[name])(...values);
  Object.defineProperty(util, name, { value: Object.defineProperty(lazy, 'name', { value: name }), writable: true, enumerable: true, configurable: true });
}

module.exports = Object.assign(util, {
  _extend: (target, source) => (typeof source === 'object' && source !== null ? Object.assign(target, source) : target),
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean', isNull: (value) => value === null, isNullOrUndefined: (value) => value == null,
  isNumber: (value) => typeof value === 'number', isString: (value) => typeof value === 'string', isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined, isRegExp: types.isRegExp, isObject: (value) => typeof value === 'object' && value !== null,
  isDate: types.isDate, isError: (value) => value instanceof Error, isFunction: (value) => typeof value === 'function',
  isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
});
