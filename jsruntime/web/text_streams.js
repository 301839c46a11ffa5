// TextEncoderStream and TextDecoderStream (Encoding standard 7.5, 7.6). Lazy.

const { TransformStream } = internal.lazy('streams.js');
const { TextDecoder, TextEncoder } = internal;
const isLead = (unit) => unit >= 0xd800 && unit < 0xdc00;

class TextEncoderStream {
  #stream;
  constructor() {
    const encoder = new TextEncoder();
    let lead = '';  // a chunk's last unit, where it is the first half of a pair
    this.#stream = new TransformStream({
      transform(chunk, controller) {
        let text = lead + `${chunk}`;
        lead = '';
        if (isLead(text.charCodeAt(text.length - 1))) {
          lead = text.slice(-1);
          text = text.slice(0, -1);
        }
        if (text !== '') controller.enqueue(encoder.encode(text));
      },
      flush(controller) {
        if (lead !== '') controller.enqueue(new Uint8Array([0xef, 0xbf, 0xbd]));
      },
    });
  }
  get encoding() {
    this.#stream;
    return 'utf-8';
  }
  get readable() { return this.#stream.readable; }
  get writable() { return this.#stream.writable; }
}
internal.shapeInterface(TextEncoderStream);

class TextDecoderStream {
  #decoder;
  #stream;
  constructor(label = 'utf-8', options = undefined) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#stream = new TransformStream({
      transform(chunk, controller) {
        if (chunk === undefined) throw new TypeError('TextDecoderStream: a chunk is undefined: it must be an ArrayBuffer or a view of one.');
        const text = decoder.decode(internal.bytesOf(chunk), { stream: true });
        if (text !== '') controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== '') controller.enqueue(text);
      },
    });
  }
  get encoding() { return this.#decoder.encoding; }
  get fatal() { return this.#decoder.fatal; }
  get ignoreBOM() { return this.#decoder.ignoreBOM; }
  get readable() { return this.#stream.readable; }
  get writable() { return this.#stream.writable; }
}
Object.defineProperty(TextDecoderStream, 'length', { value: 0 });
internal.shapeInterface(TextDecoderStream);

return { TextEncoderStream, TextDecoderStream };
