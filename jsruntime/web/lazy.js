// Lazy files: those of manifest.txt that name globals. Such a file runs in an isolate when one of its globals is read first, and
// returns an object that has them, and whatever else it shares. Its classes are shaped by internal.shapeInterface.
//
//   internal.lazy(file)          runs it, once, and returns its object: how other files reach what it shares
//   internal.loadedLazy(file)    its object, or undefined where it has not run: nothing of its classes exists then
//   internal.npm('PACKAGE/FILE') module.exports of a CommonJS module of the manifest
//   internal.declareLazy(file, global)   for the snapshot builder
//   internal.runLazy(file, compiled)     for the snapshot builder, which makes a code cache of `compiled`
//   internal.warmLazy()                  for warm_up.js, once: a first touch, of a file that is there for it alone

const loaded = new Map();  // file -> what it returned

internal.runLazy = (file, compiled) => {
  let made = loaded.get(file);
  if (made !== undefined) return made;
  if (file.startsWith('npm/')) {
    const module = { exports: {}, privateNames: native.privateNames };  // for what hide_slots.py has made of a library
    // Libraries make errors to see whether they can; V8 would read the whole source again for the lines of their stacks.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      compiled.call(undefined, module.exports, module);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    made = module.exports;
  } else {
    made = compiled(native, internal, globalThis);
  }
  loaded.set(file, made);
  return made;
};

internal.lazy = (file) => loaded.get(file) ?? internal.runLazy(file, native.lazyFunction(file));
internal.loadedLazy = (file) => loaded.get(file);
internal.npm = (file) => internal.lazy(`npm/${file}`);

// global -> file. What V8 puts into each new context becomes lazy there (v8_isolate).
const files = new Map([['WebAssembly', 'webassembly.js']]);
const make = (global) => internal.lazy(files.get(global))[global];
internal.declareLazy = (file, global) => {
  files.set(global, file);
  native.defineLazy(globalThis, global, make);
};
internal.warmLazy = () => {
  internal.declareLazy('nothing.js', 'nothing');
  globalThis.nothing;
  delete globalThis.nothing;
  files.delete('nothing');
  loaded.delete('nothing.js');
  delete internal.warmLazy;
};

// What streams.js says of values, before it has run.
internal.isReadableStream = () => false;
internal.isWritableStream = () => false;
internal.isTransformStream = () => false;
// What message_channel.js, blob.js, formdata.js and subtle_crypto.js say of values, before they have run.
internal.isMessagePort = () => false;
internal.isBlob = () => false;
internal.isFile = () => false;
internal.isFormData = () => false;
internal.cloneBlob = () => undefined;
internal.cloneKey = () => undefined;
internal.keyParts = () => undefined;
