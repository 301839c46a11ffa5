// Keeps collections of the nursery out of the turns of handlers that make much garbage.
//
// V8 itself asks for a collection between requests once the nursery is filled to 80% (js::Isolate::RunTasks). A handler that makes more
// than the fifth that is left runs into one in its middle all the same. When that has happened to an isolate, its nursery is looked at
// after each pass of the loop in which it ran: what the pass has added is what the next one will need, and with less room than that it
// is collected at once, when the answers have been sent. The need goes up with what passes make, and comes down again by an eighth a pass;
// an isolate that stays within V8's fifth for kCalmPasses is looked at no more, and costs nothing.
//
// Owner:    the pool's state of one isolate.
// Thread:   the shard's.
// Limits:   kCalmPasses. Passes that make more than half of a nursery are left alone: each would have a collection of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "jsruntime/isolate.h"

namespace zts::runtime {

class NurseryWatch {
 public:
  static constexpr uint32_t kCalmPasses = 64;

  // A collection of the nursery has interrupted a turn.
  void Interrupted() {
    passes_left_ = kCalmPasses;
    Collected();
  }
  // There was a collection, whatever it interrupted.
  void Collected() { known_ = false; }
  bool watching() const { return passes_left_ > 0; }

  // After a pass: whether the nursery is to be collected before the next one.
  bool IsTooFull(const js::Nursery& now) {
    if (passes_left_ > 0) --passes_left_;
    if (known_ && now.used_bytes >= used_before_) need_ = std::max(now.used_bytes - used_before_, need_ - need_ / 8);
    SetUsed(now);
    if (need_ > now.capacity_bytes / 2) return false;
    if (need_ > now.capacity_bytes / 5) passes_left_ = kCalmPasses;
    return now.capacity_bytes - std::min(now.used_bytes, now.capacity_bytes) < need_;
  }
  // What is left after such a collection.
  void SetUsed(const js::Nursery& now) {
    used_before_ = now.used_bytes;
    known_ = true;
  }

 private:
  uint32_t passes_left_ = 0;
  bool known_ = false;  // used_before_ is of the end of the last pass, and nothing has been collected since
  size_t used_before_ = 0;
  size_t need_ = 0;     // bytes that a pass makes
};

}  // namespace zts::runtime
