// node:util/types: what a value really is, as the engine tells.
const kArrayBuffer = 10, kArguments = 14, kBoxed = 13, kDate = 4, kError = 6, kGenerator = 15, kMap = 2, kModule = 17, kPromise = 7, kProxy = 8,
  kRegExp = 5, kSet = 3, kView = 11;
const is = (kind) => (value) => native.kindOf(value) === kind;
const typedName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const nameOf = (value) => (ArrayBuffer.isView(value) ? Reflect.apply(typedName, value, []) : undefined);
const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);
const constructedBy = (name) => (value) => typeof value === 'function' && value?.constructor?.name === name;
const holds = (Class, method) => (value) => {
  try {
    Reflect.apply(Class.prototype[method], value, [{}]);
    return true;
  } catch {
    return false;
  }
};

const types = {
  isAnyArrayBuffer: is(kArrayBuffer), isArrayBuffer: is(kArrayBuffer), isSharedArrayBuffer: () => false,
  isArgumentsObject: is(kArguments), isArrayBufferView: ArrayBuffer.isView, isBoxedPrimitive: is(kBoxed), isDataView: is(kView),
  isDate: is(kDate), isNativeError: is(kError), isGeneratorObject: is(kGenerator), isMap: is(kMap), isModuleNamespaceObject: is(kModule),
  isPromise: is(kPromise), isProxy: is(kProxy), isRegExp: is(kRegExp), isSet: is(kSet), isExternal: () => false,
  isAsyncFunction: constructedBy('AsyncFunction'),
  isGeneratorFunction: (value) => constructedBy('GeneratorFunction')(value) || constructedBy('AsyncGeneratorFunction')(value),
  isMapIterator: (value) => tag(value) === 'Map Iterator', isSetIterator: (value) => tag(value) === 'Set Iterator',
  isWeakMap: holds(WeakMap, 'has'), isWeakSet: holds(WeakSet, 'has'),
  isBooleanObject: (value) => is(kBoxed)(value) && tag(value) === 'Boolean', isNumberObject: (value) => is(kBoxed)(value) && tag(value) === 'Number',
  isStringObject: (value) => is(kBoxed)(value) && tag(value) === 'String', isSymbolObject: (value) => is(kBoxed)(value) && tag(value) === 'Symbol',
  isBigIntObject: (value) => is(kBoxed)(value) && tag(value) === 'BigInt',
  isTypedArray: (value) => nameOf(value) !== undefined,
  isCryptoKey: (value) => internal.keyParts(value) !== undefined, isKeyObject: () => false,
};
for (const name of ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float16', 'Float32', 'Float64', 'BigInt64', 'BigUint64']) {
  types[`is${name}Array`] = (value) => nameOf(value) === `${name}Array`;
}
module.exports = types;
