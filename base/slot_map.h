// Dense storage addressed by {index, generation}: a stale id finds nothing, never a stranger.
//
// Owner:    anyone; typically one a shard.
// Thread:   one thread.
// Life:     an element stays at its address until Erase.
// Limits:   capacity is given at the start; Insert refuses beyond it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace zts {

struct SlotId {
  uint32_t index = 0;
  uint32_t generation = 0;  // 0 belongs to no element
  bool operator==(const SlotId&) const = default;
  uint64_t Pack() const { return uint64_t{generation} << 32 | index; }
  static SlotId Unpack(uint64_t packed) {
    return {static_cast<uint32_t>(packed), static_cast<uint32_t>(packed >> 32)};
  }
};

template <typename T>
class SlotMap {
 public:
  explicit SlotMap(size_t capacity) : capacity_(capacity) {}

  // None when full. Storage grows in blocks, so that an idle map is small; no element ever moves.
  template <typename... Args>
  std::optional<SlotId> Insert(Args&&... args) {
    if (free_.empty() && !Grow()) return std::nullopt;
    const uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = At(index);
    slot.value.emplace(std::forward<Args>(args)...);
    ++size_;
    return SlotId{index, slot.generation};
  }

  T* Find(SlotId id) {
    if (id.index >= allocated_) return nullptr;
    Slot& slot = At(id.index);
    return slot.generation == id.generation && slot.value ? &*slot.value : nullptr;
  }

  // Brings an element into the caches for a Find that follows soon. Any id.
  void Prefetch(SlotId id) {
    if (id.index >= allocated_) return;
    const char* const at = reinterpret_cast<const char*>(&At(id.index));
    for (size_t offset = 0; offset < sizeof(Slot); offset += 64) __builtin_prefetch(at + offset, 1);
  }

  // REQUIRES: Find(id) != nullptr.
  void Erase(SlotId id) {
    ZTS_CHECK(Find(id) != nullptr);
    Slot& slot = At(id.index);
    // The generation moves first: a destructor that looks itself up finds nothing.
    if (++slot.generation == 0) slot.generation = 1;
    slot.value.reset();
    free_.push_back(id.index);
    --size_;
  }

  // Calls f(SlotId, T&) for each element; f may erase the element it is given.
  template <typename F>
  void ForEach(F&& f) {
    for (uint32_t index = 0; index < allocated_; ++index) {
      Slot& slot = At(index);
      if (slot.value) f(SlotId{index, slot.generation}, *slot.value);
    }
  }

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }

 private:
  static constexpr size_t kBlock = 64;
  struct Slot {
    uint32_t generation = 1;
    std::optional<T> value;
  };

  Slot& At(uint32_t index) { return blocks_[index / kBlock][index % kBlock]; }

  bool Grow() {
    if (allocated_ >= capacity_) return false;
    blocks_.push_back(std::make_unique<Slot[]>(kBlock));
    const size_t end = allocated_ + kBlock < capacity_ ? allocated_ + kBlock : capacity_;
    for (size_t index = end; index > allocated_; --index) free_.push_back(static_cast<uint32_t>(index - 1));
    allocated_ = end;
    return true;
  }

  size_t capacity_;
  size_t allocated_ = 0;
  size_t size_ = 0;
  std::vector<std::unique_ptr<Slot[]>> blocks_;
  std::vector<uint32_t> free_;
};

}  // namespace zts
