#include "jsruntime/block_cache.h"

#include <cstdlib>
#include <new>

namespace zts::js {
namespace {

// Held or not, without waiting.
class TryLock {
 public:
  explicit TryLock(std::atomic_flag* flag) : flag_(flag->test_and_set(std::memory_order_acquire) ? nullptr : flag) {}
  ~TryLock() {
    if (flag_ != nullptr) flag_->clear(std::memory_order_release);
  }
  TryLock(const TryLock&) = delete;
  TryLock& operator=(const TryLock&) = delete;
  bool held() const { return flag_ != nullptr; }

 private:
  std::atomic_flag* flag_;
};

}  // namespace

void* BlockCache::Take(size_t length) {
  if (length > kCachedBlockMax) return std::malloc(length);
  const size_t index = ClassOf(length);
  if (const TryLock lock(&busy_); lock.held() && free_[index] != nullptr) {
    Free* const block = free_[index];
    free_[index] = block->next;
    free_bytes_.store(free_bytes() - SizeOf(index), std::memory_order_relaxed);
    return block;
  }
  return std::malloc(SizeOf(index));
}

void BlockCache::Give(void* block, size_t length) {
  if (length <= kCachedBlockMax && block != nullptr) {
    const size_t index = ClassOf(length);
    const TryLock lock(&busy_);
    if (lock.held() && free_bytes() + SizeOf(index) <= kCachedBytesMax) {
      free_[index] = new (block) Free{free_[index]};
      free_bytes_.store(free_bytes() + SizeOf(index), std::memory_order_relaxed);
      return;
    }
  }
  std::free(block);
}

void BlockCache::Drop() {
  const TryLock lock(&busy_);
  if (!lock.held()) return;
  for (Free*& list : free_) {
    while (list != nullptr) {
      Free* const block = list;
      list = block->next;
      std::free(block);
    }
  }
  free_bytes_.store(0, std::memory_order_relaxed);
}

}  // namespace zts::js
