// structuredClone (HTML 2.7). V8 copies what the language has; of the platform's objects DOMException, Blob and File are
// serialisable, and so is CryptoKey; ports and streams are transferred; all others are refused.

let hooks = null;
let transferring = null;  // Map of the ports and streams that the running clone transfers -> those that take their place
const makeHooks = () => ({
  refuse: (message) => internal.domException(message, 'DataCloneError'),
  clone: (object) => {
    const copy = transferring?.get(object) ?? internal.cloneBlob(object) ?? internal.cloneDOMException(object) ?? internal.cloneKey(object);
    if (copy !== undefined) return copy;
    throw internal.domException(`${internal.lazy('format.js').classNameOf(object)} object could not be cloned.`, 'DataCloneError');
  },
});

const isStream = (value) => internal.isReadableStream(value) || internal.isWritableStream(value) || internal.isTransformStream(value);

// Web IDL sequence<object>: any iterable.
function transferList(options, what) {
  if (options === undefined || options === null) return [];
  if (typeof options !== 'object' && typeof options !== 'function') throw new TypeError(`${what}: options is not an object.`);
  if (options.transfer === undefined) return [];
  const list = [...options.transfer];
  list.forEach((item, i) => {
    if ((typeof item !== 'object' && typeof item !== 'function') || item === null) {
      throw new TypeError(`${what}: an element of the transfer list is not an object.`);
    }
    const isPort = internal.isMessagePort(item);
    if (isStream(item)) {
      const { isHeld, partsOf } = internal.lazy('streams.js');
      if (isHeld(item) || partsOf(item).some((part) => list.includes(part))) {
        throw internal.domException(`${what}: a stream is locked, or moves with another one of the list.`, 'DataCloneError');
      }
    } else if (!isPort && native.kindOf(item) !== 10) {
      throw internal.domException(`${what}: only an ArrayBuffer, a MessagePort or a stream can be transferred.`, 'DataCloneError');
    } else if (isPort ? internal.portIsDetached(item) : item.detached) {
      throw internal.domException(`${what}: ${isPort ? 'a MessagePort' : 'an ArrayBuffer'} is detached.`, 'DataCloneError');
    }
    if (list.indexOf(item) !== i) {
      throw internal.domException(`${what}: an object is in the transfer list twice.`, 'DataCloneError');
    }
  });
  return list;
}

internal.transferList = transferList;

// StructuredSerializeWithTransfer and back: { copy, ports }, the ports those that take the transferred ones' place.
internal.cloneTransferring = (value, transfer) => {
  const ports = transfer.filter(internal.isMessagePort);
  const streams = transfer.filter(isStream);
  const buffers = transfer.filter((item) => !ports.includes(item) && !streams.includes(item));
  const moved = new Map(ports.map((port) => [port, internal.newPort()]));
  const attach = [];
  for (const stream of streams) moved.set(stream, internal.lazy('streams.js').move(stream, attach));
  const outer = transferring;
  let copy;
  try {
    transferring = moved.size > 0 ? moved : null;
    copy = native.structuredClone(value, buffers, hooks ??= makeHooks());
  } finally {
    transferring = outer;
  }
  for (const step of attach) step();
  for (const port of ports) internal.movePort(port, moved.get(port));
  return { copy, ports: ports.map((port) => moved.get(port)) };
};

internal.exposeOperation('structuredClone', {
  structuredClone(value, options = undefined) {
    internal.required(arguments.length, 1, 'structuredClone');
    const transfer = transferList(options, 'structuredClone');
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
    return internal.cloneTransferring(value, transfer).copy;
  },
}.structuredClone);
