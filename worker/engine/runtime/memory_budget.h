// The memory that all isolates of an engine may take together, shared by its pools.
//
// A pool adds what its isolates take as each is looked at: when it is made, and again within seconds of having run. When the sum is beyond
// the budget, the pools that take more than their share give up isolates that are idle, least recently used first. Beyond kOverdraft
// more of it no further isolate is made.
//
// Owner:    Engine; a pool without one knows no bound.
// Thread:   any; changes are additions to one counter, on no request's path.
// Limits:   itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace zts::runtime {

class MemoryBudget {
 public:
  // What isolates that are all busy may take beyond the budget: an eighth.
  static constexpr size_t kOverdraftParts = 8;

  MemoryBudget(size_t bytes, size_t pools) : bytes_(bytes), share_(bytes / (pools > 0 ? pools : 1)) {}

  void Add(int64_t change) { used_.fetch_add(change, std::memory_order_relaxed); }
  bool exceeded() const { return used() > bytes_; }
  bool exhausted() const { return used() > bytes_ + bytes_ / kOverdraftParts; }
  // Of one pool. While the budget is exceeded, some pool is above it.
  size_t share() const { return share_; }
  size_t used() const {
    const int64_t used = used_.load(std::memory_order_relaxed);
    return used > 0 ? static_cast<size_t>(used) : 0;
  }

 private:
  const size_t bytes_;
  const size_t share_;
  std::atomic<int64_t> used_{0};
};

}  // namespace zts::runtime
