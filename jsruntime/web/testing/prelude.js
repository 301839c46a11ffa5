// What every *.test.js of the web API starts with: test(), assertions, and run() at the end of the module.
const tests = [];
const test = (name, body) => { tests.push([name, body]); };

const show = (value) => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}[${value}]`;
  try {
    return typeof value === 'object' && value !== null && !(value instanceof Error) ? JSON.stringify(value) : String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
};
const fail = (message, note) => { throw new Error(note === undefined ? message : `${note}: ${message}`); };

const equal = (actual, expected, note) => {
  if (!Object.is(actual, expected)) fail(`got ${show(actual)}, expected ${show(expected)}`, note);
};
const ok = (value, note) => { if (!value) fail(`got ${show(value)}`, note); };

// Deep and strict, for plain data, arrays, Maps, Sets, Dates and views.
const isSame = (a, b) => {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Map || a instanceof Set) return isSame([...a], [...b]);
  if (a instanceof ArrayBuffer) return isSame(new Uint8Array(a), new Uint8Array(b));
  const keys = Reflect.ownKeys(a);
  return keys.length === Reflect.ownKeys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
};
const same = (actual, expected, note) => {
  if (!isSame(actual, expected)) fail(`got ${show(actual)}, expected ${show(expected)}`, note);
};

// `what` is an error class, or the name of a DOMException.
const checkError = (error, what, note) => {
  if (typeof what === 'string') {
    if (!(error instanceof DOMException) || error.name !== what) fail(`threw ${error}, expected a DOMException ${what}`, note);
  } else if (!(error instanceof what)) {
    fail(`threw ${error}, expected ${what.name}`, note);
  }
  return error;
};
const throws = (body, what, note) => {
  let result;
  try {
    result = body();
  } catch (error) {
    return checkError(error, what, note);
  }
  return fail(`did not throw but returned ${show(result)}`, note);
};
const rejects = async (promise, what, note) => {
  let result;
  try {
    result = await promise;
  } catch (error) {
    return checkError(error, what, note);
  }
  return fail(`was not rejected but resolved to ${show(result)}`, note);
};

const bytes = (...values) => new Uint8Array(values);

// Web IDL's manners of a class: property of the global object, name, length, tag, and members that can be listed.
const checkInterface = (name, length, members, statics = []) => {
  const global = Object.getOwnPropertyDescriptor(globalThis, name);
  ok(global !== undefined, `${name} is global`);
  same([global.writable, global.enumerable, global.configurable], [true, false, true], `${name} on the global object`);
  const Class = global.value;
  equal(Class.name, name);
  equal(Class.length, length, `${name}.length`);
  equal(Class.prototype[Symbol.toStringTag], name);
  equal(Object.getOwnPropertyDescriptor(Class, 'prototype').writable, false);
  for (const member of members) {
    const found = Object.getOwnPropertyDescriptor(Class.prototype, member);
    ok(found !== undefined, `${name}.prototype.${member}`);
    ok(found.enumerable && found.configurable, `${name}.prototype.${member} is enumerable`);
  }
  for (const member of statics) ok(Object.getOwnPropertyDescriptor(Class, member)?.enumerable, `${name}.${member}`);
  if (length !== undefined) throws(() => Class(), TypeError, `${name} without new`);
};

const run = async () => {
  const failed = [];
  for (const [name, body] of tests) {
    try {
      await body();
    } catch (error) {
      failed.push(`${name}: ${error?.stack ?? error}`);
    }
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${tests.length} failed\n${failed.join('\n')}`);
  return tests.length;
};
