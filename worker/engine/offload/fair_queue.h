// Requests that wait on a thread which several functions share. The function that has held the thread for the least time is the next to
// have one begun, so one with a queue of long turns keeps another with short ones waiting for the turn it is in, and not for its queue.
//
// Start-time fair queueing (Goyal, Vin and Cheng, 1996) with a version's time on the thread for its weight: each version has an account,
// the time of the thread is the account of the one that was chosen last, and one that comes to wait does not bring along what it has not
// used while it had nothing to do. Of equal accounts the one that has waited longer.
//
// Owner:    OffloadHost, exactly one.
// Thread:   its owner's.
// Limits:   what waits is bounded by the shards that send it (kOffloadQueueMax); a version that has neither a request here nor time to pay
//           back is forgotten. Each call takes as long as there are versions here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

#include "base/clock.h"
#include "worker/engine/offload/away_ends.h"

namespace zts::offload {

class FairQueue {
 public:
  struct Waiting {
    NearEnd* near = nullptr;
    AwayRequestPtr request;
    uint32_t thread = 0;  // at which it waits: it may have been passed on
  };

  // `held`: as for Measure; of one that is not known here it is what was paid for before.
  void Add(uint64_t version_id, Waiting waiting, Nanos held);
  // Of those that `may_begin`; 0: there is none.
  uint64_t Next(const std::function<bool(uint64_t version_id)>& may_begin);
  // Its first one. REQUIRES: HasAny.
  Waiting Take(uint64_t version_id);
  // How long its turns have held the thread in all: what is more than at the last call is what it pays for.
  void Measure(uint64_t version_id, Nanos held);

  bool HasAny(uint64_t version_id) const;
  bool empty() const { return size_ == 0; }
  void ForEachVersion(const std::function<void(uint64_t version_id)>& visit) const;

 private:
  struct Lane {
    std::deque<Waiting> waiting;
    uint64_t since = 0;  // when the first of them has come, by the count of all
    Nanos account = 0;
    Nanos held = 0;      // at the last call of Measure
  };
  std::unordered_map<uint64_t, Lane> lanes_;
  Nanos time_ = 0;
  uint64_t came_ = 0;
  size_t size_ = 0;
};

}  // namespace zts::offload
