#include "worker/engine/connection_balance.h"

#include "worker/engine/limits.h"

namespace zts {

uint32_t ConnectionBalance::Choose(uint32_t self) const {
  uint32_t least = self;
  for (uint32_t shard = 0; shard < shards(); ++shard) {
    if (shards_[shard].begun.load(std::memory_order_acquire) && open(shard) < open(least)) least = shard;
  }
  const uint32_t fewest = open(least);
  return open(self) > fewest + kBalanceSlack + fewest / kBalanceSlackParts ? least : self;
}

std::optional<Nanos> ConnectionBalance::BusyTime(uint32_t shard) const {
  const Each& each = shards_[shard];
  if (!each.begun.load(std::memory_order_acquire) || each.busy_time == nullptr) return std::nullopt;
  return each.busy_time();
}

}  // namespace zts
