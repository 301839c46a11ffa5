// structuredClone (HTML 2.7). V8 copies what the language has; of the platform's objects DOMException, Blob and File are
// serialisable, and so is CryptoKey; all others are refused.

let hooks = null;
const makeHooks = () => ({
  refuse: (message) => internal.domException(message, 'DataCloneError'),
  clone: (object) => {
    const copy = internal.cloneBlob(object) ?? internal.cloneDOMException(object) ?? internal.cloneKey(object);
    if (copy !== undefined) return copy;
    throw internal.domException(`${internal.classNameOf(object)} object could not be cloned.`, 'DataCloneError');
  },
});

// Web IDL sequence<object>: any iterable.
function transferList(options) {
  if (options === undefined || options === null) return [];
  if (typeof options !== 'object' && typeof options !== 'function') throw new TypeError('structuredClone: options is not an object.');
  if (options.transfer === undefined) return [];
  const list = [...options.transfer];
  list.forEach((item, i) => {
    if ((typeof item !== 'object' && typeof item !== 'function') || item === null) {
      throw new TypeError('structuredClone: an element of the transfer list is not an object.');
    }
    if (native.kindOf(item) !== 10) {
      throw internal.domException('structuredClone: only an ArrayBuffer can be transferred.', 'DataCloneError');
    }
    if (item.detached) throw internal.domException('structuredClone: an ArrayBuffer is detached.', 'DataCloneError');
    if (list.indexOf(item) !== i) {
      throw internal.domException('structuredClone: an ArrayBuffer is in the transfer list twice.', 'DataCloneError');
    }
  });
  return list;
}

internal.exposeOperation('structuredClone', {
  structuredClone(value, options = undefined) {
    internal.required(arguments.length, 1, 'structuredClone');
    const transfer = transferList(options);
    if (transfer.length === 0) {
      switch (typeof value) {
        case 'object':
          if (value === null) return null;
          break;
        case 'function':
        case 'symbol':
          break;
        default:
          return value;
      }
    }
    return native.structuredClone(value, transfer, hooks ??= makeHooks());
  },
}.structuredClone);
