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

// Instances are errors of the engine's own making, so that Error.isError() knows them; the slots are put on them afterwards.
class Given { constructor(object) { return object; } }
class Slots extends Given {
  #message;
  #name;
  constructor(error, message, name) {
    super(error);
    this.#message = message;
    this.#name = name;
  }
  static nameOf(error) { return error.#name; }
  static messageOf(error) { return error.#message; }
  static isOn(value) { return typeof value === 'object' && value !== null && #name in value; }
}

const { construct } = Reflect;
const { defineProperty } = Object;

class DOMException {
  constructor(message = '', name = 'Error') {
    const text = `${message}`;
    // Newer dictionaries ({ cause }) arrive here too; only a string is a name.
    const isDictionary = typeof name === 'object' && name !== null;
    const kind = isDictionary ? `${name.name ?? 'Error'}` : `${name}`;
    const error = construct(Error, [text], new.target);  // its stack has the message, and begins at the caller
    delete error.message;  // the class has a getter
    new Slots(error, text, kind);
    if (isDictionary && 'cause' in name) defineProperty(error, 'cause', { value: name.cause, writable: true, configurable: true });
    return error;
  }
  get name() { return Slots.nameOf(this); }
  get message() { return Slots.messageOf(this); }
  get code() { return Math.max(0, names.indexOf(Slots.nameOf(this) || '-')); }
}
Object.setPrototypeOf(DOMException.prototype, Error.prototype);
internal.exposeInterface(DOMException);
constants.forEach((name, i) => {
  const constant = { value: i + 1, enumerable: true };
  Object.defineProperty(DOMException, `${name}_ERR`, constant);
  Object.defineProperty(DOMException.prototype, `${name}_ERR`, constant);
});

internal.DOMException = DOMException;
internal.isDOMException = Slots.isOn;
internal.cloneDOMException = (value) => {
  if (!Slots.isOn(value)) return undefined;
  const copy = new DOMException(Slots.messageOf(value), Slots.nameOf(value));
  defineProperty(copy, 'stack', { value: value.stack, writable: true, configurable: true });
  return copy;
};
internal.domException = (message, name) => new DOMException(message, name);
