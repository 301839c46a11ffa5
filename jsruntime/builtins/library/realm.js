// Node's internal/bootstrap/realm: asked whether a line of a stack is of Node's own code, to show it paler.
module.exports = { BuiltinModule: { exists: (name) => native.builtinNames().includes(name) } };
