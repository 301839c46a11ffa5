// What an Io knows about each handle, found by the handle itself: descriptors are small and dense.
//
// Entries are made in blocks at first use and never move or go, so that the generation in them outlives each connection.
//
// Owner:    an Io.
// Thread:   the shard's.
// Limits:   Token::kIndexMax handles.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/check.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/token.h"

namespace zts::net {

template <typename Entry>
class HandleTable {
 public:
  // Makes the entry when this handle was never seen.
  Entry& At(Handle handle) {
    ZTS_CHECK(handle >= 0 && static_cast<uint32_t>(handle) <= Token::kIndexMax);
    const size_t block = static_cast<size_t>(handle) / kBlock;
    if (block >= blocks_.size()) blocks_.resize(block + 1);
    if (blocks_[block] == nullptr) blocks_[block] = std::make_unique<Entry[]>(kBlock);
    return blocks_[block][static_cast<size_t>(handle) % kBlock];
  }

  // The entry, when it is still in the generation that the token was made for.
  Entry* Find(const Token& token) {
    const size_t block = token.index / kBlock;
    if (block >= blocks_.size() || blocks_[block] == nullptr) return nullptr;
    Entry& entry = blocks_[block][token.index % kBlock];
    return entry.generation == token.generation ? &entry : nullptr;
  }

  // A free entry of the next generation: what still names this one finds nothing. Returns that generation.
  static uint32_t Retire(Entry* entry) {
    const uint32_t generation = entry->generation + 1;
    *entry = Entry{};
    entry->generation = generation;
    return generation;
  }

  template <typename F>
  void ForEach(F&& f) {
    for (size_t block = 0; block < blocks_.size(); ++block) {
      if (blocks_[block] == nullptr) continue;
      for (size_t i = 0; i < kBlock; ++i) f(static_cast<Handle>(block * kBlock + i), blocks_[block][i]);
    }
  }

 private:
  static constexpr size_t kBlock = 64;
  std::vector<std::unique_ptr<Entry[]>> blocks_;
};

}  // namespace zts::net
