// Lazy: a Response that a package has made of a class of its own - a ponyfill, node-fetch, undici - and that a handler returns. Returns
//
//   adopt(value)   a Response with its status, header and body; undefined where the value is nothing of the kind

// A chunk may be of any kind that Node's streams have, too.
const encoder = new TextEncoder();
const bytesOf = (chunk) => (typeof chunk === 'string' ? encoder.encode(chunk)
  : ArrayBuffer.isView(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : new Uint8Array(chunk));

function piecesOf(body) {
  if (typeof body.getReader !== 'function') return body[Symbol.asyncIterator]();
  const reader = body.getReader();
  return { next: () => reader.read(), return: (reason) => reader.cancel(reason) };
}

function streamOf(body) {
  const pieces = piecesOf(body);
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(bytesOf(value));
    },
    cancel: (reason) => pieces.return?.(reason),
  }, { highWaterMark: 0 });
}

const isStream = (body) => typeof body === 'object' && body !== null &&
    (typeof body.getReader === 'function' || typeof body[Symbol.asyncIterator] === 'function');

function adopt(value) {
  if (typeof value !== 'object' || value === null || !Number.isInteger(value.status) || typeof value.arrayBuffer !== 'function' ||
      typeof value.headers?.forEach !== 'function') {
    return undefined;
  }
  const { status, statusText, body } = value;
  const headers = new internal.Headers();
  value.headers.forEach((text, name) => headers.append(name, text));
  return new internal.Response(isStream(body) ? streamOf(body) : body ?? null, { status, statusText: statusText ?? '', headers });
}

return { adopt };
