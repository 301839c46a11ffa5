// Writes the module "zts:node_exports": what the modules of Node export, as JSON by their names, for node/internal/absent.js. With --names it is
// "zts:node_names", the names alone: who asks only for those is not to pay for the rest. Run by make_sources.py with the pinned Node.
//
//   {"fs": {"readFile": "f", "F_OK": 0, "promises": {"readFile": "a"}}, "http": {"METHODS": ["=ACL"]}, ...}
//
// "f" is a function or a class, "a" one that gives a promise, "=..." a string; other values are as they are. Of paths and of objects of a class
// only the name is there, with null.
const { builtinModules } = require('module');

const kDepthMax = 3;
const isPlain = (value) => [Object.prototype, null].includes(Object.getPrototypeOf(value));

function shapeOf(value, depth, promises = false) {
  switch (typeof value) {
    case 'function': return value.constructor.name === 'AsyncFunction' || (promises && /^[a-z]/.test(value.name)) ? 'a' : 'f';
    case 'string': return value.includes('/') ? null : `=${value}`;
    case 'number': return Number.isFinite(value) ? value : null;
    case 'boolean': return value;
    case 'object':
      if (value === null || depth === 0) return null;
      if (Array.isArray(value)) return value.map((each) => shapeOf(each, depth - 1));
      return isPlain(value) || depth === kDepthMax ? shapeOfAll(value, depth, promises) : null;
    default: return null;
  }
}

function shapeOfAll(value, depth, promises) {
  const shape = {};
  for (const name of Object.keys(value)) shape[name] = shapeOf(value[name], depth - 1, promises || name === 'promises');
  return shape;
}

process.removeAllListeners('warning');
process.emitWarning = () => {};  // of what is deprecated
// What the runtime has whole.
const kWhole = ['assert', 'assert/strict', 'async_hooks', 'buffer', 'console', 'events', 'module', 'path', 'path/posix', 'path/win32', 'process', 'querystring',
                'stream', 'stream/consumers', 'stream/promises', 'stream/web', 'string_decoder', 'sys', 'timers', 'timers/promises', 'url', 'util',
                'util/types'];
const names = [...new Set([...builtinModules, 'node:sea', 'node:sqlite', 'node:test', 'node:test/reporters'])].map((name) => name.replace(/^node:/, ''));
const all = {};
for (const name of names.sort()) {
  if (!name.startsWith('_') && !kWhole.includes(name)) all[name] = JSON.stringify(shapeOf(require(`node:${name}`), kDepthMax, name.endsWith('/promises')));
}
const whole = process.argv[2] !== '--names';
process.stdout.write(`module.exports = ${JSON.stringify(whole ? all : Object.keys(all))};\n`);
