// Writes modules of the pinned Node's own JavaScript as JSON, {"node/internal/lib_path.js": "text", ...}: what needs nothing of a machine is best had
// from Node itself. Run by make_sources.py, which bundles them as "zts:lib_path".
//
// Node's library asks for three things that only Node has: `primordials`, the built-ins as they were before user code ran, of which the
// names that are used are written here; internalBinding(); and modules under internal/, which are here too, or for which library/ has something
// of its own.
const fs = require('fs');

// Each in a text of its own.
const kModules = [
  'assert', 'buffer', 'diagnostics_channel', 'events', 'path', 'punycode', 'querystring', 'stream/consumers', 'url', 'util', 'zlib',
  'internal/assert/assertion_error', 'internal/assert/myers_diff', 'internal/assert/utils', 'internal/buffer', 'internal/cli_table',
  'internal/console/constructor', 'internal/constants', 'internal/events/symbols', 'internal/fixed_queue', 'internal/mime', 'internal/querystring',
  'internal/readline/callbacks', 'internal/readline/utils', 'internal/streams/utils', 'internal/util/comparisons', 'internal/util/debounce',
  'internal/util/debuglog', 'internal/util/diff', 'internal/util/inspect', 'internal/util/parse_args/parse_args', 'internal/util/parse_args/utils',
  'internal/util/throttle',
];
// node:stream: parts of "zts:lib_stream", for they all need one another.
const kStreams = [
  'stream', 'stream/promises', 'internal/streams/add-abort-signal', 'internal/streams/compose', 'internal/streams/destroy', 'internal/streams/duplex',
  'internal/streams/duplexify', 'internal/streams/duplexpair', 'internal/streams/end-of-stream', 'internal/streams/from', 'internal/streams/legacy',
  'internal/streams/operators', 'internal/streams/passthrough', 'internal/streams/pipeline', 'internal/streams/readable', 'internal/streams/state',
  'internal/streams/transform', 'internal/streams/writable', 'internal/webstreams/adapters',
];
// Of node:crypto: parts of "zts:lib_crypto".
const kCrypto = ['hash', 'cipher', 'random', 'pbkdf2', 'hkdf', 'scrypt'].map((name) => `internal/crypto/${name}`).concat('internal/streams/lazy_transform');
// What those stand on: parts of "zts:library".
const kCore = {
  'internal/errors': 'errors', 'internal/validators': 'validators', 'internal/events/abort_listener': 'abort_listener', 'internal/util': 'util',
};
const kAll = [...kModules, ...kStreams, ...kCrypto, ...Object.keys(kCore)];
// And for which there is something of our own.
const kOurs = {
  'internal/abort_controller': 'abort_controller', 'internal/assert': 'assert', 'internal/async_context_frame': 'async_context_frame',
  'internal/async_hooks': 'async_hooks', 'internal/blob': 'web', 'internal/bootstrap/realm': 'realm', 'internal/crypto/keys': 'crypto_keys',
  'internal/crypto/util': 'crypto_util', 'internal/encoding': 'web', 'internal/event_target': 'event_target', 'internal/options': 'options',
  'internal/process/task_queues': 'task_queues', 'internal/timers': 'timers', 'internal/trace_events': 'trace_events', 'internal/url': 'url',
  'internal/util/colors': 'colors', 'internal/v8/startup_snapshot': 'startup_snapshot', 'internal/webstreams/queuingstrategies': 'web',
  'internal/webstreams/readablestream': 'web_streams', 'internal/webstreams/util': 'web_streams', 'internal/webstreams/writablestream': 'web_streams',
  'internal/zts/platform_view': 'platform_view',
  // What no function comes to.
  'internal/errors/error_source': 'absent', 'internal/fs/glob': 'absent', 'internal/modules/helpers': 'absent', 'internal/process/execution': 'absent',
  'internal/process/warning': 'absent', 'internal/source_map/source_map_cache': 'absent', 'internal/streams/iter/classic': 'absent',
  'internal/streams/iter/types': 'absent', 'vm': 'absent',
};
// Who shows a value only in an error: the formatter is loaded then.
const kShowsRarely = ['buffer', 'diagnostics_channel', 'events', 'url'];
const kPublic = ['async_hooks', 'buffer', 'crypto', 'diagnostics_channel', 'path', 'querystring', 'string_decoder', 'timers', 'util'];

// What is different here.
const kChanged = {
  // Node's own pool of 64 KiB is for servers of one program; here each isolate would have one.
  buffer: [['Buffer.poolSize = 64 * 1024;', 'Buffer.poolSize = 8 * 1024;']],
  // A global that is loaded when somebody asks for it.
  url: [["const { URLPattern } = internalBinding('url_pattern');", ''], ['  URLPattern,', '  get URLPattern() { return globalThis.URLPattern; },']],
  // Targets of the web have no such count until somebody sets it.
  events: [["typeof emitterOrTarget?.[kMaxEventTargetListeners] === 'number') {\n    return emitterOrTarget[kMaxEventTargetListeners];",
            'emitterOrTarget instanceof EventTarget) {\n    return emitterOrTarget[kMaxEventTargetListeners] ?? defaultMaxListeners;']],
  // The source of a function is not at hand: the message says what the value was.
  'internal/assert/utils': [['messageArgs = [getErrMessage(fn)];', 'messageArgs = [];']],
  // Of this process, which is no terminal.
  'internal/assert/assertion_error': [['process.stderr.isTTY ? process.stderr.columns : 80', '80']],
  'internal/util': [['!process.versions.openssl', 'false'], ['!process.versions.amaro', 'true'], ["process.platform === 'darwin'", 'false']],
  // Objects of the web platform show what they are, though their state is private.
  'internal/util/inspect': [['const maybeCustom = value[customInspectSymbol];', 'const maybeCustom = value[customInspectSymbol] ?? platformView(value);'],
                            [/$/, "const { platformView } = require('internal/zts/platform_view');\n"]],
  // Bytes of one colour are not worth all of Buffer, which few who use node:util have loaded.
  util: [["const { Buffer } = require('buffer');", ''], ["return Buffer.from(hexStr, 'hex');", "return require('buffer').Buffer.from(hexStr, 'hex');"]],
  // Archives are of files; classes called without `new` say nothing, as what else older packages do (node/util.js).
  zlib: [[/const \{\s*ZipEntry,[^}]*\} = require\('internal\/zip'\);/, ''], [/\/\/ ZIP archive support is[^]*?(?=function crc32)/, ''],
         [/\n *\/\/ ZIP archive support \(exp[^}]*(?=\}\);)/, ''],
         ['  deprecateInstantiation,', ''], ["const kError = Symbol('kError');", "$&\nconst deprecateInstantiation = (Class, code, options) => new Class(options);"]],
  // NODE_DEBUG is read when somebody asks, and not before anything runs.
  'internal/util/debuglog': [['set = StringPrototypeToUpperCase(set);', 'initializeDebugEnv(process.env.NODE_DEBUG);\n    $&']],
  // The class of an error is made when somebody asks for it: there are a hundred, and an isolate comes to few. V8 by itself writes the first
  // line of a stack when the error is made, Node when somebody reads it: there the message may come later.
  'internal/errors': [['messages.set(sym, val);', `messages.set(sym, val);
  ObjectDefineProperty(codes, sym, { __proto__: null, configurable: true, get: () => makeError(sym, def, otherClasses) });
}

function makeError(sym, def, otherClasses) {`], ['codes[sym] = ErrClass;', 'ObjectDefineProperty(codes, sym, { __proto__: null, value: ErrClass, configurable: true });\n  return ErrClass;'],
                      [/super\(\);\n *ObjectDefineProperty\(this, 'message', \{[^}]*\}\);/, 'const own = {}; super(getMessage(key, args, own)); ObjectAssign(this, own);']],
};

const nameOf = (module) => `lib_${module.replace(/\W/g, '_')}`;
const fail = (message) => { throw new Error(`node_library: ${message}`); };

process.removeAllListeners('warning');
process.emitWarning = () => {};
const sources = process.binding('natives');

// The expression for require(module) in the text of another one.
function required(module, from) {
  if (kStreams.includes(module)) return kStreams.includes(from) ? `require('./${nameOf(module)}.js')` : "require('stream')";
  if (kCrypto.includes(module) && kCrypto.includes(from)) return `require('./${nameOf(module)}.js')`;
  if (kPublic.includes(module)) return `require('${module}')`;
  if (module === 'internal/util/inspect' && kShowsRarely.includes(from)) return part('inspect', from);
  if (module === 'internal/util/types' || module === 'util/types') return "require('util/types')";
  if (kModules.includes(module)) return `require('zts:${nameOf(module)}')`;
  return part(kCore[module] ?? kOurs[module] ?? fail(`${from} requires ${module}`), from);
}
// What defines the properties that others have of `module`: null, it is the web's.
const lazily = (module) => (kModules.includes(module) ? `() => ${required(module, '')}` : 'null');
const part = (name, from) => (from in kCore ? `require('./${name}.js')` : `require('zts:library').${name}`);

// --- primordials ---------------------------------------------------------------------------------------------------------------------

const lowerFirst = (name) => (/^[A-Z]+$|^[A-Z]+_/.test(name) ? name : name[0].toLowerCase() + name.slice(1));
const kSafe = {
  SafeArrayIterator: 'class { constructor(of) { return of[Symbol.iterator](); } }', SafeStringIterator: 'class { constructor(of) { return of[Symbol.iterator](); } }',
  SafePromiseAllReturnVoid: '(promises, map) => Promise.all(map === undefined ? promises : promises.map(map)).then(() => {})',
  SafePromisePrototypeFinally: '(promise, then) => promise.finally(then)',
  SafeStringPrototypeSearch: '(text, pattern) => { pattern.lastIndex = 0; return pattern.exec(text)?.index ?? -1; }',
};
for (const name of ['Map', 'Set', 'WeakMap', 'WeakRef', 'WeakSet', 'FinalizationRegistry']) kSafe[`Safe${name}`] = `class extends ${name} {}`;

// Whose static methods make one of what they are called on.
const kWithThis = ['Array', 'Promise', 'Uint8Array'];

// JavaScript for the primordial of this name.
function definition(name) {
  if (name in kSafe) return kSafe[name];
  if (name === 'AsyncIteratorPrototype') return 'Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype)';
  if (name === 'uncurryThis') return '$uncurry';
  if (name in globalThis) return name;
  if (name === 'TypedArray' || name === 'TypedArrayPrototype') return `Object.getPrototypeOf(Uint8Array)${name === 'TypedArray' ? '' : '.prototype'}`;
  if (name.startsWith('TypedArray')) return definition(name.replace('TypedArray', 'Uint8Array'));  // which inherits them
  const global = Object.getOwnPropertyNames(globalThis).filter((each) => /^[A-Z]/.test(each) && name.startsWith(each)).sort((a, b) => b.length - a.length)[0];
  if (global === undefined) fail(`no primordial ${name}`);
  const rest = name.slice(global.length);
  if (rest.startsWith('Prototype')) {
    const method = rest.slice('Prototype'.length);
    if (method === '') return `${global}.prototype`;
    if (method.startsWith('GetSymbol')) return `$getter(${global}, Symbol.${lowerFirst(method.slice('GetSymbol'.length))})`;
    if (method.startsWith('Symbol')) return `$uncurry(${global}.prototype[Symbol.${lowerFirst(method.slice('Symbol'.length))}])`;
    if (method.startsWith('Get') && !(lowerFirst(method) in globalThis[global].prototype)) return `$getter(${global}, '${lowerFirst(method.slice('Get'.length))}')`;
    if (method.endsWith('Apply') && typeof globalThis[global].prototype[lowerFirst(method)] !== 'function') {
      return `$apply(${global}.prototype.${lowerFirst(method.slice(0, -'Apply'.length))})`;
    }
    if (typeof globalThis[global].prototype[lowerFirst(method)] !== 'function') fail(`no method for ${name}`);
    return `$uncurry(${global}.prototype.${lowerFirst(method)})`;
  }
  const property = lowerFirst(rest);
  if (property.endsWith('Apply') && !(property in globalThis[global])) return `$apply(${global}.${property.slice(0, -'Apply'.length)}).bind(null, ${global})`;
  if (!(property in globalThis[global])) fail(`no property for ${name}`);
  if (global === 'Symbol') return property === 'dispose' ? "Symbol.dispose ?? Symbol.for('dispose')" : `Symbol.${property}`;
  return kWithThis.includes(global) && typeof globalThis[global][property] === 'function' ? `${global}.${property}.bind(${global})` : `${global}.${property}`;
}

const parse = (() => {
  const acorn = { exports: {} };
  new Function('module', 'exports', sources['internal/deps/acorn/acorn/dist/acorn'])(acorn, acorn.exports);
  return (text) => acorn.exports.parse(text, { ecmaVersion: 'latest', allowReturnOutsideFunction: true });
})();

// `using x = y; ...` as try and finally, for those who read JavaScript here and do not know it.
function withoutUsing(text) {
  const edits = [];  // [where, until, what stands there instead]
  const visit = (node, block) => {
    if (node.type === 'VariableDeclaration' && node.kind === 'using') {
      const { id, init } = node.declarations[0];
      edits.push([node.start, node.end, `const ${id.name} = ${text.slice(init.start, init.end)}; try {`], [block.end - 1, block.end - 1, `} finally { ${id.name}[SymbolDispose](); } `]);
    }
    for (const child of Object.values(node).flat()) if (typeof child?.type === 'string') visit(child, node.type === 'BlockStatement' ? node : block);
  };
  visit(parse(text), null);
  return edits.sort((a, b) => b[0] - a[0]).reduce((made, [from, to, put]) => made.slice(0, from) + put + made.slice(to), text);
}

const ours = ['library', 'node', 'node/internal'].map((folder) => `${__dirname}/${folder}`)
    .flatMap((folder) => fs.readdirSync(folder).filter((file) => file.endsWith('.js')).map((file) => fs.readFileSync(`${folder}/${file}`, 'utf8')));

// Without the errors that none of the modules here makes: three hundred of them would be defined for nobody.
function withoutUnmade(errors) {
  const makers = kAll.filter((module) => module !== 'internal/errors').map((module) => sources[module]);
  const wanted = new Set([...makers, ...ours].flatMap((text) => text.match(/\bERR_\w+/g) ?? []));
  const defines = ({ type, expression }) => type === 'ExpressionStatement' && expression.type === 'CallExpression' && expression.callee.name === 'E';
  const unused = parse(errors).body.filter((each) => defines(each) && !wanted.has(each.expression.arguments[0].value));
  if (unused.length < 200) fail('errors are defined in another way');
  return unused.reduceRight((text, { start, end }) => text.slice(0, start) + text.slice(end), errors);
}

// Without what nobody here names: of a module's exports first, then of its functions and classes, until nothing more goes. Each function that stays
// costs an isolate a while when it reads the text's code cache, used or not.
function withoutUnnamed(text, others) {
  const named = new Set(others.flatMap((other) => other.match(/\$?\w+/g)));
  const parts = parse(text).body;
  const exported = parts.find(({ expression }) => expression?.type === 'AssignmentExpression' && expression.right.type === 'ObjectExpression');
  let left = cutOut(text, exported.expression.right.properties.filter((each) => each.key !== undefined && !named.has(each.key.name)), /,?\s*/y);
  for (;;) {
    const uses = wordsOf(left);
    const isUnused = ({ type, id, start, end }) => /^(Function|Class)Declaration$/.test(type) && uses.get(id.name) === wordsOf(left.slice(start, end)).get(id.name);
    const unused = parse(left).body.filter(isUnused);
    if (unused.length === 0) return left;
    left = cutOut(left, unused, /\s*/y);
  }
}
// How often each word is there, but for comments.
function wordsOf(text) {
  const count = new Map();
  for (const word of text.replace(/\/\*[^]*?\*\/|^ *\/\/[^\n]*$/gm, '').match(/\$?\w+/g)) count.set(word, (count.get(word) ?? 0) + 1);
  return count;
}
function cutOut(text, nodes, after) {
  return nodes.reduceRight((made, { start, end }) => {
    after.lastIndex = end;
    return made.slice(0, start) + made.slice(end + after.exec(made)[0].length);
  }, text);
}

// The primordials of kCore are in one object; a module has those that only it asks for beside it.
const kPrimordials = /const \{([^}]*)\} = primordials;/g;
const kHelpers = ['$apply', '$getter', '$uncurry'];
const isGlobal = (name) => definition(name) === name;
const shared = new Set(Object.keys(kCore).flatMap((module) => [...sources[module].matchAll(kPrimordials)]).flatMap(([, names]) => pairs(names))
    .map(([name]) => name).filter((name) => !isGlobal(name)));
function pairs(names) {
  return names.split(',').map((each) => each.trim()).filter((each) => each !== '').map((each) => each.split(/\s*:\s*/));
}
function primordials(names, module) {
  const all = pairs(names);
  const taken = [...kHelpers, ...all.filter(([name]) => shared.has(name)).map((pair) => pair.join(': '))];
  const own = all.filter(([name, local]) => !shared.has(name) && !(isGlobal(name) && local === undefined));
  return [`const { ${taken.join(', ')} } = ${part('primordials', module)};`, ...own.map(([name, local = name]) => `const ${local} = ${definition(name)};`)].join(' ');
}

const folderOf = (module) => (kStreams.includes(module) ? 'streams' : kCrypto.includes(module) ? 'crypto' : 'node/internal');
const fileOf = (module) => (module in kCore ? `library/${kCore[module]}.js` : `${folderOf(module)}/${nameOf(module)}.js`);
const library = {};
for (const module of kAll) {
  let source = sources[module] ?? fail(`this Node has no ${module}`);
  if (module === 'internal/errors') source = withoutUnmade(source);
  if (module in kCore) {
    source = withoutUnnamed(source, kAll.filter((other) => other !== module).map((other) => sources[other]).concat(ours));
  }
  if (/\busing \w+ =/.test(source)) source = withoutUsing(source);
  for (const change of kChanged[module] ?? []) {
    const changed = source.replace(...change);
    if (changed === source) fail(`${module} is not as it was`);
    source = changed;
  }
  library[fileOf(module)] = source
      .replaceAll(/\brequire\('([^']+)'\)/g, (text, name) => required(name, module))
      .replaceAll(/\bdefineLazyProperties\(\s*([\w.]+),\s*'([^']+)',/g, (text, target, name) => `defineLazyProperties(${target}, ${lazily(name)},`)
      .replaceAll("process.platform === 'win32'", 'false')
      // When it is needed: node:process itself stands on some of them.
      .replaceAll(/(?<!['`.\w])process\.(?=(argv|cwd|emitWarning|env|features|hrtime|nextTick|noDeprecation|pid|stderr|stdout)\b)/g, `${part('process', module)}.it.`)
      .replaceAll(kPrimordials, (text, names) => primordials(names, module))
      .replaceAll(/\binternalBinding\('(\w+)'\)/g, (text, name) => `${part('bindings', module)}.${name}`);
}
library['node/internal/system_errors.js'] = '// Of libuv: number -> [name, what it says].\n' +
    `module.exports = { map: new Map(${JSON.stringify([...require('util').getSystemErrorMap()])}) };`;
library['crypto/index.js'] = `module.exports = { ${kCrypto.slice(0, -1).map((module) => `...require('./${nameOf(module)}.js')`).join(', ')} };`;
library['library/primordials.js'] = [
  'const $uncurry = (method) => Function.prototype.call.bind(method);',
  'const $getter = (Class, name) => {',
  '  let of = Class.prototype;',
  '  while (!Object.hasOwn(of, name)) of = Object.getPrototypeOf(of);',
  '  return $uncurry(Object.getOwnPropertyDescriptor(of, name).get);',
  '};',
  'const $apply = (method) => (self, values) => Reflect.apply(method, self, values);',
  `module.exports = { __proto__: null, ${[...kHelpers, ...[...shared].sort().map((name) => `${name}: ${definition(name)}`)].join(', ')} };`,
].join('\n');
console.log(JSON.stringify(library));
