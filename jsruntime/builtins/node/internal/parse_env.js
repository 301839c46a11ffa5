// node:util's parseEnv(): the lines of an .env file, as Node reads them.
//
//   parseEnv(text) -> { NAME: value }
//
// NAME=value, with `export ` before it or not; comments behind #; values in ', " or ` may have several lines, and \n in those in " is one.

const kLine = /^[^\S\n]*(?:export[^\S\n]+)?([^\s=#][^\n=]*?)[^\S\n]*=[^\S\n]*(?:(["'`])([\s\S]*?)\2[^\n]*|([^\n]*))$/gm;

function parseEnv(text) {
  const parsed = {};
  for (const [, name, mark, quoted, plain] of text.replaceAll('\r\n', '\n').matchAll(kLine)) {
    parsed[name] = mark === undefined ? plain.replace(/#.*$/, '').trim() : mark === '"' ? quoted.replaceAll('\\n', '\n') : quoted;
  }
  return parsed;
}

module.exports = { parseEnv };
