// Native half of web/performance.js, the one door to clocks besides Date, and of node:process.
//
//   monotonicMs() -> milliseconds on the monotonic clock, with fractions
//   wallMs() -> milliseconds since 1970, with fractions
//   memoryUse() -> bytes of this isolate: [its heap, what of that is used, buffers and Wasm outside of it, the memory limit]
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> PerformanceOps();

}  // namespace zts::js
