// First file of the web API. Every file of this folder is the body of a strict function (native, internal, globalThis):
//
//   native      the ops (jsruntime/ops/): native.NAME(...)
//   internal    what the files of this folder share with one another; functions never see it
//   globalThis  the global object of the function that will run
//
// All of them run once, when the snapshot is built, in the order of manifest.txt. Nothing here may depend on time, on
// randomness, or on an op that needs a running isolate: those are asked when the API is called.

// Gives a class the looks of Web IDL's: its members enumerable, named by its tag. Lazy files use it: their classes become global by themselves.
internal.shapeInterface = (constructor, name = constructor.name) => {
  const prototype = constructor.prototype;
  for (const key of Object.getOwnPropertyNames(prototype)) {
    if (key === 'constructor') continue;
    Object.defineProperty(prototype, key, { enumerable: true });
  }
  for (const key of Object.getOwnPropertyNames(constructor)) {
    if (typeof Object.getOwnPropertyDescriptor(constructor, key).value !== 'function' || key === 'prototype') continue;
    Object.defineProperty(constructor, key, { enumerable: true });
  }
  if (!Object.hasOwn(prototype, Symbol.toStringTag)) {
    Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  }
};
// A class of the web: not enumerable on the global object.
internal.exposeInterface = (constructor, name = constructor.name) => {
  internal.shapeInterface(constructor, name);
  internal.exposeValue(name, constructor);
};

// A global function of the web, such as setTimeout or atob: enumerable, as Web IDL has it.
internal.exposeOperation = (name, operation) => {
  Object.defineProperty(operation, 'name', { value: name, configurable: true });
  Object.defineProperty(globalThis, name, { value: operation, writable: true, enumerable: true, configurable: true });
};

// A global object such as console, crypto or performance.
internal.exposeValue = (name, value) => {
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
};

// `self` is how scripts written for workers name the global object.
internal.exposeValue('self', globalThis);

// For what runs when the function may have changed the names that these are called by.
const { apply, construct, ownKeys } = Reflect;
const { defineProperty, getOwnPropertyDescriptor } = Object;
internal.apply = apply;
internal.construct = construct;

// The memory of a resizable buffer, and of a growable shared one, does not come from the allocator that keeps the quota: ask first, when it is
// made and when it grows. (Shared ones are the buffers of shared Wasm memories; their class is no global.)
internal.askForMemory = (Original, growth) => {
  const name = Original.name;
  const grow = Original.prototype[growth];
  const byteLength = getOwnPropertyDescriptor(Original.prototype, 'byteLength').get;
  const ask = (bytes, what) => {
    if (bytes > 0 && !native.memoryAvailable(bytes)) throw new RangeError(`${what}: the memory limit of this function is reached`);
  };

  // The same class to everyone who looks: same prototype, same statics.
  const Replacement = function (length, options) {
    if (new.target === undefined) throw new TypeError(`Constructor ${name} requires 'new'`);
    const target = new.target === Replacement ? Original : new.target;
    const maxByteLength = typeof options === 'object' && options !== null ? options.maxByteLength : undefined;
    if (maxByteLength === undefined) return construct(Original, [length], target);
    const bytes = Math.trunc(Number(length)) || 0;
    ask(bytes, `new ${name}`);
    return construct(Original, [bytes, { maxByteLength }], target);
  };
  for (const key of ownKeys(Original)) {
    if (key === 'length') continue;
    defineProperty(Replacement, key, getOwnPropertyDescriptor(Original, key));
  }
  defineProperty(Replacement, 'length', { value: 1, configurable: true });
  const methods = {
    [growth](newLength) {
      ask(Math.trunc(Number(newLength)) - apply(byteLength, this, []), `${name}.prototype.${growth}`);
      return apply(grow, this, [newLength]);
    },
  };
  defineProperty(Original.prototype, growth, { value: methods[growth], writable: true, configurable: true });
  defineProperty(Original.prototype, 'constructor', { value: Replacement, writable: true, configurable: true });
  return Replacement;
};
internal.exposeValue('ArrayBuffer', internal.askForMemory(ArrayBuffer, 'resize'));
