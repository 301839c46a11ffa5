// node:console: the global console, and its class over streams of one's own.
class Console {
  constructor(stdout, stderr) {
    const out = stdout?.stdout ?? stdout;
    const err = stdout?.stderr ?? stderr ?? out;
    const to = (stream) => (...values) => { stream.write(`${internal.lazy('format.js').format(...values)}\n`); };
    for (const name of ['log', 'info', 'debug', 'dir', 'group', 'table', 'count', 'timeEnd', 'timeLog']) this[name] = to(out);
    for (const name of ['error', 'warn', 'trace', 'assert']) this[name] = to(err);
    this.assert = (condition, ...values) => { if (!condition) this.error('Assertion failed', ...values); };
    this.groupEnd = this.time = this.clear = this.countReset = () => {};
  }
}
const own = {};
for (const name of Object.keys(console)) own[name] = console[name];
module.exports = Object.assign(own, { Console });
