// URL (URL standard 6.1). The parser is native and answers with the href and the offsets of its parts; getters slice.
//
// The parts are those of ops/ada.h; -1 stands for a part that is not there.

// As in dispatch.js: no lookup in a large object for what handlers mostly ask.
const { required } = internal;
const { urlParse } = native;

let parts = null;  // where the parser leaves its offsets
const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5, PORT = 6, PATHNAME = 7, SEARCH = 8, HASH = 9;
const kParsed = Symbol('parsed');

const text = (base) => base === undefined ? undefined : `${base}`;

class URL {
  #href;
  #protocolEnd;
  #usernameEnd;
  #hostStart;
  #hostEnd;
  #port;
  #pathStart;
  #searchStart;
  #hashStart;
  #params = null;

  constructor(url, base = undefined) {
    if (url === kParsed) {
      this.#take(base);
      return;
    }
    required(arguments.length, 1, 'URL constructor');
    const input = `${url}`;
    const href = urlParse(input, text(base), parts ??= new Int32Array(8));
    if (href === undefined) {
      const error = new TypeError(`Invalid URL: '${input}'${base === undefined ? '' : ` with base '${base}'`}`);
      // As Node's, which packages look at.
      throw Object.assign(error, { code: 'ERR_INVALID_URL', input, ...(base !== undefined && { base: text(base) }) });
    }
    this.#take(href);
  }

  static canParse(url, base = undefined) {
    required(arguments.length, 1, 'URL.canParse');
    return native.urlCanParse(`${url}`, text(base));
  }

  static parse(url, base = undefined) {
    required(arguments.length, 1, 'URL.parse');
    const input = `${url}`;
    const href = urlParse(input, text(base), parts ??= new Int32Array(8));
    return href === undefined ? null : new URL(kParsed, href);
  }

  #take(href) {
    const p = parts;
    this.#href = href;
    this.#protocolEnd = p[0];
    this.#usernameEnd = p[1];
    this.#hostStart = p[2];
    this.#hostEnd = p[3];
    this.#port = p[4];
    this.#pathStart = p[5];
    this.#searchStart = p[6];
    this.#hashStart = p[7];
  }

  #set(part, value) {
    const href = native.urlSet(this.#href, part, `${value}`, parts ??= new Int32Array(8));
    if (href === undefined) return false;
    this.#take(href);
    if (this.#params !== null && (part === SEARCH || part === HREF)) internal.resetParams(this.#params, this.search);
    return true;
  }

  // From the parameters: `query` is encoded already and comes without its '?'.
  #setQuery(query) {
    const hash = this.#hashStart < 0 ? '' : this.#href.slice(this.#hashStart);
    const end = this.#searchStart >= 0 ? this.#searchStart : this.#hashStart >= 0 ? this.#hashStart : this.#href.length;
    const before = this.#href.slice(0, end);
    this.#searchStart = query === '' ? -1 : end;
    this.#href = query === '' ? before : `${before}?${query}`;
    if (hash !== '') {
      this.#hashStart = this.#href.length;
      this.#href += hash;
    }
  }

  get href() { return this.#href; }
  set href(value) {
    if (!this.#set(HREF, value)) throw new TypeError(`Invalid URL: '${value}'`);
  }
  toString() { return this.#href; }
  toJSON() { return this.#href; }

  get origin() {
    this.#href; // whose getter it is matters, whatever `protocol` answers
    const protocol = this.protocol;
    switch (protocol) {
      case 'http:': case 'https:': case 'ws:': case 'wss:': case 'ftp:':
        return `${protocol}//${this.host}`;
      case 'blob:': {
        const inner = URL.parse(this.pathname);
        return inner !== null && (inner.protocol === 'http:' || inner.protocol === 'https:') ? inner.origin : 'null';
      }
      default:
        return 'null';
    }
  }

  get protocol() { return this.#href.slice(0, this.#protocolEnd); }
  set protocol(value) { this.#set(PROTOCOL, value); }

  get username() {
    const start = this.#protocolEnd + 2;
    return start < this.#usernameEnd ? this.#href.slice(start, this.#usernameEnd) : '';
  }
  set username(value) { this.#set(USERNAME, value); }

  get password() {
    return this.#hostStart > this.#usernameEnd ? this.#href.slice(this.#usernameEnd + 1, this.#hostStart) : '';
  }
  set password(value) { this.#set(PASSWORD, value); }

  // Past the '@' where there are credentials.
  #hostBegin() { return this.#href.charCodeAt(this.#hostStart) === 0x40 ? this.#hostStart + 1 : this.#hostStart; }
  get host() {
    // A path may begin after a "/." that is not the host's.
    return this.#href.slice(this.#hostBegin(), this.#port < 0 ? this.#hostEnd : this.#pathStart);
  }
  set host(value) { this.#set(HOST, value); }

  get hostname() { return this.#href.slice(this.#hostBegin(), this.#hostEnd); }
  set hostname(value) { this.#set(HOSTNAME, value); }

  get port() { return this.#port < 0 ? '' : `${this.#port}`; }
  set port(value) { this.#set(PORT, value); }

  get pathname() {
    const end = this.#searchStart >= 0 ? this.#searchStart : this.#hashStart >= 0 ? this.#hashStart : this.#href.length;
    return this.#href.slice(this.#pathStart, end);
  }
  set pathname(value) { this.#set(PATHNAME, value); }

  get search() {
    if (this.#searchStart < 0) return '';
    const end = this.#hashStart >= 0 ? this.#hashStart : this.#href.length;
    return end - this.#searchStart <= 1 ? '' : this.#href.slice(this.#searchStart, end);
  }
  set search(value) { this.#set(SEARCH, value); }

  get searchParams() { return this.#params ??= internal.paramsOf(this, this.search); }

  get hash() {
    return this.#hashStart < 0 || this.#href.length - this.#hashStart <= 1 ? '' : this.#href.slice(this.#hashStart);
  }
  set hash(value) { this.#set(HASH, value); }

  static {
    internal.isURL = (value) => typeof value === 'object' && value !== null && #href in value;
    internal.setUrlQuery = (url, query) => url.#setQuery(query);
  }
}
internal.exposeInterface(URL);
internal.URL = URL;
