#include "worker/engine/connection_balance.h"

#include "worker/engine/limits.h"

namespace zts {

uint32_t ConnectionBalance::Weight(uint32_t shard) const {
  const uint32_t count = open(shard);
  return shards_[shard].exhausted.load(std::memory_order_relaxed) ? kExhaustedFactor * count + kExhaustedExtra : count;
}

uint32_t ConnectionBalance::Choose(uint32_t self) const {
  uint32_t least = self;
  const uint32_t mine = Weight(self);
  uint32_t fewest = mine;
  for (uint32_t shard = 0; shard < shards(); ++shard) {
    if (!shards_[shard].begun.load(std::memory_order_acquire)) continue;
    const uint32_t weight = Weight(shard);
    if (weight >= fewest) continue;
    least = shard;
    fewest = weight;
  }
  return mine > fewest + kBalanceSlack + fewest / kBalanceSlackParts ? least : self;
}

std::optional<Nanos> ConnectionBalance::BusyTime(uint32_t shard) const {
  const Each& each = shards_[shard];
  if (!each.begun.load(std::memory_order_acquire) || each.busy_time == nullptr) return std::nullopt;
  return each.busy_time();
}

}  // namespace zts
