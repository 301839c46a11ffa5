// node:console: the global console, and its class over streams of one's own.
const { errors } = require('zts:library');

const show = (values) => internal.lazy('format.js').format(...values);
const isStream = (stream) => typeof stream?.write === 'function';
function streamOf(stream, name) {
  if (isStream(stream)) return stream;
  throw Object.assign(new TypeError(`Console expects a writable stream instance for ${name}`), { code: 'ERR_CONSOLE_WRITABLE_STREAM' });
}

// Also without `new`. Its methods are its own, so that they can be handed around.
function Console(options, ...rest) {
  if (new.target === undefined) return new Console(options, ...rest);
  const given = isStream(options) || options === undefined ? { stdout: options, stderr: rest[0], ignoreErrors: rest[1] } : options;
  const { ignoreErrors = true, groupIndentation = 2 } = given;
  if (!Number.isInteger(groupIndentation) || groupIndentation < 0 || groupIndentation > 1000) {
    throw new errors.codes.ERR_OUT_OF_RANGE('groupIndentation', '>= 0 && <= 1000', groupIndentation);
  }
  const stdout = streamOf(given.stdout, 'stdout');
  const stderr = streamOf(given.stderr ?? stdout, 'stderr');
  const counts = new Map();
  const times = new Map();
  let indent = '';

  const write = (stream, text) => {
    const lines = indent === '' ? text : indent + text.replaceAll('\n', `\n${indent}`);
    try {
      stream.write(`${lines}\n`);
    } catch (error) {
      if (!ignoreErrors) throw error;
    }
  };
  const out = (...values) => write(stdout, show(values));
  const err = (...values) => write(stderr, show(values));
  const elapsed = (label, values) => {
    if (!times.has(label)) return err(`Warning: No such label '${label}' for console.timeEnd()`);
    return out(`${label}: ${(performance.now() - times.get(label)).toFixed(3)}ms`, ...values);
  };
  const own = {
    log: out, info: out, debug: out, error: err, warn: err,
    dir: (value, settings) => write(stdout, require('util').inspect(value, settings)),
    dirxml: out,
    table: (data) => out(data),
    assert: (condition, ...values) => {
      if (condition) return;
      if (typeof values[0] === 'string') values[0] = `Assertion failed: ${values[0]}`;
      else values.unshift('Assertion failed');
      err(...values);
    },
    trace: (...values) => {
      const trace = { name: 'Trace', message: values.length > 0 ? show(values) : '' };
      Error.captureStackTrace(trace, own.trace);
      write(stderr, trace.stack);
    },
    count: (label = 'default') => {
      const count = (counts.get(`${label}`) ?? 0) + 1;
      counts.set(`${label}`, count);
      out(`${label}: ${count}`);
    },
    countReset: (label = 'default') => {
      if (!counts.delete(`${label}`)) err(`Warning: Count for '${label}' does not exist`);
    },
    group: (...values) => {
      if (values.length > 0) out(...values);
      indent += ' '.repeat(groupIndentation);
    },
    groupEnd: () => { indent = indent.slice(groupIndentation); },
    time: (label = 'default') => {
      if (times.has(`${label}`)) err(`Warning: Label '${label}' already exists for console.time()`);
      else times.set(`${label}`, performance.now());
    },
    timeLog: (label = 'default', ...values) => elapsed(`${label}`, values),
    timeEnd: (label = 'default') => {
      elapsed(`${label}`, []);
      times.delete(`${label}`);
    },
    clear: () => {},
  };
  own.groupCollapsed = own.group;
  Object.assign(this, own);
}

const own = {};
for (const name of Object.keys(console)) own[name] = console[name];
module.exports = Object.assign(own, { Console });
