// URLPattern (URL Pattern standard). Lazy. Pattern strings are read by url_pattern_parts.js; here are the components of a URL, each with a
// pattern of its own, and how one string or dictionary is taken apart into them.

const { tokenize, compile, escapePattern, ...types } = internal.lazy('url_pattern_parts.js');
const { URL } = internal;

const kComponents = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
const kMembers = [...kComponents, 'baseURL'].sort();
const kDefaultPorts = { __proto__: null, http: '80', https: '443', ws: '80', wss: '443', ftp: '21', file: '' };
const kSpecial = Object.keys(kDefaultPorts);
const kPlain = { delimiter: '', prefix: '', ignoreCase: false };
const kHost = { ...kPlain, delimiter: '.' };
const kPath = { ...kPlain, delimiter: '/', prefix: '/' };

// --- 3.1 what makes a component's text canonical ---

const kDummyHost = 'dummy.invalid';
const kDummy = `https://${kDummyHost}/`;
const kPart = { username: 2, password: 3, hostname: 5, pathname: 7, search: 8, hash: 9 };  // as in url.js
const offsets = new Int32Array(8);

function refuse(component, value) { throw new TypeError(`URLPattern: ${JSON.stringify(value)} is no ${component} of a URL`); }

// A dummy URL with that part of it set.
const withPart = (component, value) => new URL(native.urlSet(kDummy, kPart[component], value, offsets));

// A host that is none leaves the one before.
function hostOf(value) {
  const { hostname } = withPart('hostname', value);
  return hostname === kDummyHost && !value.toLowerCase().startsWith(kDummyHost) ? refuse('hostname', value) : hostname;
}

const canonical = {
  protocol: (value) => value === '' ? '' : URL.parse(`${value}://dummy.invalid/`)?.protocol.slice(0, -1) ?? refuse('protocol', value),
  username: (value) => withPart('username', value).username,
  password: (value) => withPart('password', value).password,
  hostname: (value) => value === '' ? '' : hostOf(value),
  ipv6: (value) => /^[0-9a-f[\]:]*$/i.test(value) ? value.toLowerCase() : refuse('hostname', value),
  port: (value, protocol = undefined) => {
    if (value === '') return '';
    const digits = /^[0-9]+/.exec(value.replace(/[\t\n\r]/g, ''))?.[0];
    if (digits === undefined || Number(digits) > 65535) refuse('port', value);
    const port = `${Number(digits)}`;
    return protocol !== undefined && kDefaultPorts[protocol] === port ? '' : port;
  },
  pathname: (value) => {
    if (value === '') return '';
    // What does not begin with a slash is to be found again behind one.
    return value[0] === '/' ? withPart('pathname', value).pathname : withPart('pathname', `/-${value}`).pathname.slice(2);
  },
  opaquePathname: (value) => value === '' ? '' : URL.parse(`data:${value}`)?.pathname ?? refuse('pathname', value),
  search: (value) => value === '' ? '' : withPart('search', `?${value}`).search.slice(1),
  hash: (value) => value === '' ? '' : withPart('hash', `#${value}`).hash.slice(1),
};

const isSpecial = (protocol) => protocol in kDefaultPorts;
const matchesSpecial = (component) => kSpecial.some((protocol) => component.regexp.test(protocol));
const isIpv6 = (pattern) => /^(?:\[|\{\[|\\\[)./s.test(pattern);

// --- 3.2 dictionaries: { component: text }; `isPattern`: of the constructor, else of a URL to match ---

function isAbsolutePath(path, isPattern) { return path[0] === '/' || isPattern && (path.startsWith('\\/') || path.startsWith('{/')); }

// A component comes from the base URL only where none that is more significant is given. User and password of a pattern never do.
function inherit(result, init, base, isPattern) {
  const from = (text) => isPattern ? escapePattern(text) : text;
  const none = (...names) => names.every((name) => init[name] === undefined);
  if (none('protocol')) result.protocol = from(base.protocol.slice(0, -1));
  if (!isPattern && none('protocol', 'hostname', 'port', 'username')) result.username = base.username;
  if (!isPattern && none('protocol', 'hostname', 'port', 'username', 'password')) result.password = base.password;
  if (none('protocol', 'hostname')) result.hostname = from(base.hostname);
  if (none('protocol', 'hostname', 'port')) result.port = from(base.port);
  if (none('protocol', 'hostname', 'port', 'pathname')) result.pathname = from(base.pathname);
  if (none('protocol', 'hostname', 'port', 'pathname', 'search')) result.search = from(base.search.slice(1));
  if (none('protocol', 'hostname', 'port', 'pathname', 'search', 'hash')) result.hash = from(base.hash.slice(1));
}

function pathOf(path, base, isPattern) {
  const isOpaque = base === undefined || base.pathname[0] !== '/';
  if (isOpaque || isAbsolutePath(path, isPattern)) return path;
  const before = isPattern ? escapePattern(base.pathname) : base.pathname;
  return before.slice(0, before.lastIndexOf('/') + 1) + path;
}

function processInit(init, isPattern) {
  const result = isPattern ? {} : Object.fromEntries(kComponents.map((name) => [name, '']));
  const base = init.baseURL === undefined ? undefined : new URL(init.baseURL);
  if (base !== undefined) inherit(result, init, base, isPattern);
  const given = { ...init };
  if (given.protocol?.endsWith(':')) given.protocol = given.protocol.slice(0, -1);
  if (given.pathname !== undefined) given.pathname = pathOf(given.pathname, base, isPattern);
  if (given.search?.[0] === '?') given.search = given.search.slice(1);
  if (given.hash?.[0] === '#') given.hash = given.hash.slice(1);
  for (const name of kComponents) {
    if (given[name] === undefined) continue;
    result[name] = isPattern ? given[name] : canonicalOf(name, given[name], result.protocol);
  }
  return result;
}

function canonicalOf(name, value, protocol) {
  if (name === 'port') return canonical.port(value, protocol);
  if (name === 'pathname' && protocol !== '' && !isSpecial(protocol)) return canonical.opaquePathname(value);
  return canonical[name](value);
}

// --- 2.3 one string taken apart ---

// Which components a state is followed by are empty, not any, when a later one comes.
const kBeforeHost = ['protocol', 'authority', 'username', 'password'];
const kBeforePath = [...kBeforeHost, 'hostname', 'port'];
const kLiteral = [types.kChar, types.kEscaped, types.kInvalid];
const kNoSearchAfter = [types.kName, types.kRegExp, types.kClose, types.kAsterisk];

class StringParser {
  result = {};
  start = 0;      // the component's first token
  at = 0;
  step = 1;       // how far the loop goes on
  depth = 0;      // of braces
  brackets = 0;   // of an IPv6 address
  special = false;
  state = 'init';

  constructor(input) {
    this.chars = [...input];
    this.tokens = tokenize(input, false);
  }

  token(at) { return this.tokens[Math.min(at, this.tokens.length - 1)]; }
  is(char, at = this.at) {
    const { type, value } = this.token(at);
    return value === char && kLiteral.includes(type);
  }
  isSearch() {
    if (this.is('?')) return true;
    return this.token(this.at).value === '?' && (this.at === 0 || !kNoSearchAfter.includes(this.token(this.at - 1).type));
  }
  text() { return this.chars.slice(this.token(this.start).index, this.token(this.at).index).join(''); }

  rewind(state) {
    this.at = this.start;
    this.step = 0;
    if (state !== undefined) this.state = state;
  }
  change(state, skip) {
    const { result } = this;
    if (!['init', 'authority', 'done'].includes(this.state)) result[this.state] = this.text();
    if (this.state !== 'init' && state !== 'done') {
      if (kBeforeHost.includes(this.state) && ['port', 'pathname', 'search', 'hash'].includes(state)) result.hostname ??= '';
      if (kBeforePath.includes(this.state) && ['search', 'hash'].includes(state)) result.pathname ??= this.special ? '/' : '';
      if ([...kBeforePath, 'pathname'].includes(this.state) && state === 'hash') result.search ??= '';
    }
    this.state = state;
    this.at += skip;
    this.start = this.at;
    this.step = 0;
  }

  run() {
    for (; this.at < this.tokens.length && this.state !== 'done'; this.at += this.step) {
      this.step = 1;
      const { type } = this.token(this.at);
      if (type === types.kEnd) this.end();
      else if (type === types.kOpen) ++this.depth;
      else if (this.depth > 0 && type === types.kClose) {
        if (--this.depth === 0) this[this.state]();
      } else if (this.depth === 0) this[this.state]();
    }
    const { result } = this;
    // A host without a port has the default one.
    if (result.hostname !== undefined) result.port ??= '';
    return result;
  }

  end() {
    if (this.state === 'authority') return this.rewind('hostname');
    if (this.state !== 'init') return this.change('done', 0);
    this.rewind();
    return this.later('pathname') || this.change('pathname', 0);
  }
  // The components that begin with a character of their own. False where none does here.
  later(from) {
    if (from === 'hostname' && this.is('/')) return this.change('pathname', 0) ?? true;
    if (from !== 'search' && this.isSearch()) return this.change('search', 1) ?? true;
    if (this.is('#')) return this.change('hash', 1) ?? true;
    return false;
  }

  init() {
    if (this.is(':')) this.rewind('protocol');
  }
  protocol() {
    if (!this.is(':')) return;
    this.special = matchesSpecial(compile(this.text(), canonical.protocol, kPlain));
    if (this.is('/', this.at + 1) && this.is('/', this.at + 2)) this.change('authority', 3);
    else this.change(this.special ? 'authority' : 'pathname', 1);
  }
  authority() {
    if (this.is('@')) this.rewind('username');
    else if (this.is('/') || this.isSearch() || this.is('#')) this.rewind('hostname');
  }
  username() {
    if (this.is(':')) this.change('password', 1);
    else this.password();
  }
  password() {
    if (this.is('@')) this.change('hostname', 1);
  }
  hostname() {
    if (this.is('[')) ++this.brackets;
    else if (this.is(']')) --this.brackets;
    else if (this.is(':') && this.brackets === 0) this.change('port', 1);
    else this.later('hostname');
  }
  port() { this.later('hostname'); }
  pathname() { this.later('pathname'); }
  search() { this.later('search'); }
  hash() {}
}

// --- the interface ---

const isObject = (value) => typeof value === 'object' && value !== null || typeof value === 'function';
const usv = (value) => `${value}`.toWellFormed();

// Web IDL: (USVString or URLPatternInit), a string or a dictionary of its own.
function toInput(value) {
  if (value !== undefined && value !== null && !isObject(value)) return usv(value);
  const init = {};
  for (const name of kMembers) {
    const member = value?.[name];
    if (member !== undefined) init[name] = usv(member);
  }
  return init;
}

function compileAll(init, ignoreCase) {
  if (isSpecial(init.protocol ?? '') && init.port === kDefaultPorts[init.protocol]) init.port = '';
  const all = {};
  const add = (name, encode, options) => { all[name] = compile(init[name] ?? '*', encode, options); };
  add('protocol', canonical.protocol, kPlain);
  add('username', canonical.username, kPlain);
  add('password', canonical.password, kPlain);
  add('hostname', isIpv6(init.hostname ?? '*') ? canonical.ipv6 : canonical.hostname, kHost);
  add('port', canonical.port, kPlain);
  if (matchesSpecial(all.protocol)) add('pathname', canonical.pathname, { ...kPath, ignoreCase });
  else add('pathname', canonical.opaquePathname, { ...kPlain, ignoreCase });
  add('search', canonical.search, { ...kPlain, ignoreCase });
  add('hash', canonical.hash, { ...kPlain, ignoreCase });
  return all;
}

// The components of what is to match; undefined where it is no URL.
function partsOf(input, base) {
  if (typeof input !== 'string') {
    if (base !== undefined) throw new TypeError('URLPattern: a base URL goes with a string, not with a dictionary');
    try {
      return processInit(input, false);
    } catch {
      return undefined;
    }
  }
  const url = URL.parse(input, base);
  if (url === null) return undefined;
  const { protocol, username, password, hostname, port, pathname, search, hash } = url;
  return { protocol: protocol.slice(0, -1), username, password, hostname, port, pathname, search: search.slice(1), hash: hash.slice(1) };
}

class URLPattern {
  #components;

  constructor(input = {}, baseURL = undefined, options = undefined) {
    const hasBase = arguments.length >= 3 || baseURL !== undefined && baseURL !== null && !isObject(baseURL);
    const given = toInput(input);
    const { ignoreCase = false } = (hasBase ? options : baseURL) ?? {};
    let init = given;
    if (typeof given === 'string') {
      init = new StringParser(given).run();
      if (hasBase) init.baseURL = usv(baseURL);
      else if (init.protocol === undefined) throw new TypeError(`URLPattern: ${JSON.stringify(given)} is relative and has no base URL`);
    } else if (hasBase) {
      throw new TypeError('URLPattern constructor: a base URL goes with a string, not with a dictionary');
    }
    this.#components = compileAll(processInit(init, true), Boolean(ignoreCase));
  }

  get protocol() { return this.#components.protocol.pattern; }
  get username() { return this.#components.username.pattern; }
  get password() { return this.#components.password.pattern; }
  get hostname() { return this.#components.hostname.pattern; }
  get port() { return this.#components.port.pattern; }
  get pathname() { return this.#components.pathname.pattern; }
  get search() { return this.#components.search.pattern; }
  get hash() { return this.#components.hash.pattern; }
  get hasRegExpGroups() { return kComponents.some((name) => this.#components[name].hasRegExpGroups); }

  test(input = {}, baseURL = undefined) {
    const components = this.#components;
    const parts = partsOf(toInput(input), baseURL === undefined ? undefined : usv(baseURL));
    return parts !== undefined && kComponents.every((name) => components[name].regexp.test(parts[name]));
  }

  exec(input = {}, baseURL = undefined) {
    const components = this.#components;
    const given = toInput(input);
    const base = baseURL === undefined ? undefined : usv(baseURL);
    const parts = partsOf(given, base);
    if (parts === undefined) return null;
    const result = { inputs: base === undefined ? [given] : [given, base] };
    for (const name of kComponents) {
      const { regexp, names } = components[name];
      const found = regexp.exec(parts[name]);
      if (found === null) return null;
      result[name] = { input: parts[name], groups: Object.fromEntries(names.map((group, i) => [group, found[i + 1]])) };
    }
    return result;
  }
}
Object.defineProperty(URLPattern, 'length', { value: 0 });
internal.shapeInterface(URLPattern, 'URLPattern');

return { URLPattern };
