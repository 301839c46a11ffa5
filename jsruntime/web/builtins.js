// Modules that come with the runtime: node:buffer and its like (jsruntime/builtins). Each is evaluated when it is first asked for, so that an
// isolate pays only for what its function uses.
//
//   internal.requireBuiltin(name)  a module's exports; "zts:NAME" is one of our own, which functions cannot name
//   internal.importBuiltin(name)   for functions: undefined for a name that is not Node's; "node:NAME" of none is an Error

const modules = new Map(); // name -> { exports }

internal.requireBuiltin = (name) => {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const body = native.builtin(name);
  if (body === undefined) throw new Error(`there is no module ${name}`);
  const module = { exports: {} };
  modules.set(name, module); // before it runs: modules that need each other see what is there so far
  try {
    Reflect.apply(body, undefined, [native, internal, module, module.exports, requireFromBuiltin]);
  } catch (error) {
    modules.delete(name);
    throw error;
  }
  return module.exports;
};

// "node:util", "util" and npm's way of "util/" are one.
const plainName = (specifier) => specifier.replace(/^node:/, '').replace(/\/$/, '');
const requireFromBuiltin = (specifier) => internal.requireBuiltin(specifier.startsWith('zts:') ? specifier : plainName(specifier));

// Modules of Node's that the runtime has not can be imported all the same (builtins/node/internal/absent.js): what is called of them says so.
internal.importBuiltin = (specifier) => {
  const name = plainName(specifier);
  if (native.builtinNames().includes(name)) return internal.requireBuiltin(name);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const exports = internal.requireBuiltin('zts:absent').absent(name);
  if (exports !== undefined) {
    modules.set(name, { exports });
    return exports;
  }
  if (!specifier.startsWith('node:')) return undefined;
  throw Object.assign(new Error(`Cannot load the module "${specifier}": Node has no module of this name`), { code: 'ERR_UNKNOWN_BUILTIN_MODULE' });
};

// What crypto.js, subtle_crypto.js and builtins/webcrypto must not look up where functions may have put their own.
const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
internal.trusted = {
  jsonParse: JSON.parse,
  isArray: Array.isArray,
  bufferOf: Object.getOwnPropertyDescriptor(typedArray, 'buffer').get,
  typeOf: Object.getOwnPropertyDescriptor(typedArray, Symbol.toStringTag).get,
  decode: TextDecoder.prototype.decode,
  apply: Reflect.apply,
  Uint8Array,
};
