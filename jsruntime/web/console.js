// console: each call becomes one record with a severity, formatted like an inspector does.

const kSeverity = { debug: 0, info: 1, log: 2, warn: 3, error: 4 };
const counts = new Map();
const timers = new Map();
const kPlainMax = 16384;  // what format.js cuts it at
let indent = '';

// Primitive values are what most calls are about, and need no formatter. Undefined: these do, or are too long.
function plain(values) {
  let out = '';
  for (let i = 0; i < values.length; ++i) {
    const value = values[i];
    switch (typeof value) {
      case 'string':
        if (i === 0 && values.length > 1 && value.includes('%')) return undefined;
        break;
      case 'number':
        if (value === 0 && 1 / value < 0) return undefined;
        break;
      case 'boolean': case 'undefined': break;
      default: if (value !== null) return undefined;
    }
    out += i === 0 ? `${value}` : ` ${value}`;
  }
  return out.length <= kPlainMax ? out : undefined;
}

function format(values) {
  try {
    return plain(values) ?? internal.lazy('format.js').format(...values);
  } catch (error) {
    return `[console: the value cannot be shown: ${error}]`;
  }
}

function write(severity, values) {
  const text = format(values);
  native.consoleWrite(severity, indent === '' ? text : indent + text.replaceAll('\n', `\n${indent}`));
}

// A table of rows and columns as text; anything that is no table is shown as it is.
function tableText(data, columns) {
  if (typeof data !== 'object' || data === null) return null;
  const rows = data instanceof Map ? [...data] : Object.keys(data).map((key) => [key, data[key]]);
  const heads = [];
  let hasValues = false;
  for (const [, row] of rows) {
    if (typeof row !== 'object' || row === null) {
      hasValues = true;
      continue;
    }
    for (const key of columns ?? Object.keys(row)) if (!heads.includes(key)) heads.push(key);
  }
  const cell = (value) => (typeof value === 'string' ? `'${value}'` : format([value]));
  const lines = [['(index)', ...heads, ...(hasValues ? ['Values'] : [])]];
  for (const [key, row] of rows) {
    const isRow = typeof row === 'object' && row !== null;
    const line = [String(key), ...heads.map((head) => (isRow && Object.hasOwn(row, head) ? cell(row[head]) : ''))];
    if (hasValues) line.push(isRow ? '' : cell(row));
    lines.push(line);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const draw = (line) => `\u2502 ${line.map((text, i) => text.padEnd(widths[i])).join(' \u2502 ')} \u2502`;
  const rule = (left, middle, right) => left + widths.map((width) => '\u2500'.repeat(width + 2)).join(middle) + right;
  return [rule('\u250c', '\u252c', '\u2510'), draw(lines[0]), rule('\u251c', '\u253c', '\u2524'), ...lines.slice(1).map(draw),
          rule('\u2514', '\u2534', '\u2518')].join('\n');
}

const elapsed = (label) => {
  const start = timers.get(label);
  return start === undefined ? null : `${(native.monotonicMillis() - start).toFixed(3)}ms`;
};

const methods = {
  debug(...values) { write(kSeverity.debug, values); },
  info(...values) { write(kSeverity.info, values); },
  log(...values) { write(kSeverity.log, values); },
  warn(...values) { write(kSeverity.warn, values); },
  error(...values) { write(kSeverity.error, values); },
  trace(...values) {
    const stack = new Error().stack.split('\n').slice(2).join('\n');
    write(kSeverity.debug, [`Trace${values.length > 0 ? ': ' + format(values) : ''}\n${stack}`]);
  },
  assert(condition = false, ...values) {
    if (condition) return;
    if (typeof values[0] === 'string') {
      values[0] = `Assertion failed: ${values[0]}`;
    } else {
      values.unshift('Assertion failed');
    }
    write(kSeverity.error, values);
  },
  count(label = 'default') {
    const key = String(label);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    write(kSeverity.info, [`${key}: ${count}`]);
  },
  countReset(label = 'default') {
    if (!counts.delete(String(label))) write(kSeverity.warn, [`Count for '${label}' does not exist`]);
  },
  time(label = 'default') {
    const key = String(label);
    if (timers.has(key)) {
      write(kSeverity.warn, [`Timer '${key}' already exists`]);
      return;
    }
    timers.set(key, native.monotonicMillis());
  },
  timeLog(label = 'default', ...values) {
    const took = elapsed(String(label));
    if (took === null) {
      write(kSeverity.warn, [`Timer '${label}' does not exist`]);
    } else {
      write(kSeverity.log, [`${label}: ${took}`, ...values]);
    }
  },
  timeEnd(label = 'default') {
    const took = elapsed(String(label));
    if (took === null) {
      write(kSeverity.warn, [`Timer '${label}' does not exist`]);
      return;
    }
    timers.delete(String(label));
    write(kSeverity.info, [`${label}: ${took}`]);
  },
  table(data = undefined, columns = undefined) {
    const text = tableText(data, columns);
    write(kSeverity.log, [text === null ? data : text]);
  },
  dir(value = undefined) { write(kSeverity.log, [value]); },
  dirxml(...values) { write(kSeverity.log, values); },
  group(...values) {
    if (values.length > 0) write(kSeverity.log, values);
    if (indent.length < 32) indent += '  ';
  },
  groupCollapsed(...values) { methods.group(...values); },
  groupEnd() { indent = indent.slice(2); },
  clear() {},
};

const console = Object.create({});
for (const name of Object.keys(methods)) {
  Object.defineProperty(console, name, { value: methods[name], writable: true, enumerable: true, configurable: true });
}
Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
internal.exposeValue('console', console);

// Says once an isolate what was hardly meant.
const warned = new Set();
internal.warnOnce = (text) => {
  if (warned.has(text)) return;
  warned.add(text);
  write(kSeverity.warn, [text]);
};
