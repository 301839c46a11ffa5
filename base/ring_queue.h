// First in, first out, in one block of memory that is used again: unlike std::deque, which takes and gives back a block each few dozen
// elements, it allocates only to grow.
//
// Owner:    anyone.
// Thread:   one.
// Life:     references are valid until the next PushBack or PopFront. Memory is kept until the end.
// Limits:   the owner's; it grows by doubling.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/check.h"

namespace zts {

template <typename T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // REQUIRES: !empty().
  const T& front() const {
    ZTS_DCHECK(size_ > 0);
    return cells_[first_];
  }

  void push_back(T value) {
    if (size_ == cells_.size()) Grow();
    cells_[(first_ + size_) & (cells_.size() - 1)] = std::move(value);
    ++size_;
  }

  // REQUIRES: !empty().
  void pop_front() {
    ZTS_DCHECK(size_ > 0);
    first_ = (first_ + 1) & (cells_.size() - 1);
    --size_;
  }

 private:
  static constexpr size_t kCellsMin = 16;

  void Grow() {
    std::vector<T> larger(cells_.empty() ? kCellsMin : cells_.size() * 2);
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move(cells_[(first_ + i) & (cells_.size() - 1)]);
    cells_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> cells_;  // a power of two of them
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace zts
