// Timers in six wheels of 64 buckets: a tick, 64 ticks, 4096 ticks, ... a bucket; arming and disarming are O(1).
//
// A timer stands in the wheel where its time and the present first differ, and moves to a finer one when the present comes
// near. A bitmap a wheel finds the next bucket in use, so that a long sleep or stall is jumped over and not walked through.
//
// Owner:    Loop.
// Thread:   the shard's.
// Life:     intrusive: timers are their users'; a timer leaves by itself when destroyed, and all are let go when the wheel
//           ends.
// Limits:   kSpan ticks (two years of milliseconds); a later time counts as that.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.h"

namespace zts::net {

class TimerWheel;

// A one-shot timer, part of its user's object. Cancels itself when destroyed.
// Thread: the shard's. Resolution: kTimerTick of limits.h; fires not before its time.
class Timer {
 public:
  explicit Timer(std::function<void()> on_due) : on_due_(std::move(on_due)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool armed() const { return bucket_ >= 0; }
  Nanos due() const { return due_; }

 private:
  friend class TimerWheel;
  std::function<void()> on_due_;
  TimerWheel* wheel_ = nullptr;
  Nanos due_ = 0;
  uint64_t due_tick_ = 0;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  int bucket_ = -1;  // -1: not armed
};

class TimerWheel {
 public:
  explicit TimerWheel(Nanos now) : tick_(TickAt(now)) {}
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // (Re)arms. A time that has passed is due at the next tick.
  void Arm(Timer* timer, Nanos due);
  void Disarm(Timer* timer);

  // Runs what is due, in the order of ticks. Timers may arm and disarm any others, and themselves, from inside.
  void Run(Nanos now);
  // When Run has something to do next (a timer, or one that moves to a finer wheel); INT64_MAX: never.
  Nanos NextWork() const;
  bool empty() const { return armed_ == 0; }

 private:
  static constexpr int kLevels = 6;
  static constexpr int kBits = 6;
  static constexpr int kBuckets = 1 << kBits;
  static constexpr int kDueBucket = kLevels * kBuckets;
  // One bucket less than a whole turn of the coarsest wheel: the present's own bucket is never the farthest one.
  static constexpr uint64_t kSpan = uint64_t{kBuckets - 1} << ((kLevels - 1) * kBits);

  struct Next {
    int level;
    int bucket;
    uint64_t tick;
  };

  static uint64_t TickAt(Nanos now);
  static uint64_t TickAfter(Nanos due);
  void Place(Timer* timer);
  void Link(Timer* timer, int bucket);
  void Unlink(Timer* timer);
  bool FindNext(Next* next) const;
  void MoveToDue(int bucket);
  void Cascade(int bucket);
  void RunDue();

  uint64_t tick_;
  size_t armed_ = 0;
  std::array<uint64_t, kLevels> used_{};                 // a bit a bucket
  std::array<Timer*, kLevels * kBuckets + 1> heads_{};   // the last: due, being run
  std::array<Timer*, kLevels * kBuckets + 1> tails_{};
};

}  // namespace zts::net
