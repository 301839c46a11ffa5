// node:module: require() for packages of CommonJS that a bundle holds. Other modules are in the bundle itself.
function require_(specifier) {
  const found = internal.importBuiltin(`${specifier}`);
  if (found !== undefined) return found;
  throw Object.assign(new Error(`Cannot find module '${specifier}': a deployed function is one module; ztsctl deploy bundles what is required by a constant name`),
    { code: 'MODULE_NOT_FOUND' });
}

const isBuiltin = (name) => native.builtinNames().includes(`${name}`.replace(/^node:/, ''));
module.exports = { require: require_, createRequire: () => require_, builtinModules: native.builtinNames(), isBuiltin };
