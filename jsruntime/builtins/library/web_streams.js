// Of Node's internal/webstreams what its adapters ask for, over the streams that are here.
const kChunk = Symbol('chunk');
const kClose = Symbol('close');
const kError = Symbol('error');

module.exports = {
  get ReadableStream() { return ReadableStream; },
  get WritableStream() { return WritableStream; },
  isReadableStream: (value) => internal.isReadableStream(value),
  isWritableStream: (value) => internal.isWritableStream(value),
  kChunk, kClose, kError, kResolvedPromise: Promise.resolve(),
  readableStreamDefaultReaderRead(reader, request) {
    reader.read().then(({ value, done }) => (done ? request[kClose]() : request[kChunk](value)), (error) => request[kError](error));
  },
  // The request counts what is under way, and hears of each.
  writableStreamDefaultWriterWriteWithRequest(writer, chunk, request) {
    request.pending++;
    writer.write(chunk).then(() => request.resolve(), (error) => request.reject(error));
  },
};
