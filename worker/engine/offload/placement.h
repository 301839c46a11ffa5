// Which offload thread runs which function for which shard: functions that hold a thread for long are kept apart while there are threads.
//
// A use is one function version of one shard. A new one gets a thread that has none; else one where it would wait for itself only (the
// same version, of other shards); else the one that has used the least CPU time. What comes out badly is mended by Look: where uses
// share a busy thread, one of them moves to a thread that is idle, and with none idle a version that has several threads leaves the
// shared one to the others. So as many versions as there are threads never wait for one another for long, whatever one of them does.
//
// Owner:    OffloadThreads, exactly one.
// Thread:   its owner's lock.
// Limits:   as many uses as shards have heavy versions; Look takes the square of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace zts::offload {

class Placement {
 public:
  explicit Placement(uint32_t threads);

  struct Place {
    uint32_t thread = 0;
    uint64_t serial = 0;  // of the use
  };
  Place Take(uint32_t shard, uint64_t version_id, Nanos now);
  // One that is gone already is no error.
  void Give(uint64_t serial);

  // What a thread has done since the last Look.
  struct Load {
    Nanos cpu = 0;
    uint64_t in_turn = 0;  // the version whose turn it is in; 0: none
  };
  // A use that is `to`'s from here on. Its shard holds `from` until it says Left.
  struct Move {
    uint32_t shard = 0;
    uint64_t version_id = 0;
    uint64_t serial = 0;
    uint32_t from = 0;
    uint32_t to = 0;
  };
  // REQUIRES: one load a thread.
  std::vector<Move> Look(Nanos now, Nanos window, const std::vector<Load>& loads);
  void Left(uint32_t thread);

  size_t uses(uint32_t thread) const;
  // Somebody has a place there, or has yet to leave it.
  bool used(uint32_t thread) const { return uses(thread) > 0 || holds_[thread] > 0; }

 private:
  struct Use {
    uint32_t shard;
    uint64_t version_id;
    uint64_t serial;
    uint32_t thread;
    Nanos placed_at;
    Nanos moved_at;  // 0: never
  };
  struct Rank;
  Rank RankOf(uint32_t thread, uint64_t version_id) const;
  bool Busy(uint32_t thread) const;
  bool Idle(uint32_t thread, Nanos now) const;
  bool Shared(uint32_t thread) const;
  bool Resting(const Use& use, Nanos now) const;
  Use* ToMoveFrom(uint32_t thread, Nanos now);
  void GatherUp(uint32_t thread, Nanos now, std::vector<Move>* moves);
  Move MoveTo(Use* use, uint32_t thread, Nanos now);

  const uint32_t threads_;
  std::vector<Use> uses_;         // in the order of their coming
  std::vector<uint32_t> holds_;   // by thread: moves away from it that shards have not made yet
  std::vector<Load> loads_;
  Nanos window_ = 0;
  uint64_t serial_ = 0;
};

}  // namespace zts::offload
