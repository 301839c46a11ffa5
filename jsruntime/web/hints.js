// What to say about names that do not exist here.
//
// They stay undefined, because libraries ask `typeof process` or `typeof Buffer` to choose their way, and a stub
// that throws when it is called would send them the wrong one. Who reports an uncaught ReferenceError may add the hint to it.
//
//   internal.hintFor(name) -> a sentence, or undefined

internal.hintFor = (name) => {
  switch (name) {
    case 'require': case 'module': case 'exports': case '__dirname': case '__filename':
      return `zts runs ES modules, not CommonJS: use import, and let ztsctl bundle the package.`;
    case 'process':
      return 'Settings of the function arrive as the second argument, env; for Node\'s way, import process from "node:process".';
    case 'Buffer':
      return 'Buffer is Node\'s: import { Buffer } from "node:buffer", or use Uint8Array, TextEncoder and TextDecoder.';
    case 'global': case 'window': case 'document': case 'localStorage': case 'sessionStorage': case 'location':
      return name === 'global' || name === 'window' ? 'The global object is globalThis.' : `${name} belongs to browsers' pages.`;
    case 'XMLHttpRequest': case 'WebSocket': case 'EventSource':
      return `${name} is not available: use fetch().`;
    case 'setImmediate':
      return 'Use setTimeout(f, 0) or queueMicrotask(f), or import { setImmediate } from "node:timers".';
    case 'SharedArrayBuffer': case 'Atomics': case 'Worker': case 'BroadcastChannel':
      return `${name} is not available: a function has one thread.`;
    case 'caches':
      return 'There is no Cache API: keep small things in a Map at module level.';
    default:
      return undefined;
  }
};
