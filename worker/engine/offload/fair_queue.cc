#include "worker/engine/offload/fair_queue.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace zts::offload {

void FairQueue::Add(uint64_t version_id, Waiting waiting, Nanos held) {
  const auto [at, added] = lanes_.try_emplace(version_id);
  Lane& lane = at->second;
  if (added) lane.held = held;
  if (lane.waiting.empty()) {
    lane.since = ++came_;
    lane.account = std::max(lane.account, time_);
  }
  lane.waiting.push_back(std::move(waiting));
  ++size_;
}

uint64_t FairQueue::Next(const std::function<bool(uint64_t)>& may_begin) {
  std::erase_if(lanes_, [this](const auto& item) { return item.second.waiting.empty() && item.second.account <= time_; });
  uint64_t next = 0;
  const Lane* best = nullptr;
  for (const auto& [id, lane] : lanes_) {
    if (lane.waiting.empty()) continue;
    if (best != nullptr && std::tie(best->account, best->since) < std::tie(lane.account, lane.since)) continue;
    if (!may_begin(id)) continue;
    next = id;
    best = &lane;
  }
  return next;
}

FairQueue::Waiting FairQueue::Take(uint64_t version_id) {
  const auto found = lanes_.find(version_id);
  ZTS_CHECK(found != lanes_.end() && !found->second.waiting.empty());
  Lane& lane = found->second;
  Waiting taken = std::move(lane.waiting.front());
  lane.waiting.pop_front();
  lane.since = ++came_;
  time_ = std::max(time_, lane.account);
  --size_;
  return taken;
}

void FairQueue::Measure(uint64_t version_id, Nanos held) {
  const auto found = lanes_.find(version_id);
  if (found == lanes_.end()) return;
  Lane& lane = found->second;
  const Nanos before = std::exchange(lane.held, held);
  // Less than before: the pool has forgotten it meanwhile, and begun to count anew.
  lane.account += held >= before ? held - before : held;
}

bool FairQueue::HasAny(uint64_t version_id) const {
  const auto found = lanes_.find(version_id);
  return found != lanes_.end() && !found->second.waiting.empty();
}

void FairQueue::ForEachVersion(const std::function<void(uint64_t)>& visit) const {
  for (const auto& [id, lane] : lanes_) {
    if (!lane.waiting.empty()) visit(id);
  }
}

}  // namespace zts::offload
