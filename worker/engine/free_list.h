// Objects that are used for a moment by many: given out last in, first out, so that the same few stay in the cache.
//
// Owner:    Shard, one a kind.
// Thread:   one.
// Life:     outlives what it gave out.
// Limits:   keeps at most `kept_max` that nobody uses.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace zts {

template <typename T>
class FreeList {
 public:
  explicit FreeList(size_t kept_max) : kept_max_(kept_max) { kept_.reserve(kept_max); }

  // As it was when it was given back.
  T* Take() {
    ++taken_;
    if (kept_.empty()) return new T();
    T* object = kept_.back().release();
    kept_.pop_back();
    return object;
  }

  void Give(T* object) {
    --taken_;
    if (kept_.size() < kept_max_) {
      kept_.emplace_back(object);
    } else {
      delete object;
    }
  }

  size_t taken() const { return taken_; }

 private:
  size_t kept_max_;
  size_t taken_ = 0;
  std::vector<std::unique_ptr<T>> kept_;
};

}  // namespace zts
