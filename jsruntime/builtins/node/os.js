// node:os: what is the same on every machine; a function does not see its own.
const { absent } = require('zts:absent');

const always = (value) => () => value;
const empty = (made) => () => made();

module.exports = {
  ...absent('os'),
  EOL: '\n', devNull: '/dev/null',
  arch: always('x64'), machine: always('x86_64'), platform: always('linux'), type: always('Linux'), release: always(''), version: always(''),
  endianness: always('LE'), hostname: always('localhost'), homedir: always('/'), tmpdir: always('/tmp'),
  availableParallelism: always(1), cpus: empty(() => []), loadavg: empty(() => [0, 0, 0]), networkInterfaces: empty(() => ({})),
  freemem: always(0), totalmem: always(0), uptime: () => internal.now() / 1000, getPriority: always(0),
  userInfo: empty(() => ({ uid: -1, gid: -1, username: '', homedir: '/', shell: null })),
};
