// Writes modules of the pinned Node's own JavaScript as JSON, {"node/internal/lib_path.js": "text", ...}: what needs nothing of a machine is best had
// from Node itself. Run by make_sources.py, which bundles them as "zts:lib_path".
//
// Node's library asks for three things that only Node has: `primordials`, the built-ins as they were before user code ran, of which the
// names that are used are written here; internalBinding(); and modules under internal/, which are here too, or for which library/ has something
// of its own.
const fs = require('fs');

const kModules = ['path', 'querystring', 'events', 'buffer', 'url', 'internal/buffer', 'internal/querystring', 'internal/constants', 'internal/events/symbols',
                  'internal/fixed_queue', 'internal/util/parse_args/parse_args', 'internal/util/parse_args/utils'];
// What those stand on: parts of "zts:library".
const kCore = { 'internal/errors': 'errors', 'internal/validators': 'validators', 'internal/events/abort_listener': 'abort_listener' };
const kOurs = {
  'internal/assert': 'assert', 'internal/event_target': 'event_target', 'internal/options': 'options', 'internal/process/task_queues': 'task_queues',
  'internal/util': 'util', 'internal/url': 'url', 'internal/util/inspect': 'inspect', 'internal/v8/startup_snapshot': 'startup_snapshot',
  // What no function comes to.
  'internal/fs/glob': 'absent', 'internal/modules/helpers': 'absent', 'internal/util/colors': 'absent',
};
const kPublic = ['async_hooks', 'buffer', 'path', 'querystring', 'util'];

// What is different here.
const kChanged = {
  // Node's own pool of 64 KiB is for servers of one program; here each isolate would have one.
  buffer: [['Buffer.poolSize = 64 * 1024;', 'Buffer.poolSize = 8 * 1024;']],
  // A global that is loaded when somebody asks for it.
  url: [["const { URLPattern } = internalBinding('url_pattern');", ''], ['  URLPattern,', '  get URLPattern() { return globalThis.URLPattern; },']],
  // Targets of the web have no such count until somebody sets it.
  events: [["typeof emitterOrTarget?.[kMaxEventTargetListeners] === 'number') {\n    return emitterOrTarget[kMaxEventTargetListeners];",
            'emitterOrTarget instanceof EventTarget) {\n    return emitterOrTarget[kMaxEventTargetListeners] ?? defaultMaxListeners;']],
  // V8 by itself writes the first line of a stack when the error is made, Node when somebody reads it: there the message may come later.
  'internal/errors': [[/super\(\);\n *ObjectDefineProperty\(this, 'message', \{[^}]*\}\);/, 'const own = {}; super(getMessage(key, args, own)); ObjectAssign(this, own);']],
};

const nameOf = (module) => `lib_${module.replace(/\W/g, '_')}`;
const fail = (message) => { throw new Error(`node_library: ${message}`); };

process.removeAllListeners('warning');
process.emitWarning = () => {};
const sources = process.binding('natives');

// The expression for require(module) in the text of another one.
function required(module, from) {
  if (kPublic.includes(module)) return `require('${module}')`;
  if (module === 'internal/util/types' || module === 'util/types') return "require('util/types')";
  if (kModules.includes(module)) return `require('zts:${nameOf(module)}')`;
  return part(kCore[module] ?? kOurs[module] ?? fail(`${from} requires ${module}`), from);
}
const part = (name, from) => (from in kCore ? `require('./${name}.js')` : `require('zts:library').${name}`);

// --- primordials ---------------------------------------------------------------------------------------------------------------------

const used = new Set();
const lowerFirst = (name) => (/^[A-Z]+$|^[A-Z]+_/.test(name) ? name : name[0].toLowerCase() + name.slice(1));
const kSafe = { SafeArrayIterator: 'class { constructor(of) { return of[Symbol.iterator](); } }', SafeMap: 'class extends Map {}', SafeWeakMap: 'class extends WeakMap {}' };

// JavaScript for the primordial of this name.
function definition(name) {
  if (name in kSafe) return kSafe[name];
  if (name === 'AsyncIteratorPrototype') return 'Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype)';
  if (name in globalThis) return name;
  if (name.startsWith('TypedArray')) return definition(name.replace('TypedArray', 'Uint8Array'));  // which inherits them
  const global = Object.getOwnPropertyNames(globalThis).filter((each) => /^[A-Z]/.test(each) && name.startsWith(each)).sort((a, b) => b.length - a.length)[0];
  if (global === undefined) fail(`no primordial ${name}`);
  const rest = name.slice(global.length);
  if (rest.startsWith('Prototype')) {
    const method = rest.slice('Prototype'.length);
    if (method.startsWith('Symbol')) return `uncurry(${global}.prototype[Symbol.${lowerFirst(method.slice('Symbol'.length))}])`;
    if (method.startsWith('Get') && !(lowerFirst(method) in globalThis[global].prototype)) return `getter(${global}, '${lowerFirst(method.slice('Get'.length))}')`;
    if (method.endsWith('Apply') && typeof globalThis[global].prototype[lowerFirst(method)] !== 'function') {
      return `apply(${global}.prototype.${lowerFirst(method.slice(0, -'Apply'.length))})`;
    }
    if (typeof globalThis[global].prototype[lowerFirst(method)] !== 'function') fail(`no method for ${name}`);
    return `uncurry(${global}.prototype.${lowerFirst(method)})`;
  }
  const property = lowerFirst(rest);
  if (!(property in globalThis[global])) fail(`no property for ${name}`);
  if (global === 'Symbol') return property === 'dispose' ? "Symbol.dispose ?? Symbol.for('dispose')" : `Symbol.${property}`;
  const isMethod = typeof globalThis[global][property] === 'function' && typeof globalThis[global] === 'function';
  return isMethod ? `${global}.${property}.bind(${global})` : `${global}.${property}`;
}

// Without the errors that none of the modules here makes: each is a class, and an isolate would make three hundred of them.
function withoutUnused(errors) {
  const acorn = { exports: {} };
  new Function('module', 'exports', sources['internal/deps/acorn/acorn/dist/acorn'])(acorn, acorn.exports);
  const makers = [...kModules, ...Object.keys(kCore)].filter((module) => module !== 'internal/errors').map((module) => sources[module]);
  const ours = fs.readdirSync(`${__dirname}/library`).map((file) => fs.readFileSync(`${__dirname}/library/${file}`, 'utf8'));
  const wanted = new Set([...makers, ...ours].flatMap((text) => text.match(/\bERR_\w+/g) ?? []));
  const defines = ({ type, expression }) => type === 'ExpressionStatement' && expression.type === 'CallExpression' && expression.callee.name === 'E';
  const unused = acorn.exports.parse(errors, { ecmaVersion: 'latest', allowReturnOutsideFunction: true }).body
      .filter((each) => defines(each) && !wanted.has(each.expression.arguments[0].value));
  if (unused.length < 200) fail('errors are defined in another way');
  return unused.reduceRight((text, { start, end }) => text.slice(0, start) + text.slice(end), errors);
}

const library = {};
for (const module of [...kModules, ...Object.keys(kCore)]) {
  let source = sources[module] ?? fail(`this Node has no ${module}`);
  if (module === 'internal/errors') source = withoutUnused(source);
  for (const change of kChanged[module] ?? []) {
    const changed = source.replace(...change);
    if (changed === source) fail(`${module} is not as it was`);
    source = changed;
  }
  for (const [, names] of source.matchAll(/const \{([^}]*)\} = primordials;/g)) {
    for (const name of names.split(',')) if (name.trim() !== '') used.add(name.split(':')[0].trim());
  }
  library[module in kCore ? `library/${kCore[module]}.js` : `node/internal/${nameOf(module)}.js`] = source
      .replaceAll(/\brequire\('([^']+)'\)/g, (text, name) => required(name, module))
      .replaceAll("process.platform === 'win32'", 'false')
      // When it is needed: node:process itself stands on some of them.
      .replaceAll(/(?<!['`.\w])process\.(?=(argv|cwd|emitWarning|env|nextTick|stderr)\b)/g, `${part('process', module)}.it.`)
      .replaceAll(/\} = primordials;/g, `} = ${part('primordials', module)};`)
      .replaceAll(/\binternalBinding\('(\w+)'\)/g, (text, name) => `${part('bindings', module)}.${name}`);
}
library['library/primordials.js'] = [
  'const uncurry = (method) => Function.prototype.call.bind(method);',
  'const getter = (Class, name) => {',
  '  let of = Class.prototype;',
  '  while (!Object.hasOwn(of, name)) of = Object.getPrototypeOf(of);',
  '  return uncurry(Object.getOwnPropertyDescriptor(of, name).get);',
  '};',
  'const apply = (method) => (self, values) => Reflect.apply(method, self, values);',
  `module.exports = { __proto__: null, ${[...used].sort().map((name) => `${name}: ${definition(name)}`).join(', ')} };`,
].join('\n');
console.log(JSON.stringify(library));
