// Native half of web/webassembly.js.
//
//   webAssembly() -> the object that V8 has made for this context; undefined while the snapshot is built
//   wasmCharge(source) -> a handle: a module is to be made of this buffer or view, and counts against the memory limit as long as
//     the handle lives. Undefined where it does not fit, after one collection.
//   wasmHold(module, handle): the module keeps the handle alive
//   wasmHold(promise, handle) -> a promise of the same; its module, or that of its { module, instance }, keeps the handle alive
//   sharedArrayBuffer() -> the class, which is no global
//   isWasmModule(value) -> boolean
//
// Thread:   the isolate's.
// Limits:   kWasmModuleBytes, kWasmBytesPerByte.
#pragma once

#include <cstddef>
#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// What V8 keeps of any module, outside its heap (measured: 5 KiB, and the tables of its instances).
inline constexpr size_t kWasmModuleBytes = size_t{16} << 10;
// And of each of its bytes: a copy, and code of both compilers for functions that are called (V8's own estimate is three to six).
inline constexpr size_t kWasmBytesPerByte = 5;

std::span<const Op> WasmOps();

}  // namespace zts::js
