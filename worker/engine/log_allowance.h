// How much each function may print: kLogBurstBytes at once, kLogBytesPerSecond for ever. One that floods loses its own lines so, and not
// the room in the queue that its neighbours need.
//
// Owner:    a LogBatch.
// Thread:   the owner's.
// Limits:   kLogAllowancesMax versions are told apart; beyond it those that have not printed for longest begin anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/clock.h"

namespace zts {

class LogAllowance {
 public:
  // Takes `bytes` from what the version may print, or counts a record of it as dropped. `now` is any clock; a step back gives nothing.
  bool Take(uint64_t version_id, size_t bytes, Nanos now);
  // A record that was allowed and did not get through after all, with those that it told of.
  void AddDropped(uint64_t version_id, uint64_t records);
  // How many records of the version were dropped since it was asked last.
  uint64_t TakeDropped(uint64_t version_id);

 private:
  struct Bucket {
    size_t bytes;
    Nanos at;  // when `bytes` was right
    uint64_t dropped;
  };
  Bucket& Find(uint64_t version_id, Nanos now);
  void MakeRoom();

  std::unordered_map<uint64_t, Bucket> buckets_;
};

}  // namespace zts
