// Native half of web/performance.js: the one door to clocks besides Date.
//
//   monotonicMs() -> milliseconds on the monotonic clock, with fractions
//   wallMs() -> milliseconds since 1970, with fractions
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> PerformanceOps();

}  // namespace zts::js
