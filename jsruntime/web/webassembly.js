// WebAssembly (WebAssembly JavaScript Interface and Web API): V8's own object, with what is different in a function. Lazy.
//
// - Each module is charged to the function's memory limit before it is compiled: V8 keeps its bytes and code outside the heap. What a memory
//   uses is counted where V8 asks the kernel for it (jsruntime/wasm_pages.h).
// - Modules are compiled on the function's thread, under its CPU limit; the promises are settled when they are returned.
// - compileStreaming and instantiateStreaming take the whole body first: there is no other thread to compile on meanwhile.
// - No JavaScript Promise Integration: each suspended call would keep a stack that nobody counts.

const WebAssembly = native.webAssembly() ?? globalThis.WebAssembly;
const { apply, construct } = internal;

function charge(source, what) {
  const handle = native.wasmCharge(source);
  if (handle === undefined) throw new RangeError(`${what}: the memory limit of this function is reached`);
  return handle;
}

function replaceModule() {
  const Original = WebAssembly.Module;
  const Replacement = function Module(bytes, options) {
    if (new.target === undefined) throw new TypeError('WebAssembly.Module must be invoked with \'new\'');
    const target = new.target === Replacement ? Original : new.target;
    const handle = charge(bytes, 'WebAssembly.Module()');
    const module = construct(Original, options === undefined ? [bytes] : [bytes, options], target);
    native.wasmHold(module, handle);
    return module;
  };
  for (const key of ['exports', 'imports', 'customSections', 'prototype']) {
    Object.defineProperty(Replacement, key, Object.getOwnPropertyDescriptor(Original, key));
  }
  Object.defineProperty(Replacement, 'length', { value: 1, configurable: true });
  Object.defineProperty(Original.prototype, 'constructor', { value: Replacement, writable: true, enumerable: false, configurable: true });
  Object.defineProperty(WebAssembly, 'Module', { value: Replacement, writable: true, enumerable: false, configurable: true });
}

// Of the Web API: only an answer of this type, and a good one, is compiled.
async function bytesOf(source, what) {
  const response = await source;
  if (!internal.isResponse(response)) throw new TypeError(`${what}: the source is not a Response`);
  const type = response.headers.get('content-type') ?? '';
  if (type.trim().toLowerCase() !== 'application/wasm') {
    throw new TypeError(`${what}: the content-type is "${type}", not application/wasm`);
  }
  if (!response.ok) throw new TypeError(`${what}: the response has status ${response.status}`);
  return response.arrayBuffer();
}

const { compile, instantiate } = WebAssembly;
const isModule = native.isWasmModule;

const methods = {
  async compile(bytes, options) {
    const handle = charge(bytes, 'WebAssembly.compile()');
    return native.wasmHold(apply(compile, WebAssembly, [bytes, options]), handle);
  },
  async instantiate(source, imports, options) {
    if (isModule(source)) return apply(instantiate, WebAssembly, [source, imports, options]);
    const handle = charge(source, 'WebAssembly.instantiate()');
    return native.wasmHold(apply(instantiate, WebAssembly, [source, imports, options]), handle);
  },
  async compileStreaming(source, options) {
    return methods.compile(await bytesOf(source, 'WebAssembly.compileStreaming()'), options);
  },
  async instantiateStreaming(source, imports, options) {
    return methods.instantiate(await bytesOf(source, 'WebAssembly.instantiateStreaming()'), imports, options);
  },
};

replaceModule();
internal.askForMemory(native.sharedArrayBuffer(), 'grow');
for (const [name, method] of Object.entries(methods)) {
  Object.defineProperty(method, 'length', { value: 1, configurable: true });
  Object.defineProperty(WebAssembly, name, { value: method, writable: true, enumerable: true, configurable: true });
}
for (const name of ['Suspending', 'promising', 'SuspendError']) delete WebAssembly[name];

return { WebAssembly };
