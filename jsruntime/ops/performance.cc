#include "jsruntime/ops/performance.h"

#include <v8.h>

#include <iterator>

#include "base/clock.h"
#include "jsruntime/realm.h"

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

void MemoryUse(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Realm* realm = Realm::From(isolate);
  if (realm == nullptr) return;
  v8::HeapStatistics heap;
  isolate->GetHeapStatistics(&heap);
  const QuotaAllocator& allocator = realm->heap.allocator();
  const auto number = [&](size_t bytes) { return v8::Number::New(isolate, static_cast<double>(bytes)).As<v8::Value>(); };
  v8::Local<v8::Value> parts[] = {number(heap.total_heap_size()), number(heap.used_heap_size()), number(allocator.used()),
                                  number(allocator.limit())};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, std::size(parts)));
}

constexpr Op kOps[] = {
    {"memoryUse", MemoryUse},
    {"monotonicMs", MonotonicMs},
    {"wallMs", WallMs},
};

}  // namespace

std::span<const Op> PerformanceOps() { return kOps; }

}  // namespace zts::js
