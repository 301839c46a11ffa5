#include "jsruntime/ops/performance.h"

#include "base/clock.h"

namespace zts::js {
namespace {

// Five microseconds, as browsers grant to pages that share a process with nobody: fine enough to measure with, too coarse to
// time a cache line of a neighbour.
constexpr Nanos kResolution = 5 * kMicrosecond;

double CoarseMs(Nanos now) {
  return static_cast<double>(now / kResolution * kResolution) / static_cast<double>(kMillisecond);
}

void MonotonicMs(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(CoarseMs(SystemClock().Now()));
}

void WallMs(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(CoarseMs(SystemClock().WallNow()));
}

constexpr Op kOps[] = {
    {"monotonicMs", MonotonicMs},
    {"wallMs", WallMs},
};

}  // namespace

std::span<const Op> PerformanceOps() { return kOps; }

}  // namespace zts::js
