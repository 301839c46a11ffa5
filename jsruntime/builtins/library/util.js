// Of Node's internal/util what its library here uses.
const kEncodings = {
  __proto__: null, utf8: 'utf8', 'utf-8': 'utf8', ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le', 'utf-16le': 'utf16le', latin1: 'latin1',
  binary: 'latin1', base64: 'base64', base64url: 'base64url', ascii: 'ascii', hex: 'hex',
};

// undefined: there is no such encoding.
function normalizeEncoding(name) {
  return name == null || name === '' ? 'utf8' : kEncodings[`${name}`.toLowerCase()];
}

function spliceOne(list, index) {
  for (; index + 1 < list.length; index++) list[index] = list[index + 1];
  list.pop();
}

function getLazy(make) {
  let made = false;
  let value;
  return () => {
    if (!made) {
      made = true;
      value = make();
    }
    return value;
  };
}

// Those of the web that Node loads when they are asked for.
function defineLazyProperties(target, from, names) {
  for (const name of names.filter((each) => each in globalThis)) {
    Object.defineProperty(target, name, { get: () => globalThis[name], enumerable: true, configurable: true });
  }
}

module.exports = {
  customInspectSymbol: Symbol.for('nodejs.util.inspect.custom'), kIsEncodingSymbol: Symbol('isEncoding'), defineLazyProperties,
  lazyDOMException: (message, name) => new DOMException(message, name),
  encodingsMap: { ascii: 0, utf8: 1, base64: 2, utf16le: 3, latin1: 4, hex: 5, buffer: 6, base64url: 7 },
  kEmptyObject: Object.freeze({ __proto__: null }), isWindows: false, normalizeEncoding, spliceOne, getLazy,
  getSystemErrorName: (code) => `${code}`,
  setOwnProperty: (object, key, value) => Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true }),
};
