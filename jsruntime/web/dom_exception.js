// DOMException (Web IDL 2.8.1, 3.14): what the web API throws where no ECMAScript error fits.
//
//   internal.domException(message, name)  makes one
//   internal.required(given, wanted, what)  the TypeError of a call with too few arguments

// Structured cloning must tell platform objects from plain ones.
{
  const shapeInterface = internal.shapeInterface;
  internal.shapeInterface = (constructor, name) => {
    native.markPlatform(constructor.prototype);
    shapeInterface(constructor, name);
  };
}

internal.required = (given, wanted, what) => {
  if (given < wanted) {
    throw new TypeError(`${what}: ${wanted} argument${wanted > 1 ? 's' : ''} required, but only ${given} present.`);
  }
};

// Web IDL gives these names a legacy code, which is their place here; an empty one has no name any more.
const names = [
  '', 'IndexSizeError', '', 'HierarchyRequestError', 'WrongDocumentError', 'InvalidCharacterError', '',
  'NoModificationAllowedError', 'NotFoundError', 'NotSupportedError', 'InUseAttributeError', 'InvalidStateError', 'SyntaxError',
  'InvalidModificationError', 'NamespaceError', 'InvalidAccessError', '', 'TypeMismatchError', 'SecurityError', 'NetworkError',
  'AbortError', 'URLMismatchError', 'QuotaExceededError', 'TimeoutError', 'InvalidNodeTypeError', 'DataCloneError',
];
const constants = [
  'INDEX_SIZE', 'DOMSTRING_SIZE', 'HIERARCHY_REQUEST', 'WRONG_DOCUMENT', 'INVALID_CHARACTER', 'NO_DATA_ALLOWED',
  'NO_MODIFICATION_ALLOWED', 'NOT_FOUND', 'NOT_SUPPORTED', 'INUSE_ATTRIBUTE', 'INVALID_STATE', 'SYNTAX', 'INVALID_MODIFICATION',
  'NAMESPACE', 'INVALID_ACCESS', 'VALIDATION', 'TYPE_MISMATCH', 'SECURITY', 'NETWORK', 'ABORT', 'URL_MISMATCH', 'QUOTA_EXCEEDED',
  'TIMEOUT', 'INVALID_NODE_TYPE', 'DATA_CLONE',
];

class DOMException {
  #message;
  #name;
  constructor(message = '', name = 'Error') {
    this.#message = `${message}`;
    // Newer dictionaries ({ cause }) arrive here too; only a string is a name.
    this.#name = typeof name === 'object' && name !== null ? `${name.name ?? 'Error'}` : `${name}`;
    if (typeof name === 'object' && name !== null && 'cause' in name) {
      Object.defineProperty(this, 'cause', { value: name.cause, writable: true, configurable: true });
    }
    Error.captureStackTrace(this, new.target);
  }
  get name() { return this.#name; }
  get message() { return this.#message; }
  get code() { return Math.max(0, names.indexOf(this.#name || '-')); }

  static #isOne(value) { return typeof value === 'object' && value !== null && #name in value; }
  static {
    internal.isDOMException = DOMException.#isOne;
    internal.cloneDOMException = (value) => {
      if (!(#name in value)) return undefined;
      const copy = new DOMException(value.#message, value.#name);
      Object.defineProperty(copy, 'stack', { value: value.stack, writable: true, configurable: true });
      return copy;
    };
  }
}
Object.setPrototypeOf(DOMException.prototype, Error.prototype);
internal.exposeInterface(DOMException);
constants.forEach((name, i) => {
  const constant = { value: i + 1, enumerable: true };
  Object.defineProperty(DOMException, `${name}_ERR`, constant);
  Object.defineProperty(DOMException.prototype, `${name}_ERR`, constant);
});

internal.DOMException = DOMException;
internal.domException = (message, name) => new DOMException(message, name);
