// Which shard takes a new connection.
//
// The kernel spreads connections over the shards' sockets by a hash of their addresses. Of many each shard gets its part; of a few that
// are kept alive, a proxy's say, one shard may get most, and its core is exhausted while others rest. So who accepts one and has clearly
// more than another shard gives it to that one, before anything has been read of it. Small differences stay: giving away costs a wake-up.
// Connections differ in what they ask for: what comes of that, connection_moves.h sees to, with the times that are kept here.
//
// Owner:    the engine, one for its shards.
// Thread:   any, but Watch; a count is its shard's own cache line, touched when a connection begins or ends.
// Limits:   kBalanceSlack, kBalanceSlackParts, kExhaustedFactor, kExhaustedExtra.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace zts {

class ConnectionBalance {
 public:
  explicit ConnectionBalance(uint32_t shards) : shards_(shards) {}

  uint32_t shards() const { return static_cast<uint32_t>(shards_.size()); }
  // How long the shard's thread has been running or ready to run, whenever somebody asks, on any thread.
  // REQUIRES: the shard has not begun. Who has none is never taken to be exhausted, nor to have rested.
  void Watch(uint32_t shard, std::function<Nanos()> busy_time) { shards_[shard].busy_time = std::move(busy_time); }
  // The shard takes what others accept, from here on. A shard that has no catalog yet must not.
  void Begin(uint32_t shard) { shards_[shard].begun.store(true, std::memory_order_release); }
  // None of a shard that has not begun, and of one that nobody watches.
  std::optional<Nanos> BusyTime(uint32_t shard) const;
  // The shard's thread is busy all the time, or is not any more (connection_moves.h): Choose counts its connections as more than they are.
  void SetExhausted(uint32_t shard, bool exhausted) { shards_[shard].exhausted.store(exhausted, std::memory_order_relaxed); }
  // The shard that is to have a connection which `self` has accepted: itself, or the one that has least. Counts nothing: two that choose at
  // once may choose the same.
  uint32_t Choose(uint32_t self) const;
  // A connection begins on a shard, or is on its way there; and ends.
  void Join(uint32_t shard) { shards_[shard].open.fetch_add(1, std::memory_order_relaxed); }
  void Leave(uint32_t shard) { shards_[shard].open.fetch_sub(1, std::memory_order_relaxed); }
  uint32_t open(uint32_t shard) const { return shards_[shard].open.load(std::memory_order_relaxed); }

 private:
  // Its connections, as Choose counts them.
  uint32_t Weight(uint32_t shard) const;

  struct alignas(64) Each {
    std::atomic<uint32_t> open{0};
    std::atomic<bool> begun{false};
    std::atomic<bool> exhausted{false};
    std::function<Nanos()> busy_time;
  };
  std::vector<Each> shards_;
};

}  // namespace zts
