// node:module: require() for packages of CommonJS that a bundle holds. Other modules are in the bundle itself.
function require_(specifier) {
  const found = internal.importBuiltin(`${specifier}`);
  if (found !== undefined) return found;
  throw Object.assign(new Error(`Cannot find module '${specifier}': a deployed function is one module; ztsctl deploy bundles what is required by a constant name`),
    { code: 'MODULE_NOT_FOUND' });
}

const names = [...new Set([...native.builtinNames(), ...require('zts:node_names')])].sort();
// Some go by their whole name only.
const kPrefixed = ['ffi', 'sea', 'sqlite', 'test', 'test/reporters'];
const builtinModules = names.map((name) => (kPrefixed.includes(name) ? `node:${name}` : name));
const isBuiltin = (name) => builtinModules.includes(`${name}`) || (`${name}`.startsWith('node:') && names.includes(`${name}`.slice('node:'.length)));
module.exports = { require: require_, createRequire: () => require_, builtinModules, isBuiltin };
