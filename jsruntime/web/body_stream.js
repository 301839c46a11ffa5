// Bodies in pieces. Incoming: what of a request's body has not arrived with its head, as bytes or as a ReadableStream. Outgoing: the
// stream of a response, read as fast as the client takes it and no faster.
//
// What the native side must be able to find of an invocation stands in its hooks, one object that goes with the invocation:
//   signal: request.signal, once somebody has asked for it     wake: who waits for the next piece of the body
//   body: the sink of request.body                             out: the response's stream on its way
//
//   internal.incomingStream(serial)      a ReadableStream of the request's body
//   internal.incomingBytes(serial)       a promise of all of it
//   internal.watchPeer(serial, signal)   aborts the signal when the client is gone
//   internal.bytesStream(bytes)          a ReadableStream of bytes that are there
//   internal.streamBytes(stream, bytesMax, tooLarge)  a promise of all bytes of a stream; beyond the bound, where one is given, it is
//                                        cancelled with what tooLarge() returns

const streams = () => internal.lazy('streams.js');
const kPieceMax = 64 * 1024;  // of an incoming body: what one read gives

function hooksOf(serial) {
  let hooks = native.hooksOf(serial);
  if (hooks === undefined) {
    hooks = { signal: null, wake: null, body: null, out: null, gone: null };
    native.hook(serial, hooks);
  }
  return hooks;
}

// The next piece, null at the end, or a promise of it.
function nextPiece(serial) {
  const piece = native.bodyRead(serial, kPieceMax);
  if (piece !== undefined) return piece;
  const hooks = hooksOf(serial);
  if (hooks.gone !== null) throw hooks.gone;
  return new Promise((resolve, reject) => { hooks.wake = { resolve, reject }; }).then(() => nextPiece(serial));
}

function concat(pieces, size) {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}

internal.incomingBytes = async (serial) => {
  const pieces = [];
  let size = 0;
  for (;;) {
    let piece = nextPiece(serial);
    if (piece instanceof Promise) piece = await piece;
    if (piece === null) return concat(pieces, size);
    pieces.push(piece);
    size += piece.byteLength;
  }
};

internal.incomingStream = (serial) => streams().newByteStream({
  start(sink) { hooksOf(serial).body = sink; },
  async pull(sink) {
    const piece = await nextPiece(serial);
    if (piece === null) sink.close();
    else sink.enqueue(piece);
  },
  cancel() { native.bodyDrop(serial); },
});

internal.bytesStream = (bytes) => streams().newByteStream({
  pull(sink) {
    sink.enqueue(bytes);
    sink.close();
  },
});

function wrongPiece(value) {
  const hint = typeof value === 'string' ? ': encode it, e.g. with stream.pipeThrough(new TextEncoderStream())' : '';
  return new TypeError(`The stream of a body gave ${value === null ? 'null' : `a value of type ${typeof value}`}; its pieces must be Uint8Arrays${hint}`);
}

const isBytes = (value) => ArrayBuffer.isView(value) && value[Symbol.toStringTag] === 'Uint8Array';

internal.streamBytes = async (stream, bytesMax = Infinity, tooLarge = undefined) => {
  const reader = streams().reader(stream);
  const pieces = [];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return pieces.length === 1 ? pieces[0].slice() : concat(pieces, size);
    const error = !isBytes(value) ? wrongPiece(value) : size + value.byteLength > bytesMax ? tooLarge() : null;
    if (error !== null) {
      reader.cancel(error).catch(() => {});
      throw error;
    }
    pieces.push(value);
    size += value.byteLength;
  }
};

internal.watchPeer = (serial, signal) => { hooksOf(serial).signal = signal; };

// --- outgoing ---

const settled = Promise.resolve();

// A response's stream on its way. The stream calls the steps itself, with no promise for each piece: a piece goes to the native side in the
// middle of the enqueue() that brings it. The end waits for the source's own code to return, which may still have something to say to
// ctx.waitUntil().
class Outgoing {
  constructor(serial, reader) {
    this.serial = serial;
    this.reader = reader;
    this.piece = null;    // at hand, of which so many bytes are taken
    this.at = 0;
    this.paused = false;  // no room: resumeResponse() goes on
    this.over = false;
    this.reading = false;
    this.again = false;
  }

  _chunkSteps(value) {
    if (this.over) return;
    if (isBytes(value)) {
      this.piece = value;
      this.at = 0;
      push(this);
    } else {
      const error = wrongPiece(value);
      this.over = true;
      settled.then(() => {
        native.responseFail(this.serial, error);
        this.reader.cancel(error).catch(() => {});
      });
    }
  }

  _closeSteps() {
    if (this.over) return;
    this.over = true;
    settled.then(() => native.responseEnd(this.serial));
  }

  _errorSteps(error) {
    if (this.over) return;
    this.over = true;
    settled.then(() => native.responseFail(this.serial, error));
  }
}

// Pieces that wait in the stream's queue come before readWith() returns: one loop for all of them.
function readOn(out) {
  if (out.reading) {
    out.again = true;
    return;
  }
  out.reading = true;
  do {
    out.again = false;
    out.reader.readWith(out);
  } while (out.again);
  out.reading = false;
}

// Hands over what is taken of the piece at hand, and asks for the next one only while there is room.
function push(out) {
  const piece = out.piece;
  if (piece.byteLength > out.at) {
    let taken = native.responseChunk(out.serial, piece, out.at);
    if (taken === undefined) return;
    out.paused = taken < 0;
    if (out.paused) taken = -1 - taken;
    out.at += taken;
  }
  if (out.at >= piece.byteLength) out.piece = null;
  if (!out.paused) readOn(out);
}

Object.assign(internal, {
  sendStream(serial, stream) {
    const out = new Outgoing(serial, streams().reader(stream));
    hooksOf(serial).out = out;
    readOn(out);
  },

  cancelStream(stream) { streams().cancel(stream).catch(() => {}); },

  // --- what the native side tells ---
  bodyArrived(hooks) {
    const wake = hooks.wake;
    hooks.wake = null;
    if (wake !== null) wake.resolve();
  },

  resumeResponse(hooks) {
    const out = hooks.out;
    if (out === null || out.over || !out.paused) return;
    out.paused = false;
    if (out.piece !== null) push(out);
    else readOn(out);
  },

  peerFinished(hooks) {
    if (hooks.signal !== null) internal.abortSignal(hooks.signal, internal.domException('The client has closed the connection', 'AbortError'));
  },

  peerGone(hooks) {
    const reason = internal.domException('Nobody waits for this answer any more: the client is gone or the time limit is over', 'AbortError');
    hooks.gone = reason;
    const { wake, body, out } = hooks;
    hooks.wake = null;
    hooks.body = null;
    if (wake !== null) wake.reject(reason);
    if (body !== null) {
      try {
        body.error(reason);
      } catch {
        // It has come to its end.
      }
    }
    if (out !== null && !out.over) {
      out.over = true;
      out.piece = null;
      out.reader.cancel(reason).catch(() => {});
    }
    if (hooks.signal !== null) internal.abortSignal(hooks.signal, reason);
  },
});
