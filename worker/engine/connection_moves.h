// When a shard that is exhausted gives connections it serves to another one, which ones, and to which.
//
// Few connections that are kept alive may ask for very different amounts: with as many as its neighbours a shard can have all work. When
// its thread has been busy for all of some windows of time (kLoadWindow, kExhaustedPercent, kExhaustedWindows) and another shard's has not,
// it gives that one some of the connections that ask, at moments when nothing of them is under way. Who accepts new ones hears of it too.
//
//   each pass: NoteActive(slot) for each connection that was answered; then OnPassEnd(now), and while wanted() > 0: one of active() begins
//   to leave, Began(). Where it goes is target().
//
// Busy is a thread that runs or is ready to run: on a machine that is short of cores all are, and nothing moves.
//
// Owner:    Shard.
// Thread:   the shard's.
// Life:     the balance outlives it.
// Limits:   kMovesPerWindow, kMoveRest, kMoveRoom; allocates nothing after its construction.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "worker/engine/connection_balance.h"
#include "worker/engine/limits.h"

namespace zts {

class ConnectionMoves {
 public:
  // `balance` null: nothing is ever wanted.
  ConnectionMoves(ConnectionBalance* balance, uint32_t self);

  // A connection has been answered.
  void NoteActive(SlotId slot) {
    if (target_ && active_count_ < active_.size()) Note(slot);
  }
  void OnPassEnd(Nanos now) {
    if (balance_ != nullptr && now >= window_end_) BeginWindow(now);
  }

  // How many more are to begin to leave in this window.
  size_t wanted() const { return target_ ? std::min(kMovesPerWindow, active_count_ / 2) - begun_ : 0; }
  // Different ones that were answered in this window; not all of them.
  std::span<const SlotId> active() const { return std::span(active_).first(active_count_); }
  // One that is active begins to leave. REQUIRES: wanted() > 0.
  void Began() { ++begun_; }
  // Where one goes that has begun. The shard itself: nowhere any more.
  uint32_t target() const { return target_.value_or(self_); }
  // The shard has got one from another.
  void OnTaken(Nanos now) { rest_until_ = now + kMoveRest; }

 private:
  void Note(SlotId slot);
  void BeginWindow(Nanos now);
  bool WasBusy(uint32_t shard, Nanos elapsed, int percent) const;
  std::optional<uint32_t> Rested(Nanos elapsed) const;
  void ReadTimes();

  ConnectionBalance* const balance_;
  const uint32_t self_;
  Nanos window_begin_ = 0;
  Nanos window_end_ = 0;
  Nanos rest_until_ = 0;
  int exhausted_windows_ = 0;             // on end
  std::vector<std::optional<Nanos>> busy_at_begin_;  // by shard; others' only while this one is exhausted
  std::vector<std::optional<Nanos>> busy_now_;
  std::optional<uint32_t> target_;        // in this window
  size_t begun_ = 0;                      // likewise
  std::array<SlotId, 2 * kMovesPerWindow> active_;
  size_t active_count_ = 0;
};

}  // namespace zts
