#include "worker/engine/connection_moves.h"

#include <utility>

namespace zts {

ConnectionMoves::ConnectionMoves(ConnectionBalance* balance, uint32_t self)
    : balance_(balance != nullptr && balance->shards() > 1 ? balance : nullptr), self_(self),
      busy_at_begin_(balance != nullptr ? balance->shards() : 0), busy_now_(busy_at_begin_.size()) {}

void ConnectionMoves::Note(SlotId slot) {
  const auto known = active();
  if (std::find(known.begin(), known.end(), slot) == known.end()) active_[active_count_++] = slot;
}

void ConnectionMoves::BeginWindow(Nanos now) {
  const Nanos elapsed = now - window_begin_;
  ReadTimes();
  exhausted_windows_ = WasBusy(self_, elapsed, kExhaustedPercent) ? exhausted_windows_ + 1 : 0;
  const bool exhausted = exhausted_windows_ >= kExhaustedWindows;
  balance_->SetExhausted(self_, exhausted);
  target_.reset();
  if (exhausted && now >= rest_until_) target_ = Rested(elapsed);
  active_count_ = 0;
  begun_ = 0;
  window_begin_ = now;
  window_end_ = now + kLoadWindow;
  std::swap(busy_at_begin_, busy_now_);
}

// Others' times are looked at only where they are asked for: a shard that is not exhausted reads one file a window.
void ConnectionMoves::ReadTimes() {
  for (uint32_t shard = 0; shard < busy_now_.size(); ++shard) {
    busy_now_[shard] = shard == self_ || exhausted_windows_ > 0 ? balance_->BusyTime(shard) : std::nullopt;
  }
}

bool ConnectionMoves::WasBusy(uint32_t shard, Nanos elapsed, int percent) const {
  const auto& begin = busy_at_begin_[shard];
  const auto& end = busy_now_[shard];
  return begin && end && (*end - *begin) >= elapsed / 100 * percent;
}

// The one that was busy for the least time, if there is one that has rested and has room.
std::optional<uint32_t> ConnectionMoves::Rested(Nanos elapsed) const {
  std::optional<uint32_t> least;
  const auto busy = [&](uint32_t shard) { return *busy_now_[shard] - *busy_at_begin_[shard]; };
  for (uint32_t shard = 0; shard < busy_now_.size(); ++shard) {
    if (shard == self_ || !busy_at_begin_[shard] || !busy_now_[shard]) continue;
    if (WasBusy(shard, elapsed, kRestedPercent) || balance_->open(shard) + kMoveRoom > kConnectionsMax) continue;
    if (!least || busy(shard) < busy(*least)) least = shard;
  }
  return least;
}

}  // namespace zts
