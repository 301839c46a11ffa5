// When an isolate was used last, and when its heap is worth a collection while nothing runs.
//
// A collection takes milliseconds on the serving core, so only an isolate at rest with a grown heap gets one, once each rest.
//
// Owner:    the pool's state of one isolate.
// Thread:   the shard's.
// Limits:   kCollectAfterIdle, kCollectHeapBytesMin.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "jsruntime/isolate.h"

namespace zts::runtime {

class IdleHeap {
 public:
  static constexpr Nanos kCollectAfterIdle = 1 * kSecond;
  static constexpr size_t kCollectHeapBytesMin = size_t{16} << 20;

  // Made now and run by nobody yet: what a fresh isolate has on its heap stays.
  explicit IdleHeap(Nanos now) : last_used_(now) {}

  void Used(Nanos now) {
    last_used_ = now;
    looked_at_ = false;
  }
  Nanos last_used() const { return last_used_; }
  // Nothing has run since a look at rest: another one would find the same.
  bool settled() const { return looked_at_; }

  // Whether the last Look collected.
  bool collected() const { return collected_; }

  // Collects when it is time; what the isolate holds afterwards.
  js::MemoryUse Look(js::Isolate* isolate, Nanos now) {
    js::MemoryUse use = isolate->memory();
    collected_ = false;
    if (now - last_used_ < kCollectAfterIdle || isolate->in_flight() > 0) return use;
    looked_at_ = true;
    if (use.heap_used_bytes < kCollectHeapBytesMin) return use;
    isolate->CollectGarbage();
    collected_ = true;
    return isolate->memory();
  }

 private:
  Nanos last_used_;
  bool looked_at_ = true;
  bool collected_ = false;
};

}  // namespace zts::runtime
