// Streams (Streams standard). The library web-streams-polyfill does the work; this gives its classes the looks that Web IDL asks for, and
// the platform's own files what they need of streams without running what a function has put on the prototypes.
//
//   internal.isReadableStream(value), internal.isWritableStream(value)   eager; false, and nothing loaded, while no stream exists
//   internal.lazy('streams.js')    loads this file; its object has the classes, and:
//     isLocked(stream), isDisturbed(stream), stateOf(stream)  'readable' | 'closed' | 'errored'; errorOf(stream): why;
//     isByteStream(stream)
//     newByteStream({ start, pull, cancel }, highWaterMark = 0)  a readable byte stream fed by the platform. pull(sink) may return a
//         promise; sink is { enqueue(bytes), close(), error(reason), desiredSize, byob() }; byob() is the pending BYOB request's
//         { view, respond(count) } or null. enqueue takes the bytes' buffer over.
//     reader(stream)     locks it: { read() -> promise of { done, value }, readWith(steps), cancel(reason), release(), closed }
//         readWith: the next chunk without a promise. One of steps' _chunkSteps(value), _closeSteps(), _errorSteps(reason) is called, perhaps
//         before it returns, perhaps in the middle of the source's enqueue(), close() or error(): it must not throw.
//     writer(stream)     the same for a WritableStream: { write(chunk), close(), abort(reason), release(), ready, closed }
//     tee(stream), pipeTo(readable, writable, options), pipeThrough(readable, pair, options), cancel(stream, reason)
//     newTransform(transformer, [writableStrategy, readableStrategy])  a TransformStream

const library = internal.npm('web-streams-polyfill/dist/ponyfill.js');
const {
  ReadableStream, ReadableStreamDefaultReader, ReadableStreamBYOBReader, ReadableStreamDefaultController, ReadableByteStreamController,
  ReadableStreamBYOBRequest, WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController, TransformStream,
  TransformStreamDefaultController, ByteLengthQueuingStrategy, CountQueuingStrategy,
} = library;
const classes = {
  ReadableStream, ReadableStreamDefaultReader, ReadableStreamBYOBReader, ReadableStreamDefaultController, ReadableByteStreamController,
  ReadableStreamBYOBRequest, WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController, TransformStream,
  TransformStreamDefaultController, ByteLengthQueuingStrategy, CountQueuingStrategy,
};

// An earlier draft's.
delete WritableStreamDefaultController.prototype.abortReason;
for (const name of Object.keys(classes)) internal.shapeInterface(classes[name], name);
// Web IDL names an accessor's functions after the attribute, and async iteration after its method.
Object.defineProperty(ReadableStream.prototype.values, 'name', { value: 'values', configurable: true });

const { apply } = Reflect;
const method = (Class, name) => {
  const operation = Class.prototype[name];
  return (object, ...values) => apply(operation, object, values);
};
const getter = (Class, name) => {
  const { get } = Object.getOwnPropertyDescriptor(Class.prototype, name);
  return (object) => apply(get, object, []);
};

// Async iteration's object has the language's prototype between itself and Object.prototype.
{
  const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);
  const iteratorPrototype = Object.getPrototypeOf(new ReadableStream().values());
  Object.setPrototypeOf(iteratorPrototype, AsyncIteratorPrototype);
  delete iteratorPrototype[Symbol.asyncIterator];
}

// Under what the library keeps an object's slots, where no function finds them (hide_slots.py); it knows its own by one of them and the class.
const { slots, readWith } = library;
const isOf = (Class, slot) => (value) => typeof value === 'object' && value !== null && value[slots] !== undefined && Object.hasOwn(value[slots], slot) && value instanceof Class;
internal.isReadableStream = isOf(ReadableStream, '_readableStreamController');
internal.isWritableStream = isOf(WritableStream, '_writableStreamController');
internal.isTransformStream = isOf(TransformStream, '_transformStreamController');

const getReader = method(ReadableStream, 'getReader');
const read = method(ReadableStreamDefaultReader, 'read');
const cancelReader = method(ReadableStreamDefaultReader, 'cancel');
const releaseReader = method(ReadableStreamDefaultReader, 'releaseLock');
const readerClosed = getter(ReadableStreamDefaultReader, 'closed');

class PlatformReader {
  #reader;
  constructor(stream) { this.#reader = getReader(stream); }
  read() { return read(this.#reader); }
  readWith(steps) { readWith(this.#reader, steps); }
  cancel(reason) { return cancelReader(this.#reader, reason); }
  release() { releaseReader(this.#reader); }
  get closed() { return readerClosed(this.#reader); }
}

const getWriter = method(WritableStream, 'getWriter');
const write = method(WritableStreamDefaultWriter, 'write');
const closeWriter = method(WritableStreamDefaultWriter, 'close');
const abortWriter = method(WritableStreamDefaultWriter, 'abort');
const releaseWriter = method(WritableStreamDefaultWriter, 'releaseLock');
const writerReady = getter(WritableStreamDefaultWriter, 'ready');
const writerClosed = getter(WritableStreamDefaultWriter, 'closed');

class PlatformWriter {
  #writer;
  constructor(stream) { this.#writer = getWriter(stream); }
  write(chunk) { return write(this.#writer, chunk); }
  close() { return closeWriter(this.#writer); }
  abort(reason) { return abortWriter(this.#writer, reason); }
  release() { releaseWriter(this.#writer); }
  get ready() { return writerReady(this.#writer); }
  get closed() { return writerClosed(this.#writer); }
}

const enqueue = method(ReadableByteStreamController, 'enqueue');
const close = method(ReadableByteStreamController, 'close');
const fail = method(ReadableByteStreamController, 'error');
const desiredSize = getter(ReadableByteStreamController, 'desiredSize');
const byobRequest = getter(ReadableByteStreamController, 'byobRequest');
const requestView = getter(ReadableStreamBYOBRequest, 'view');
const respond = method(ReadableStreamBYOBRequest, 'respond');

class ByteSink {
  #controller;
  constructor(controller) { this.#controller = controller; }
  enqueue(bytes) { if (bytes.byteLength > 0) enqueue(this.#controller, bytes); }
  // A pending BYOB request is answered too: its reader learns of the end by it.
  close() {
    close(this.#controller);
    const request = byobRequest(this.#controller);
    if (request !== null) respond(request, 0);
  }
  error(reason) { fail(this.#controller, reason); }
  get desiredSize() { return desiredSize(this.#controller); }
  byob() {
    const request = byobRequest(this.#controller);
    return request === null ? null : { view: requestView(request), respond: (count) => respond(request, count) };
  }
}

function newByteStream({ start, pull, cancel }, highWaterMark = 0) {
  let sink;
  return new ReadableStream({
    type: 'bytes',
    start(controller) {
      sink = new ByteSink(controller);
      return start?.(sink);
    },
    pull: pull && (() => pull(sink)),
    cancel: cancel && ((reason) => cancel(reason)),
  }, { highWaterMark });
}

// --- transfer: what takes a stream's place reads from it, or writes to it, and hands over copies of the chunks ---

const copyOf = (value) => internal.cloneTransferring(value, []).copy;

// `attach` gets what locks the stream that was given: done when the whole message could be cloned.
function moveReadable(from, attach) {
  let reader;
  attach.push(() => { reader = new PlatformReader(from); });
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await reader.read();
      if (done) return controller.close();
      try {
        controller.enqueue(copyOf(value));
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function moveWritable(from, attach) {
  let writer;
  attach.push(() => { writer = new PlatformWriter(from); });
  return new WritableStream({
    async write(chunk) {
      await writer.ready;
      await writer.write(copyOf(chunk));
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

function moveTransform(from, attach) {
  const moved = new TransformStream();
  moved[slots]._readable = moveReadable(from[slots]._readable, attach);
  moved[slots]._writable = moveWritable(from[slots]._writable, attach);
  return moved;
}

const isLocked = getter(ReadableStream, 'locked');
const isWritableLocked = getter(WritableStream, 'locked');

return {
  ...classes,
  // Of a stream of any kind: whether somebody holds it, and so it cannot move; what takes its place.
  isHeld: (stream) => internal.isReadableStream(stream) ? isLocked(stream) : internal.isWritableStream(stream) ? isWritableLocked(stream)
    : isLocked(stream[slots]._readable) || isWritableLocked(stream[slots]._writable),
  // The streams that move with a TransformStream.
  partsOf: (stream) => internal.isTransformStream(stream) ? [stream[slots]._readable, stream[slots]._writable] : [],
  move: (stream, attach) => (internal.isReadableStream(stream) ? moveReadable : internal.isWritableStream(stream) ? moveWritable
    : moveTransform)(stream, attach),
  isLocked,
  isDisturbed: (stream) => stream[slots]._disturbed,
  stateOf: (stream) => stream[slots]._state,
  isByteStream: (stream) => stream[slots]._readableStreamController instanceof ReadableByteStreamController,
  errorOf: (stream) => stream[slots]._storedError,
  reader: (stream) => new PlatformReader(stream),
  writer: (stream) => new PlatformWriter(stream),
  newByteStream,
  newTransform: (transformer, ...strategies) => new TransformStream(transformer, ...strategies),
  tee: method(ReadableStream, 'tee'),
  pipeTo: method(ReadableStream, 'pipeTo'),
  pipeThrough: method(ReadableStream, 'pipeThrough'),
  cancel: method(ReadableStream, 'cancel'),
};
