// node:fs: an empty file system that takes nothing. What asks for a file hears that there is none, what would write that it may not: both
// are answers that packages know.
const { absent, reasonOf } = require('zts:absent');

const reason = reasonOf('fs');
const fs = absent('fs');

const kErrors = {
  ENOENT: { errno: -2, text: 'no such file or directory' },
  EROFS: { errno: -30, text: 'read-only file system' },
};
function failure(code, syscall, path) {
  const { errno, text } = kErrors[code];
  const error = new Error(`${code}: ${text}, ${syscall} '${path}'. ${reason}`);
  return Object.assign(error, { errno, code, syscall, path: `${path}` });
}

// Names of functions by what they ask for; the call is what Node's errors name.
const kReads = {
  access: 'access', copyFile: 'copyfile', cp: 'cp', lstat: 'lstat', open: 'open', openAsBlob: 'open', opendir: 'opendir', readFile: 'open', readdir: 'scandir',
  readlink: 'readlink', realpath: 'realpath', rename: 'rename', stat: 'stat', statfs: 'statfs', truncate: 'open', unlink: 'unlink', rmdir: 'rmdir',
  chmod: 'chmod', chown: 'chown', lchown: 'lchown', lutimes: 'lutime', utimes: 'utime', link: 'link', watch: 'watch',
};
const kWrites = { appendFile: 'open', mkdir: 'mkdir', mkdtemp: 'mkdtemp', symlink: 'symlink', writeFile: 'open' };

const isWriting = (flags) => (typeof flags === 'string' ? /[wa]/.test(flags) : typeof flags === 'number' && (flags & (fs.constants.O_CREAT ?? 0)) !== 0);
const flagsOf = (name, values) => (name === 'open' ? values[1] : values[1]?.flag);

// `rm` with force is content where there is nothing, and so is `stat` that need not throw.
function outcome(name, [path, ...rest]) {
  if (name === 'rm') return rest[0]?.force ? undefined : failure('ENOENT', 'rm', path);
  if ((name === 'stat' || name === 'lstat') && rest[0]?.throwIfNoEntry === false) return undefined;
  if (name in kWrites) return failure('EROFS', kWrites[name], path);
  return failure(isWriting(flagsOf(name, [path, ...rest])) ? 'EROFS' : 'ENOENT', kReads[name], path);
}

fs.promises = { ...fs.promises };
for (const name of [...Object.keys(kReads), ...Object.keys(kWrites), 'rm']) {
  const sync = (...values) => {
    const error = outcome(name, values);
    if (error !== undefined) throw error;
  };
  const withCallback = (...values) => {
    const callback = values.pop();
    if (typeof callback !== 'function') {
      throw Object.assign(new TypeError('The "cb" argument must be of type function'), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    const error = outcome(name, values);
    queueMicrotask(() => callback(error ?? null));
  };
  if (`${name}Sync` in fs) fs[`${name}Sync`] = sync;
  if (name in fs && name !== 'watch' && name !== 'openAsBlob') fs[name] = withCallback;
  if (name in fs.promises) fs.promises[name] = async (...values) => sync(...values);
}
fs.realpath.native = fs.realpath;
fs.realpathSync.native = fs.realpathSync;
fs.existsSync = () => false;
fs.exists = (path, callback) => queueMicrotask(() => callback(false));
fs.watchFile = fs.unwatchFile = () => {};

// The two descriptors that there are: what a function prints.
function print(descriptor, data, ...rest) {
  const { stdout, stderr } = require('process');
  const stream = descriptor === 1 ? stdout : descriptor === 2 ? stderr : undefined;
  if (stream === undefined) throw Object.assign(new Error(`EBADF: bad file descriptor, write. ${reason}`), { errno: -9, code: 'EBADF', syscall: 'write' });
  const [offset = 0, length = data.length - offset] = typeof data === 'string' ? [] : rest.filter((each) => typeof each === 'number');
  const bytes = typeof data === 'string' ? data : data.subarray(offset, offset + length);
  stream.write(bytes);
  return require('buffer').Buffer.byteLength(bytes);
}
fs.writeSync = print;
fs.write = (descriptor, data, ...rest) => {
  const callback = rest.pop();
  let written;
  try {
    written = print(descriptor, data, ...rest);
  } catch (error) {
    queueMicrotask(() => callback(error));
    return;
  }
  queueMicrotask(() => callback(null, written, data));
};
fs.fsync = fs.fdatasync = fs.close = (descriptor, callback) => queueMicrotask(() => callback?.(null));
fs.fsyncSync = fs.fdatasyncSync = fs.closeSync = () => {};

// As streams they fail once they are used.
function streamOf(kind, code) {
  return function (path) {
    const stream = new (require('stream')[kind])({ autoDestroy: true, read() {}, write(chunk, encoding, done) { done(); } });
    stream.path = path;
    queueMicrotask(() => stream.destroy(failure(code, 'open', path)));
    return stream;
  };
}
fs.createReadStream = streamOf('Readable', 'ENOENT');
fs.createWriteStream = streamOf('Writable', 'EROFS');

module.exports = fs;
