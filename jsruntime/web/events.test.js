// Event and EventTarget (DOM standard 2).

test('an event as made', () => {
  const event = new Event('x');
  same([event.type, event.bubbles, event.cancelable, event.composed, event.defaultPrevented, event.returnValue, event.cancelBubble,
    event.eventPhase, event.target, event.currentTarget, event.srcElement, event.isTrusted],
  ['x', false, false, false, false, true, false, 0, null, null, null, false]);
  same(event.composedPath(), []);
  ok(event.timeStamp >= 0);
  const other = new Event('y', { bubbles: true, cancelable: 1, composed: 'yes' });
  same([other.bubbles, other.cancelable, other.composed], [true, true, true]);
  equal(new Event(undefined).type, 'undefined');
  throws(() => new Event(), TypeError);
  throws(() => new Event('x', 1), TypeError);
  equal(new Event('x', null).type, 'x');
  same([Event.NONE, Event.CAPTURING_PHASE, Event.AT_TARGET, Event.BUBBLING_PHASE, event.AT_TARGET], [0, 1, 2, 3, 2]);
});

test('dispatch: order, this, target, phase', () => {
  const target = new EventTarget();
  const log = [];
  target.addEventListener('x', function (event) {
    log.push('first', this === target, event.target === target, event.currentTarget === target, event.eventPhase,
      event.composedPath()[0] === target);
  });
  target.addEventListener('x', { handleEvent(event) { log.push('object', this.handleEvent !== undefined, event.type); } });
  target.addEventListener('y', () => log.push('never'));
  const event = new Event('x');
  equal(target.dispatchEvent(event), true);
  same(log, ['first', true, true, true, 2, true, 'object', true, 'x']);
  same([event.eventPhase, event.currentTarget, event.target === target, event.composedPath().length], [0, null, true, 0]);
});

test('capturing listeners of the target run first', () => {
  const target = new EventTarget();
  const log = [];
  target.addEventListener('x', () => log.push('bubble'));
  target.addEventListener('x', () => log.push('capture'), true);
  target.dispatchEvent(new Event('x'));
  same(log, ['capture', 'bubble']);
});

test('the same listener counts once, capture apart', () => {
  const target = new EventTarget();
  let count = 0;
  const listener = () => ++count;
  target.addEventListener('x', listener);
  target.addEventListener('x', listener, { once: true });
  target.addEventListener('x', listener, true);
  target.dispatchEvent(new Event('x'));
  equal(count, 2);
  target.removeEventListener('x', listener);
  target.dispatchEvent(new Event('x'));
  equal(count, 3);
  target.removeEventListener('x', listener, { capture: true });
  target.dispatchEvent(new Event('x'));
  equal(count, 3);
});

test('once, passive, preventDefault', () => {
  const target = new EventTarget();
  let count = 0;
  target.addEventListener('x', () => ++count, { once: true });
  target.dispatchEvent(new Event('x'));
  target.dispatchEvent(new Event('x'));
  equal(count, 1);

  target.addEventListener('p', (event) => event.preventDefault(), { passive: true });
  equal(target.dispatchEvent(new Event('p', { cancelable: true })), true);
  target.addEventListener('q', (event) => event.preventDefault());
  equal(target.dispatchEvent(new Event('q', { cancelable: true })), false);
  equal(target.dispatchEvent(new Event('q')), true);
  const event = new Event('x', { cancelable: true });
  event.returnValue = false;
  ok(event.defaultPrevented);
});

test('once removes before the call', () => {
  const target = new EventTarget();
  let count = 0;
  target.addEventListener('x', () => {
    if (++count < 5) target.dispatchEvent(new Event('x'));
  }, { once: true });
  target.dispatchEvent(new Event('x'));
  equal(count, 1);
});

test('a stopped event', () => {
  const target = new EventTarget();
  const log = [];
  target.addEventListener('x', (event) => { log.push(1); event.stopPropagation(); });
  target.addEventListener('x', (event) => { log.push(2); event.stopImmediatePropagation(); });
  target.addEventListener('x', () => log.push(3));
  const event = new Event('x');
  target.dispatchEvent(event);
  same(log, [1, 2]);
  equal(event.cancelBubble, false);
  target.dispatchEvent(event);
  same(log, [1, 2, 1, 2]);
  const stopped = new Event('x');
  stopped.stopPropagation();
  equal(stopped.cancelBubble, true);
  target.dispatchEvent(stopped);
  same(log, [1, 2, 1, 2]);
});

test('listeners added or removed meanwhile', () => {
  const target = new EventTarget();
  const log = [];
  const late = () => log.push('late');
  const gone = () => log.push('gone');
  target.addEventListener('x', () => {
    log.push('first');
    target.addEventListener('x', late);
    target.removeEventListener('x', gone);
  });
  target.addEventListener('x', gone);
  target.dispatchEvent(new Event('x'));
  same(log, ['first']);
  target.dispatchEvent(new Event('x'));
  same(log, ['first', 'first', 'late']);
});

test('signal takes a listener back', () => {
  const target = new EventTarget();
  const controller = new AbortController();
  let count = 0;
  target.addEventListener('x', () => ++count, { signal: controller.signal });
  target.dispatchEvent(new Event('x'));
  controller.abort();
  target.dispatchEvent(new Event('x'));
  equal(count, 1);
  target.addEventListener('x', () => ++count, { signal: controller.signal });
  target.dispatchEvent(new Event('x'));
  equal(count, 1);
  throws(() => target.addEventListener('x', () => {}, { signal: null }), TypeError);
  throws(() => target.addEventListener('x', () => {}, { signal: {} }), TypeError);
});

test('a listener that throws does not stop the others', () => {
  const target = new EventTarget();
  let reached = false;
  target.addEventListener('x', () => { throw new Error('expected by the test'); });
  target.addEventListener('x', {});
  target.addEventListener('x', () => { reached = true; });
  equal(target.dispatchEvent(new Event('x')), true);
  ok(reached);
});

test('an event cannot be dispatched twice at once', () => {
  const target = new EventTarget();
  const event = new Event('x');
  let error;
  target.addEventListener('x', () => {
    try {
      new EventTarget().dispatchEvent(event);
    } catch (caught) {
      error = caught;
    }
  });
  target.dispatchEvent(event);
  checkError(error, 'InvalidStateError');
  throws(() => target.dispatchEvent({}), TypeError);
  throws(() => target.dispatchEvent(), TypeError);
});

test('listeners: null, wrong kinds, too few arguments', () => {
  const target = new EventTarget();
  equal(target.addEventListener('x', null), undefined);
  equal(target.removeEventListener('x', null), undefined);
  throws(() => target.addEventListener('x', 'text'), TypeError);
  throws(() => target.addEventListener('x'), TypeError);
  throws(() => target.removeEventListener('x'), TypeError);
  throws(() => EventTarget.prototype.addEventListener.call({}, 'x', () => {}), TypeError);
  throws(() => EventTarget.prototype.addEventListener.call({}, 'x', null), TypeError);
});

test('subclasses of Event and EventTarget', () => {
  class Bus extends EventTarget {
    emit(detail) { return this.dispatchEvent(new CustomEvent('message', { detail })); }
  }
  const bus = new Bus();
  let got;
  bus.addEventListener('message', (event) => { got = event.detail; });
  bus.emit({ a: 1 });
  same(got, { a: 1 });
  equal(new CustomEvent('x').detail, null);
  equal(new CustomEvent('x', { detail: undefined }).detail, null);
  throws(() => new CustomEvent(), TypeError);
});

test('initEvent', () => {
  const event = new Event('a');
  event.initEvent('b', true, true);
  same([event.type, event.bubbles, event.cancelable], ['b', true, true]);
});

test('ErrorEvent, PromiseRejectionEvent, MessageEvent', () => {
  const reason = new Error('r');
  const error = new ErrorEvent('error', { message: 'm', filename: 'f', lineno: 1, colno: 2, error: reason, cancelable: true });
  same([error.message, error.filename, error.lineno, error.colno, error.error === reason, error.cancelable, error instanceof Event],
    ['m', 'f', 1, 2, true, true, true]);
  const empty = new ErrorEvent('error');
  same([empty.message, empty.filename, empty.lineno, empty.colno, empty.error], ['', '', 0, 0, undefined]);
  const promise = Promise.resolve();
  const rejection = new PromiseRejectionEvent('unhandledrejection', { promise, reason });
  ok(rejection.promise === promise && rejection.reason === reason);
  throws(() => new PromiseRejectionEvent('x'), TypeError);
  throws(() => new PromiseRejectionEvent('x', {}), TypeError);
  const message = new MessageEvent('message', { data: 1, origin: 'o', lastEventId: 'l', ports: [] });
  same([message.data, message.origin, message.lastEventId, message.source, message.ports.length], [1, 'o', 'l', null, 0]);
  ok(Object.isFrozen(message.ports));
});

test('reportError does not throw', () => {
  equal(reportError(new Error('expected by the test')), undefined);
  throws(() => reportError(), TypeError);
});

test('interfaces', () => {
  checkInterface('Event', 1, ['type', 'target', 'srcElement', 'currentTarget', 'composedPath', 'eventPhase', 'stopPropagation', 'cancelBubble',
    'stopImmediatePropagation', 'bubbles', 'cancelable', 'returnValue', 'preventDefault', 'defaultPrevented', 'composed', 'isTrusted',
    'timeStamp', 'initEvent']);
  checkInterface('EventTarget', 0, ['addEventListener', 'removeEventListener', 'dispatchEvent']);
  checkInterface('CustomEvent', 1, ['detail']);
  checkInterface('ErrorEvent', 1, ['message', 'filename', 'lineno', 'colno', 'error']);
  checkInterface('PromiseRejectionEvent', 2, ['promise', 'reason']);
  checkInterface('MessageEvent', 1, ['data', 'origin', 'lastEventId', 'source', 'ports']);
  equal(EventTarget.prototype.addEventListener.length, 2);
  equal(EventTarget.prototype.dispatchEvent.length, 1);
});
