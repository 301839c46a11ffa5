// The memory that all isolates of an engine may take together, and their number, shared by its pools.
//
// A pool adds what its isolates take as each is looked at: when it is made, and again within seconds of having run. When the sum is beyond
// the budget, the pools that take more than their share give up isolates that are idle, least recently used first. An eighth beyond
// it, where nothing is idle, no further isolate is made.
//
// Owner:    Engine; a pool without one knows no bound but kWarmIsolatesMax of its own.
// Thread:   any; changes are additions to two counters, on no warm request's path.
// Limits:   itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "worker/engine/limits.h"

namespace zts::runtime {

class MemoryBudget {
 public:
  MemoryBudget(size_t bytes, size_t pools) : bytes_(bytes), pools_(pools > 0 ? pools : 1) {}

  // What one pool's isolates take.
  class Part {
   public:
    // Null: nobody's.
    explicit Part(MemoryBudget* whole) : whole_(whole) {}
    ~Part() { Change(-bytes_, -isolates_); }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    void Change(int64_t bytes, int64_t isolates = 0) {
      bytes_ += bytes;
      isolates_ += isolates;
      if (whole_ == nullptr) return;
      whole_->used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
      whole_->used_isolates_.fetch_add(isolates, std::memory_order_relaxed);
    }
    // All parts together are beyond the budget, and this one is among those to give something up: some part is above its share then.
    bool exceeded() const {
      if (whole_ == nullptr) return isolates_ > static_cast<int64_t>(kWarmIsolatesMax);
      return (whole_->bytes_over(0) && bytes_ > whole_->share(whole_->bytes())) ||
             (whole_->isolates_over(0) && isolates_ > whole_->share(kWarmIsolatesMax));
    }
    bool exhausted() const { return whole_ != nullptr && (whole_->bytes_over(8) || whole_->isolates_over(8)); }

   private:
    MemoryBudget* const whole_;
    int64_t bytes_ = 0;
    int64_t isolates_ = 0;
  };

  // The budget from here on.
  void SetBytes(size_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  int64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  int64_t used_isolates() const { return used_isolates_.load(std::memory_order_relaxed); }

 private:
  int64_t share(size_t whole) const { return static_cast<int64_t>(whole / pools_); }
  static bool Over(int64_t used, size_t bound, int overdraft_parts) {
    return used > static_cast<int64_t>(overdraft_parts > 0 ? bound + bound / static_cast<size_t>(overdraft_parts) : bound);
  }
  bool bytes_over(int overdraft_parts) const { return Over(used_bytes(), bytes(), overdraft_parts); }
  bool isolates_over(int overdraft_parts) const { return Over(used_isolates(), kWarmIsolatesMax, overdraft_parts); }

  std::atomic<size_t> bytes_;
  const size_t pools_;
  std::atomic<int64_t> used_bytes_{0};
  std::atomic<int64_t> used_isolates_{0};
};

}  // namespace zts::runtime
