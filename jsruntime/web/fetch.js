// fetch(): the function itself, and who is told of what the native side has to tell. What fetch() does is in fetch_calls.js, from the first
// call on.
//
//   internal.fetchEvent(id, event)   what the native side has to tell: see TellFetch in v8_isolate_fetches.cc
//   internal.startCall(call, request)   for what is made of requests: `call` is told of its events by onHead, onError, onWritable and
//     onMessage until endCall(call). Null, or [code, message] where it cannot be made

const kHead = 0, kReadable = 1, kError = 2, kWritable = 3, kRewind = 4;

const calls = new Map();  // id -> Call

internal.startCall = (call, request) => {
  const id = native.fetchStart(request);
  if (typeof id !== 'number') {
    const text = typeof id === 'string' ? id : 'protocol:the request cannot be made';
    const colon = text.indexOf(':');
    return [text.slice(0, colon), text.slice(colon + 1)];
  }
  call.id = id;
  calls.set(id, call);
  return null;
};
internal.endCall = (call) => { calls.delete(call.id); };

internal.fetchEvent = (id, event) => {
  const call = calls.get(id);
  if (call === undefined) return;
  switch (event[0]) {
    case kHead: return call.onHead(event);
    case kReadable: return call.onReadable();
    case kError: return call.onError(event[1], event[2]);
    case kWritable: return call.onWritable(event[1]);
    case kRewind: return call.onRewind();
    default: return call.onMessage(event);
  }
};

function fetch(input, init = undefined) {
  return new Promise((resolve, reject) => {
    internal.requireArguments(arguments.length, 1, 'fetch');
    const request = new internal.Request(input, init);
    internal.lazy('fetch_calls.js').start(request, { resolve, reject });
  });
}
internal.fetch = fetch;
internal.exposeOperation('fetch', fetch);
