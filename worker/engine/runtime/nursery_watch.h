// Keeps collections of the nursery out of the turns of handlers that make much garbage.
//
// V8 itself asks for a collection between requests once the nursery is filled to 80% (js::Isolate::RunTasks). A handler that makes more
// than the fifth that is left runs into one in its middle all the same. When that has happened to an isolate, its nursery is looked at
// after each pass of the loop in which it ran: what the pass has added is what the next one will need, and with less room than that it
// is collected at once, when the answers have been sent. The need goes up with what passes make, and comes down again by an eighth a pass;
// an isolate that stays within V8's fifth for kCalmPasses is looked at no more, and costs nothing.
//
// A function may say what one of its requests makes (Limits::request_garbage_bytes). Its isolates are looked at after every pass, and
// before every turn of a request: a pass may bring more requests than there is room for.
//
// Owner:    the pool's state of one isolate.
// Thread:   the shard's.
// Limits:   kCalmPasses. Passes that make more than half of a nursery are left alone, so far as nobody has said what a request makes: each
//           would have a collection of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "jsruntime/isolate.h"

namespace zts::runtime {

class NurseryWatch {
 public:
  static constexpr uint32_t kCalmPasses = 64;

  // 0: nobody says.
  explicit NurseryWatch(size_t request_bytes = 0) : request_bytes_(request_bytes) {}

  // A collection of the nursery has interrupted a turn.
  void Interrupted() {
    passes_left_ = kCalmPasses;
    Collected();
  }
  // There was a collection, whatever it interrupted.
  void Collected() {
    known_ = false;
    survived_ = 0;
  }
  // Passes, and turns of requests, are to be looked at.
  bool watching() const { return passes_left_ > 0 || request_bytes_ > 0; }
  bool watching_requests() const { return request_bytes_ > 0; }

  // After a pass: whether the nursery is to be collected before the next one.
  bool IsTooFull(const js::Nursery& now) {
    if (passes_left_ > 0) --passes_left_;
    if (known_ && now.used_bytes >= used_before_) need_ = std::max(now.used_bytes - used_before_, need_ - need_ / 8);
    used_before_ = now.used_bytes;
    known_ = true;
    const bool left_alone = need_ > now.capacity_bytes / 2;
    if (!left_alone && need_ > now.capacity_bytes / 5) passes_left_ = kCalmPasses;
    return (!left_alone && Left(now) < need_) || LacksRoom(now);
  }
  // Before a turn of a request: whether it would not find what it needs. Where a collection has just left no more, another one would not.
  bool LacksRoom(const js::Nursery& now) const { return Left(now) < request_bytes_ && now.used_bytes >= survived_ + request_bytes_; }

  // What is left after such a collection.
  void SetUsed(const js::Nursery& now) {
    used_before_ = survived_ = now.used_bytes;
    known_ = true;
  }

 private:
  static size_t Left(const js::Nursery& now) { return now.capacity_bytes - std::min(now.used_bytes, now.capacity_bytes); }

  const size_t request_bytes_;
  uint32_t passes_left_ = 0;
  bool known_ = false;  // used_before_ is of the end of the last pass, and nothing has been collected since
  size_t used_before_ = 0;
  size_t need_ = 0;     // bytes that a pass makes
  size_t survived_ = 0; // the last collection, where it was one that was asked for here
};

}  // namespace zts::runtime
