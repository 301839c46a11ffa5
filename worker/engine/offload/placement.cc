#include "worker/engine/offload/placement.h"

#include <algorithm>
#include <compare>

#include "base/check.h"
#include "worker/engine/limits.h"

namespace zts::offload {

// The best comes first.
struct Placement::Rank {
  bool others = false;   // of other versions are there
  bool own = false;      // it is there already, for another shard
  Nanos cpu = 0;         // used lately; of what is new there, as much as there is
  size_t uses = 0;
  uint32_t thread = 0;
  auto operator<=>(const Rank&) const = default;
};

Placement::Placement(uint32_t threads) : threads_(threads), holds_(threads), loads_(threads) { ZTS_CHECK(threads > 0); }

Placement::Rank Placement::RankOf(uint32_t thread, uint64_t version_id) const {
  Rank rank{.cpu = loads_[thread].cpu, .thread = thread};
  for (const Use& use : uses_) {
    if (use.thread != thread) continue;
    ++rank.uses;
    (use.version_id == version_id ? rank.own : rank.others) = true;
  }
  return rank;
}

Placement::Place Placement::Take(uint32_t shard, uint64_t version_id, Nanos now) {
  Rank best = RankOf(0, version_id);
  for (uint32_t thread = 1; thread < threads_; ++thread) best = std::min(best, RankOf(thread, version_id));
  // Until it is measured.
  loads_[best.thread].cpu += window_;
  uses_.push_back({shard, version_id, ++serial_, best.thread, now, 0});
  return {best.thread, serial_};
}

void Placement::Give(uint64_t serial) {
  std::erase_if(uses_, [serial](const Use& use) { return use.serial == serial; });
}

void Placement::Left(uint32_t thread) {
  ZTS_CHECK(holds_[thread] > 0);
  --holds_[thread];
}

size_t Placement::uses(uint32_t thread) const {
  return static_cast<size_t>(std::count_if(uses_.begin(), uses_.end(), [thread](const Use& use) { return use.thread == thread; }));
}

// ---- looking ----------------------------------------------------------------------------------------------------------------

// A tenth of the time, or in a turn: on a machine that gives it no core it is busy all the same.
bool Placement::Busy(uint32_t thread) const { return loads_[thread].in_turn != 0 || loads_[thread].cpu >= window_ / 10; }

bool Placement::Idle(uint32_t thread, Nanos now) const {
  if (loads_[thread].in_turn != 0 || loads_[thread].cpu >= window_ / 50) return false;
  // What has just come has not shown yet what it does.
  return std::none_of(uses_.begin(), uses_.end(), [&](const Use& use) {
    return use.thread == thread && now - std::max(use.placed_at, use.moved_at) < kOffloadMoveRest;
  });
}

bool Placement::Resting(const Use& use, Nanos now) const { return use.moved_at != 0 && now - use.moved_at < kOffloadMoveRest; }

// By several versions.
bool Placement::Shared(uint32_t thread) const {
  const Use* first = nullptr;
  for (const Use& use : uses_) {
    if (use.thread != thread) continue;
    if (first != nullptr && first->version_id != use.version_id) return true;
    first = &use;
  }
  return false;
}

std::vector<Placement::Move> Placement::Look(Nanos now, Nanos window, const std::vector<Load>& loads) {
  ZTS_CHECK(loads.size() == threads_);
  loads_ = loads;
  window_ = window;
  std::vector<uint32_t> idle;
  for (uint32_t thread = 0; thread < threads_; ++thread) {
    if (Idle(thread, now)) idle.push_back(thread);
  }
  // Those that have nobody first.
  std::stable_sort(idle.begin(), idle.end(), [this](uint32_t a, uint32_t b) { return uses(a) < uses(b); });
  std::vector<Move> moves;
  for (uint32_t thread = 0; thread < threads_; ++thread) {
    if (uses(thread) < 2 || !Busy(thread)) continue;
    if (idle.empty()) {
      if (Shared(thread)) GatherUp(thread, now, &moves);
      continue;
    }
    Use* use = ToMoveFrom(thread, now);
    if (use == nullptr) continue;
    moves.push_back(MoveTo(use, idle.front(), now));
    idle.erase(idle.begin());
  }
  return moves;
}

// One that waits for its turn rather than the one that has it: it is served at once where it goes, while a turn ends where it is. The last
// that came goes first. Null: all have moved just now.
Placement::Use* Placement::ToMoveFrom(uint32_t thread, Nanos now) {
  Use* chosen = nullptr;
  for (Use& use : uses_) {
    if (use.thread != thread || Resting(use, now)) continue;
    const bool waits = use.version_id != loads_[thread].in_turn;
    if (chosen == nullptr || waits || chosen->version_id == loads_[thread].in_turn) chosen = &use;
  }
  return chosen;
}

// A version that has another thread too leaves this one: of several, the one with the most.
void Placement::GatherUp(uint32_t thread, Nanos now, std::vector<Move>* moves) {
  const Use* chosen = nullptr;
  size_t most = 0;
  for (const Use& use : uses_) {
    if (use.thread != thread) continue;
    const auto elsewhere = static_cast<size_t>(std::count_if(uses_.begin(), uses_.end(), [&](const Use& other) {
      return other.version_id == use.version_id && other.thread != thread;
    }));
    if (elsewhere <= most) continue;
    most = elsewhere;
    chosen = &use;
  }
  if (chosen == nullptr) return;
  const uint64_t version_id = chosen->version_id;
  // Where it is alone with itself, if anywhere.
  uint32_t to = thread;
  for (const Use& use : uses_) {
    if (use.version_id != version_id || use.thread == thread) continue;
    if (to == thread || RankOf(use.thread, version_id) < RankOf(to, version_id)) to = use.thread;
  }
  for (Use& use : uses_) {
    if (use.thread == thread && use.version_id == version_id) moves->push_back(MoveTo(&use, to, now));
  }
}

Placement::Move Placement::MoveTo(Use* use, uint32_t thread, Nanos now) {
  const Move move{use->shard, use->version_id, use->serial, use->thread, thread};
  ++holds_[use->thread];
  use->thread = thread;
  use->moved_at = now;
  return move;
}

}  // namespace zts::offload
