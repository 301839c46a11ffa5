// EventSource (HTML standard 9.2): server-sent events, read from a fetch() of the same invocation. Lazy.
//
// Its connections are outgoing requests like others: the allow-list, the limit of sub-requests and the end of the invocation hold for them,
// so that one that is never closed ends with what it was made in.

const kConnecting = 0, kOpen = 1, kClosed = 2;
const kReconnectDefault = 3000;  // ms, until the server says otherwise by `retry:`
// The codes of fetch() that speak of the network as it is now; what a policy or a limit refuses is refused the next time too.
const kWorthAnotherTry = ['dns', 'connect', 'tls', 'timeout', 'unavailable'];

// A field value is bytes: those of the text's UTF-8.
const utf8Field = (text) => String.fromCharCode(...new internal.TextEncoder().encode(text));

// Lines and fields of a text/event-stream (9.2.5, 9.2.6), of text as it arrives.
class EventParser {
  #rest = '';
  #afterReturn = false;  // a line feed that comes first belongs to the line before
  #data = [];
  #type = '';
  #id;
  #on;

  // `on.event(type, data, id)`, `on.retry(milliseconds)`.
  constructor(lastId, on) {
    this.#id = lastId;
    this.#on = on;
  }

  push(text) {
    if (text === '') return;
    if (this.#afterReturn && text[0] === '\n') text = text.slice(1);
    this.#afterReturn = text === '' ? false : text.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return;  // a comment
    if (colon < 0) return this.#field(line, '');
    this.#field(line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1));
  }

  #field(name, value) {
    switch (name) {
      case 'event': this.#type = value; return;
      case 'data': this.#data.push(value); return;
      case 'id': if (!value.includes('\0')) this.#id = value; return;
      case 'retry': if (/^[0-9]+$/.test(value)) this.#on.retry(Number(value)); return;
    }
  }

  #dispatch() {
    const data = this.#data, type = this.#type;
    this.#data = [];
    this.#type = '';
    this.#on.event(type === '' ? 'message' : type, data, this.#id);
  }
}

class EventSource extends internal.EventTarget {
  #url;
  #withCredentials;
  #state = kConnecting;
  #abort = null;        // of the connection there is
  #timer = undefined;   // of the next one
  #reconnect = kReconnectDefault;
  #lastId = '';

  constructor(url, init = undefined) {
    internal.required(arguments.length, 1, 'EventSource constructor');
    super();
    const parsed = internal.URL.parse(`${url}`);
    if (parsed === null) throw internal.domException(`EventSource: '${url}' is not an absolute URL`, 'SyntaxError');
    this.#url = parsed.href;
    this.#withCredentials = !!init?.withCredentials;
    this.#connect();
  }

  get url() { return this.#url; }
  get withCredentials() { return this.#withCredentials; }
  get readyState() { return this.#state; }

  close() {
    this.#state = kClosed;
    internal.stopTimer(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }

  async #connect() {
    const abort = this.#abort = new internal.AbortController();
    const headers = { accept: 'text/event-stream', 'cache-control': 'no-store' };
    if (this.#lastId !== '') headers['last-event-id'] = utf8Field(this.#lastId);
    let response = null;
    try {
      response = await internal.fetch(this.#url, { headers, signal: abort.signal });
    } catch (error) {
      if (abort.signal.aborted) return;
      return kWorthAnotherTry.includes(error?.code) ? this.#again() : this.#fail();
    }
    const type = internal.lazy('mime.js').mimeEssence(response.headers.get('content-type') ?? '');
    if (response.status !== 200 || type !== 'text/event-stream') return this.#fail();
    this.#state = kOpen;
    internal.fire(this, new internal.Event('open'));
    if (response.body !== null) await this.#read(response, abort.signal);
    if (!abort.signal.aborted) this.#again();
  }

  // Until the stream ends or is closed.
  async #read(response, signal) {
    const decoder = new internal.TextDecoder();
    const { origin } = new internal.URL(response.url);
    const parser = new EventParser(this.#lastId, {
      retry: (milliseconds) => { this.#reconnect = milliseconds; },
      event: (type, data, id) => {
        if (signal.aborted) return;
        this.#lastId = id;
        if (data.length === 0) return;
        internal.fire(this, new (internal.lazy('event_classes.js').MessageEvent)(type, { data: data.join('\n'), origin, lastEventId: id }));
      },
    });
    const reader = internal.lazy('streams.js').reader(response.body);
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || signal.aborted) return;
        parser.push(decoder.decode(value, { stream: true }));
      }
    } catch {
      // A connection that broke is one that ended.
    }
  }

  #again() {
    this.#abort = null;
    this.#state = kConnecting;
    internal.fire(this, new internal.Event('error'));
    if (this.#state !== kConnecting) return;
    this.#timer = internal.startTimer(() => { if (this.#state === kConnecting) this.#connect(); }, this.#reconnect);
  }

  #fail() {
    this.close();
    internal.fire(this, new internal.Event('error'));
  }
}
for (const [name, value] of [['CONNECTING', kConnecting], ['OPEN', kOpen], ['CLOSED', kClosed]]) {
  for (const object of [EventSource, EventSource.prototype]) Object.defineProperty(object, name, { value, enumerable: true });
}
for (const type of ['open', 'message', 'error']) internal.defineHandler(EventSource, type);
internal.shapeInterface(EventSource);

return { EventSource };
