// Modules of Node's for what a function has not: they can be imported, and what is used of them says why it is not there.
import { EventEmitter } from 'node:events';
import fs, { existsSync, readFile, statSync } from 'node:fs';
import { readFile as readLater } from 'node:fs/promises';
import { builtinModules, isBuiltin, require as bundled } from 'node:module';
import child_process, { spawn } from 'child_process';
import cluster from 'cluster';
import diagnostics from 'node:diagnostics_channel';
import dns from 'dns';
import { AsyncLocalStorage } from 'node:async_hooks';
import net, { isIP, isIPv6 } from 'net';
import os from 'os';
import { performance as nodes } from 'perf_hooks';
import punycode from 'punycode';
import tls from 'tls';
import tty from 'tty';
import vm from 'node:vm';
import { isMainThread } from 'worker_threads';
import { Console } from 'node:console';

const after = (start) => new Promise((resolve) => start((...values) => resolve(values)));

test('every module of Node can be imported', async () => {
  ok(builtinModules.length > 50 && builtinModules.includes('fs') && builtinModules.includes('node:test'));
  for (const name of builtinModules) {
    const whole = name.startsWith('node:') ? name : `node:${name}`;
    ok(isBuiltin(whole), name);
    const module = await import(whole);
    ok(module.default !== undefined && bundled(whole) === module.default, name);
  }
});

test('what is called says what there is instead', async () => {
  const error = throws(() => spawn('ls'), Error);
  equal(error.code, 'ERR_METHOD_NOT_IMPLEMENTED');
  ok(error.message.includes('node:child_process.spawn') && error.message.includes('ctx.waitUntil'), error.message);
  throws(() => new vm.Script('1'), Error);
  class Mine extends child_process.ChildProcess {}
  ok(!(({}) instanceof Mine));
  throws(() => new Mine(), Error);
  equal((await rejects(bundled('dns/promises').lookupService('1.1.1.1', 1), Error)).code, 'ERR_METHOD_NOT_IMPLEMENTED');
});

test('an empty file system that takes nothing', async () => {
  const error = throws(() => fs.readFileSync('/etc/passwd'), Error);
  same([error.code, error.syscall, error.path, error.errno], ['ENOENT', 'open', '/etc/passwd', -2]);
  ok(error.message.includes('file system') && error.message.includes('fetch()'), error.message);
  equal(existsSync('/'), false);
  equal(statSync('/x', { throwIfNoEntry: false }), undefined);
  equal((await after((done) => readFile('x', 'utf8', done)))[0].code, 'ENOENT');
  equal((await rejects(readLater('x'), Error)).code, 'ENOENT');
  equal((await rejects(fs.promises.writeFile('x', 'y'), Error)).code, 'EROFS');
  equal(throws(() => fs.writeFileSync('x', 'y'), Error).code, 'EROFS');
  equal(throws(() => fs.openSync('x', 'w'), Error).code, 'EROFS');
  equal(throws(() => fs.openSync('x', 'r'), Error).code, 'ENOENT');
  fs.rmSync('x', { force: true });
  equal((await after((done) => fs.createReadStream('x').on('error', done)))[0].code, 'ENOENT');
  equal((await after((done) => fs.createWriteStream('x').on('error', done)))[0].code, 'EROFS');
  equal(fs.writeSync(1, 'a line\n'), 7);
  equal(throws(() => fs.writeSync(5, 'x'), Error).code, 'EBADF');
});

test('addresses', () => {
  for (const address of ['::', '::1', 'fe80::1%eth0', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1::8', '2001:db8::a']) ok(isIPv6(address), address);
  for (const address of ['', ':', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', 'g::', '12345::', '::1.2.3.256', '1:2:3:4:5:6:7::8']) ok(!isIPv6(address), address);
  same(['1.2.3.4', '1.2.3', '01.2.3.4', '256.1.1.1', '::1', 'host'].map(isIP), [4, 0, 0, 0, 6, 0]);
});

test('sockets and names', async () => {
  const socket = net.connect(80, 'host');
  ok(socket instanceof net.Socket);
  ok((await after((done) => socket.on('error', done)))[0].message.includes('fetch()'));
  ok(tls.connect({}).on('error', () => {}) instanceof tls.TLSSocket);
  same((await after((done) => dns.lookup('localhost', done))), [null, '127.0.0.1', 4]);
  same((await dns.promises.lookup('::1', { all: true })), [{ address: '::1', family: 6 }]);
  equal((await after((done) => dns.lookup('example.com', done)))[0].code, 'ENOTFOUND');
  equal((await rejects(dns.promises.resolve4('example.com'), Error)).code, 'ENOTFOUND');
});

test('the machine is nobody\'s', () => {
  same([os.platform(), os.EOL, os.cpus(), os.tmpdir(), os.hostname()], ['linux', '\n', [], '/tmp', 'localhost']);
  equal(os.constants.signals.SIGTERM, 15);
  ok(isMainThread && cluster.isPrimary && !tty.isatty(1));
  ok(nodes.now() >= 0 && nodes.timeOrigin === performance.timeOrigin);
  equal(punycode.toASCII('m\u00fcnchen.de'), 'xn--mnchen-3ya.de');
  const lines = [];
  new Console(Object.assign(new EventEmitter(), { write: (line) => lines.push(line) })).log('a %s', 'b');
  same(lines, ['a b\n']);
});

test('diagnostics channels', async () => {
  const got = [];
  const channel = diagnostics.channel('test');
  equal(diagnostics.channel('test'), channel);
  channel.publish('nobody');
  const listener = (message, name) => got.push([message, name]);
  diagnostics.subscribe('test', listener);
  ok(channel.hasSubscribers && diagnostics.hasSubscribers('test'));
  channel.publish(1);
  ok(diagnostics.unsubscribe('test', listener) && !channel.unsubscribe(listener));
  channel.publish(2);
  same(got, [[1, 'test']]);
  const store = new AsyncLocalStorage();
  channel.bindStore(store, (message) => message.id);
  equal(channel.runStores({ id: 7 }, () => store.getStore()), 7);
  const traced = [];
  const tracing = diagnostics.tracingChannel('work');
  const note = (event) => (context) => traced.push(`${event}${context.result ?? context.error?.message ?? ''}`);
  tracing.subscribe(Object.fromEntries(['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => [event, note(event)])));
  equal(tracing.traceSync(() => 5), 5);
  equal(await tracing.tracePromise(async () => 6), 6);
  throws(() => tracing.traceSync(() => { throw new Error('no'); }), Error);
  same(traced, ['start', 'end5', 'start', 'end', 'asyncStart6', 'asyncEnd6', 'start', 'errorno', 'endno']);
});
