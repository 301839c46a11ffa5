// When an isolate was used last, and when its heap is worth a collection while nothing runs.
//
// A collection takes milliseconds on the serving core, so only an isolate at rest with a grown heap gets one, once each rest. One that
// holds much more memory than it uses, such as the pages of a large nursery that V8 keeps at its size, gets one for that after a longer
// rest: the next requests have to take the pages again.
//
// Owner:    the pool's state of one isolate.
// Thread:   the shard's.
// Limits:   kCollectAfterIdle, kCollectHeapBytesMin, kReturnAfterIdle, kReturnBytesMin.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "jsruntime/isolate.h"

namespace zts::runtime {

class IdleHeap {
 public:
  static constexpr Nanos kCollectAfterIdle = 1 * kSecond;
  static constexpr size_t kCollectHeapBytesMin = size_t{16} << 20;
  // A function that is asked every few seconds keeps its pages.
  static constexpr Nanos kReturnAfterIdle = 30 * kSecond;
  // Both halves of a nursery of twice V8's own size.
  static constexpr size_t kReturnBytesMin = size_t{8} << 20;

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
    const bool grown = use.heap_used_bytes >= kCollectHeapBytesMin;
    const bool hollow = use.heap_committed_bytes >= use.heap_used_bytes + kReturnBytesMin;
    if (!grown && hollow && now - last_used_ < kReturnAfterIdle) return use;
    looked_at_ = true;
    if (!grown && !hollow) return use;
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
