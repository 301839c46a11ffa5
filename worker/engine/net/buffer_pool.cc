#include "worker/engine/net/buffer_pool.h"

#include <sys/mman.h>

#include <utility>

#include "base/check.h"

#ifdef ZTS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace zts::net {

Result<BufferPool> BufferPool::Create(size_t count, size_t buffer_bytes) {
  void* base = mmap(nullptr, count * buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return Error::FromErrno("mapping receive buffers (raise the memory limit of the process)");
  // A pass touches many of them, a few lines each: with huge pages that is two TLB entries instead of hundreds. Only a wish.
  (void)madvise(base, count * buffer_bytes, MADV_HUGEPAGE);
  return BufferPool(static_cast<std::byte*>(base), count, buffer_bytes);
}

BufferPool::BufferPool(std::byte* base, size_t count, size_t buffer_bytes)
    : base_(base), count_(count), buffer_bytes_(buffer_bytes) {
  free_.reserve(count);
  for (size_t i = count; i > 0; --i) free_.push_back(static_cast<uint32_t>(i - 1));
  ASAN_POISON_MEMORY_REGION(base_, count_ * buffer_bytes_);
}

BufferPool::BufferPool(BufferPool&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      count_(other.count_),
      buffer_bytes_(other.buffer_bytes_),
      free_(std::move(other.free_)) {}

BufferPool& BufferPool::operator=(BufferPool&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(count_, other.count_);
  std::swap(buffer_bytes_, other.buffer_bytes_);
  std::swap(free_, other.free_);
  return *this;
}

BufferPool::~BufferPool() {
  if (base_ == nullptr) return;
  // A lease that is still out would read unmapped memory.
  ZTS_CHECK(free_.size() == count_);
  ASAN_UNPOISON_MEMORY_REGION(base_, count_ * buffer_bytes_);
  munmap(base_, count_ * buffer_bytes_);
}

std::optional<uint32_t> BufferPool::Take() {
  if (free_.empty()) return std::nullopt;
  const uint32_t buffer = free_.back();
  free_.pop_back();
  ASAN_UNPOISON_MEMORY_REGION(base_ + buffer * buffer_bytes_, buffer_bytes_);
  return buffer;
}

void BufferPool::Return(uint32_t buffer) {
  ZTS_DCHECK(buffer < count_ && free_.size() < count_);
  // Under AddressSanitizer, reading a view after its lease is a report.
  ASAN_POISON_MEMORY_REGION(base_ + buffer * buffer_bytes_, buffer_bytes_);
  free_.push_back(buffer);
}

}  // namespace zts::net
