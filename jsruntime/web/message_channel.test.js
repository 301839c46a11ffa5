// HTML 9.4: channels, ports, what a message carries.

const next = (port, type = 'message') => new Promise((resolve) => port.addEventListener(type, resolve, { once: true }));

test('interfaces', () => {
  checkInterface('MessageChannel', 0, ['port1', 'port2']);
  checkInterface('MessagePort', 0, ['postMessage', 'start', 'close', 'onmessage', 'onmessageerror', 'onclose']);
  throws(() => new MessagePort(), TypeError);
  ok(new MessageChannel().port1 instanceof EventTarget);
  equal(MessagePort.prototype.postMessage.length, 1);
});

test('messages are cloned at once, arrive later, in order', async () => {
  const { port1, port2 } = new MessageChannel();
  const seen = [];
  const value = { n: 1, when: new Date(5), map: new Map([[1, bytes(1)]]) };
  const done = new Promise((resolve) => {
    port2.onmessage = (event) => {
      seen.push(event.data);
      if (seen.length === 2) resolve(event);
    };
  });
  port1.postMessage(value);
  value.n = 2;
  port1.postMessage('second');
  same(seen, []);
  const event = await done;
  same(seen, [{ n: 1, when: new Date(5), map: new Map([[1, bytes(1)]]) }, 'second']);
  ok(event instanceof MessageEvent && event.isTrusted && event.target === port2);
  same([event.origin, event.lastEventId, event.source, event.ports.length], ['', '', null, 0]);
  throws(() => port1.postMessage(() => {}), 'DataCloneError');
});

test('a port queues until it is started', async () => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage('early');
  await new Promise((resolve) => setTimeout(resolve, 1));
  const message = next(port2);
  port2.start();
  equal((await message).data, 'early');
});

test('transfer: buffers are detached, ports move with what they have queued', async () => {
  const { port1, port2 } = new MessageChannel();
  port2.start();
  const buffer = bytes(1, 2, 3).buffer;
  const inner = new MessageChannel();
  inner.port1.postMessage('queued');
  port1.postMessage({ buffer, port: inner.port2 }, [buffer, inner.port2]);
  equal(buffer.byteLength, 0);
  throws(() => structuredClone(inner.port2, { transfer: [inner.port2] }), 'DataCloneError');
  const event = await next(port2);
  same([...new Uint8Array(event.data.buffer)], [1, 2, 3]);
  ok(event.ports.length === 1 && event.ports[0] === event.data.port);
  const queued = next(event.data.port);
  event.data.port.start();
  equal((await queued).data, 'queued');
  const back = next(inner.port1);
  inner.port1.start();
  event.data.port.postMessage('back', { transfer: [] });
  equal((await back).data, 'back');
});

test('what cannot be transferred', () => {
  const { port1, port2 } = new MessageChannel();
  throws(() => port1.postMessage(1, [port1]), 'DataCloneError');
  throws(() => port1.postMessage(port2), 'DataCloneError');
  throws(() => port1.postMessage(1, [{}]), 'DataCloneError');
  const buffer = new ArrayBuffer(1);
  throws(() => port1.postMessage(1, [buffer, buffer]), 'DataCloneError');
  throws(() => port1.postMessage(1, 7), TypeError);
});

test('close: nothing arrives any more, the other end hears of it', async () => {
  const { port1, port2 } = new MessageChannel();
  let got = 0;
  port2.onmessage = () => { ++got; };
  const closed = next(port2, 'close');
  port1.close();
  port1.postMessage('lost');
  port2.postMessage('lost');
  await closed;
  equal(got, 0);
});

test('BroadcastChannel reaches all others of its name, in order, until they are closed', async () => {
  const [a, b, c, other] = [new BroadcastChannel('n'), new BroadcastChannel('n'), new BroadcastChannel('n'), new BroadcastChannel('m')];
  const heard = [];
  for (const [name, channel] of Object.entries({ a, b, c, other })) channel.onmessage = ({ data }) => heard.push(`${name} ${data.x}`);
  const message = { x: 1 };
  a.postMessage(message);
  message.x = 2;
  c.close();
  b.postMessage(message);
  await new Promise((resolve) => setTimeout(resolve));
  same(heard, ['b 1', 'a 2']);
  equal(a.name, 'n');
  throws(() => a.postMessage(() => {}), 'DataCloneError');
  b.close();
  throws(() => a.postMessage(() => {}), 'DataCloneError', 'also where nobody listens');
  throws(() => b.postMessage(1), 'InvalidStateError');
  throws(() => BroadcastChannel('n'), TypeError);
});
