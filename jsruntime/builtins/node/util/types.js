// node:util/types: what a value really is, as the engine tells.
const kArrayBuffer = 10, kArguments = 14, kBoxed = 13, kDate = 4, kError = 6, kGenerator = 15, kMap = 2, kModule = 17, kPromise = 7, kRegExp = 5,
  kSet = 3, kView = 11;
const is = (kind) => (value) => native.kindOf(value) === kind;
const typedName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const nameOf = (value) => (ArrayBuffer.isView(value) ? Reflect.apply(typedName, value, []) : undefined);
// Its class is loaded by who makes one, and not by who asks.
const isKeyObject = (value) => value?.[Symbol.toStringTag] === 'KeyObject' && require('zts:key_object').KeyObject.isKeyObject(value);

const types = {
  isAnyArrayBuffer: is(kArrayBuffer), isArrayBuffer: (value) => is(kArrayBuffer)(value) && !native.isSharedArrayBuffer(value),
  isArgumentsObject: is(kArguments), isArrayBufferView: ArrayBuffer.isView, isBoxedPrimitive: is(kBoxed), isDataView: is(kView),
  isDate: is(kDate), isNativeError: is(kError), isGeneratorObject: is(kGenerator), isMap: is(kMap), isModuleNamespaceObject: is(kModule),
  isPromise: is(kPromise), isRegExp: is(kRegExp), isSet: is(kSet), isExternal: () => false,
  isTypedArray: (value) => nameOf(value) !== undefined,
  isCryptoKey: (value) => internal.keyParts(value) !== undefined, isKeyObject,
};
for (const name of ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float16', 'Float32', 'Float64', 'BigInt64', 'BigUint64']) {
  types[`is${name}Array`] = (value) => nameOf(value) === `${name}Array`;
}
for (const name of ['AsyncFunction', 'BigIntObject', 'BooleanObject', 'GeneratorFunction', 'MapIterator', 'NumberObject', 'Proxy', 'SetIterator',
                    'SharedArrayBuffer', 'StringObject', 'SymbolObject', 'WeakMap', 'WeakSet']) {
  types[`is${name}`] = native[`is${name}`];
}
module.exports = types;
