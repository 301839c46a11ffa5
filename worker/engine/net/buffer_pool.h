// Receive buffers of one size in one mapping, and a stack of those that are free: the one used last is the one still in the
// cache.
//
// Owner:    an Io, exactly one.
// Thread:   the shard's.
// Life:     outlives every Lease of its Io.
// Limits:   given to Create. None is left: Take says so, and the Io pauses receiving.
// Errors:   Create fails when the memory is not to be had.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace zts::net {

class BufferPool {
 public:
  static Result<BufferPool> Create(size_t count, size_t buffer_bytes);
  BufferPool(BufferPool&& other) noexcept;
  BufferPool& operator=(BufferPool&& other) noexcept;
  ~BufferPool();

  std::optional<uint32_t> Take();
  void Return(uint32_t buffer);
  MutableBytes At(uint32_t buffer) { return {base_ + buffer * buffer_bytes_, buffer_bytes_}; }

  size_t count() const { return count_; }
  size_t free_count() const { return free_.size(); }
  size_t buffer_bytes() const { return buffer_bytes_; }

 private:
  BufferPool(std::byte* base, size_t count, size_t buffer_bytes);

  std::byte* base_ = nullptr;
  size_t count_ = 0;
  size_t buffer_bytes_ = 0;
  std::vector<uint32_t> free_;
};

}  // namespace zts::net
