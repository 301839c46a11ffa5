// CompressionStream and DecompressionStream (Compression standard), by the host's zlib. Lazy.
//
// Output is made as it is read, a chunk of at most 64 KiB a pull: input that would become a thousand times as much waits for its reader,
// and a write is done when all of it has been taken.

const kEnd = 1, kBroken = 2;  // ZlibStatus of ops/compression.h
const kChunkBytes = 64 * 1024;  // kZlibChunkBytes of the same
const formats = ['gzip', 'deflate', 'deflate-raw'];
const { ReadableStream, WritableStream } = internal.lazy('streams.js');
const progress = new Uint32Array(2);
const nothing = new Uint8Array(0);

const lengthOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get;
const { apply } = Reflect;

// False of shared ones.
function isBuffer(value) {
  try {
    apply(lengthOf, value, []);
    return true;
  } catch {
    return false;
  }
}

function bytesOfChunk(chunk) {
  // A copy: the caller may write to its own while this one waits. Memory that is shared is refused, as Web IDL has it.
  if (ArrayBuffer.isView(chunk) && isBuffer(chunk.buffer)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice();
  }
  if (isBuffer(chunk)) return new Uint8Array(chunk).slice();
  throw new TypeError('A chunk is neither an ArrayBuffer nor a view of one.');
}

class Codec {
  #state;
  #what;
  #decompress;
  #input = null;      // { bytes, at, finish, resolve, reject }: the write or close that is under way
  #wake = null;       // resolves a pull that waits for input
  #ended = false;     // the compressed data is over
  #readable;
  #writable;

  constructor(format, decompress) {
    this.#what = decompress ? 'DecompressionStream' : 'CompressionStream';
    const number = formats.indexOf(`${format}`);
    if (number < 0) throw new TypeError(`${this.#what} constructor: the format '${format}' is not one of ${formats.join(', ')}.`);
    this.#decompress = decompress;
    this.#state = native.zlibOpen(number, !decompress);
    this.readable = new ReadableStream({
      start: (controller) => { this.#readable = controller; },
      pull: () => this.#pull(),
      cancel: (reason) => this.#fail(reason, false),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      start: (controller) => { this.#writable = controller; },
      write: (chunk) => this.#write(chunk),
      close: () => this.#feed(new Uint8Array(0), true),
      abort: (reason) => this.#fail(reason, true),
    });
  }

  #write(chunk) {
    let bytes;
    try {
      bytes = bytesOfChunk(chunk);
    } catch (error) {
      this.#fail(error, true);
      throw error;
    }
    return this.#feed(bytes, false);
  }
  #feed(bytes, finish) {
    return new Promise((resolve, reject) => {
      this.#input = { bytes, at: 0, finish, resolve, reject };
      this.#wake?.();
      this.#wake = null;
    });
  }

  // Makes one chunk, or waits for the input of one.
  async #pull() {
    for (;;) {
      while (this.#input === null) await new Promise((resolve) => { this.#wake = resolve; });
      if (this.#state === null) return;
      const input = this.#input;
      let out;
      try {
        out = this.#step(input);
      } catch (error) {
        this.#fail(error, true);
        return;
      }
      if (out.length > 0) this.#readable.enqueue(out);
      if (this.#isTaken(input, out)) this.#done(input);
      if (out.length > 0 || this.#state === null) return;
    }
  }

  #step(input) {
    if (this.#ended) {
      if (input.at < input.bytes.length) throw new TypeError(`${this.#what}: there is data after the end of the compressed data.`);
      return nothing;
    }
    const out = native.zlibStep(this.#state, input.bytes, input.at, input.finish, progress);
    input.at += progress[0];
    if (progress[1] === kBroken) {
      throw new TypeError(`${this.#what}: ${input.finish ? 'the compressed data is cut short' : 'the data is not of the format'}.`);
    }
    if (progress[1] === kEnd) this.#ended = true;
    return out;
  }

  // All of it read, and nothing more in zlib's hands: a chunk that is not full is the last one.
  #isTaken(input, out) {
    if (input.at < input.bytes.length || out.length === kChunkBytes) return false;
    return this.#ended || !input.finish;
  }

  #done(input) {
    this.#input = null;
    if (input.finish) {
      this.#state = null;
      this.#readable.close();
    }
    input.resolve();
  }

  #fail(reason, readableToo) {
    this.#state = null;
    if (readableToo) this.#readable.error(reason);
    this.#writable.error(reason);
    this.#input?.reject(reason);
    this.#input ??= { bytes: null };  // lets a waiting pull see that there is no state any more
    this.#wake?.();
    this.#wake = null;
  }
}

class CompressionStream {
  #codec;
  constructor(format) {
    internal.required(arguments.length, 1, 'CompressionStream constructor');
    this.#codec = new Codec(format, false);
  }
  get readable() { return this.#codec.readable; }
  get writable() { return this.#codec.writable; }
}
internal.shapeInterface(CompressionStream);

class DecompressionStream {
  #codec;
  constructor(format) {
    internal.required(arguments.length, 1, 'DecompressionStream constructor');
    this.#codec = new Codec(format, true);
  }
  get readable() { return this.#codec.readable; }
  get writable() { return this.#codec.writable; }
}
internal.shapeInterface(DecompressionStream);

return { CompressionStream, DecompressionStream };
