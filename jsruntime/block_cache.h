// Small blocks that are free, kept for the next ArrayBuffer of about their size: a function that makes an array for each piece of a stream
// frees thousands of them at once, in a collection, and malloc would sort, merge and return what is asked for again right away.
//
// Owner:    QuotaAllocator, one an isolate.
// Thread:   any. Blocks come and go on the isolate's thread; one that another thread wants at the same moment is malloc's.
// Limits:   kCachedBlockMax a block, kCachedBytesMax in all.
// Errors:   Take gives nullptr when malloc has nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace zts::js {

// Larger ones are few, and copying into them costs more than malloc does.
inline constexpr size_t kCachedBlockMax = 4096;
// What a collection of the nursery frees of a function that streams: a few hundred pieces. Idle isolates hold none.
inline constexpr size_t kCachedBytesMax = size_t{1} << 20;

class BlockCache {
 public:
  BlockCache() = default;
  ~BlockCache() { Drop(); }
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // At least `length` bytes, not filled.
  void* Take(size_t length);
  // REQUIRES: Take(length) gave it.
  void Give(void* block, size_t length);
  // Returns all that is free to malloc.
  void Drop();
  size_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }

 private:
  // Blocks of one class are of one size: its lengths rounded up.
  static constexpr size_t kStep = 128;
  static constexpr size_t kClasses = kCachedBlockMax / kStep;
  static size_t ClassOf(size_t length) { return length == 0 ? 0 : (length - 1) / kStep; }
  static size_t SizeOf(size_t index) { return (index + 1) * kStep; }

  struct Free {
    Free* next;
  };
  std::atomic_flag busy_;
  std::array<Free*, kClasses> free_{};
  std::atomic<size_t> free_bytes_{0};  // written by who is busy
};

}  // namespace zts::js
