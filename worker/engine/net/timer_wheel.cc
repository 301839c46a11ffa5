#include "worker/engine/net/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "worker/engine/limits.h"

namespace zts::net {

Timer::~Timer() {
  if (armed()) wheel_->Disarm(this);
}

TimerWheel::~TimerWheel() {
  for (Timer* head : heads_) {
    while (head != nullptr) {
      Timer* next = head->next_;
      head->bucket_ = -1;
      head->next_ = head->previous_ = nullptr;
      head = next;
    }
  }
}

uint64_t TimerWheel::TickAt(Nanos now) { return static_cast<uint64_t>(std::max<Nanos>(now, 0) / kTimerTick); }

uint64_t TimerWheel::TickAfter(Nanos due) {
  // Rounded up without overflow: a timer fires not before its time.
  const Nanos positive = std::max<Nanos>(due, 0);
  return static_cast<uint64_t>(positive / kTimerTick + (positive % kTimerTick != 0));
}

void TimerWheel::Arm(Timer* timer, Nanos due) {
  if (timer->armed()) timer->wheel_->Disarm(timer);
  timer->wheel_ = this;
  timer->due_ = due;
  timer->due_tick_ = std::clamp(TickAfter(due), tick_ + 1, tick_ + kSpan - 1);
  ++armed_;
  Place(timer);
}

void TimerWheel::Disarm(Timer* timer) {
  if (!timer->armed()) return;
  ZTS_CHECK(timer->wheel_ == this);
  Unlink(timer);
  --armed_;
}

// REQUIRES: tick_ < due_tick_ < tick_ + kSpan.
void TimerWheel::Place(Timer* timer) {
  // The highest bit in which the two ticks differ says how coarse the wheel may be; the highest wheel may wrap around.
  const uint64_t differ = (tick_ ^ timer->due_tick_) | (kBuckets - 1);
  const int level = std::min((63 - std::countl_zero(differ)) / kBits, kLevels - 1);
  const int bucket = static_cast<int>(timer->due_tick_ >> (level * kBits)) & (kBuckets - 1);
  Link(timer, level * kBuckets + bucket);
}

void TimerWheel::Link(Timer* timer, int bucket) {
  const size_t at = static_cast<size_t>(bucket);
  timer->bucket_ = bucket;
  timer->next_ = nullptr;
  timer->previous_ = tails_[at];
  (tails_[at] != nullptr ? tails_[at]->next_ : heads_[at]) = timer;
  tails_[at] = timer;
  if (bucket != kDueBucket) used_[at / kBuckets] |= uint64_t{1} << (at % kBuckets);
}

void TimerWheel::Unlink(Timer* timer) {
  const size_t at = static_cast<size_t>(timer->bucket_);
  (timer->previous_ != nullptr ? timer->previous_->next_ : heads_[at]) = timer->next_;
  (timer->next_ != nullptr ? timer->next_->previous_ : tails_[at]) = timer->previous_;
  if (heads_[at] == nullptr && timer->bucket_ != kDueBucket) used_[at / kBuckets] &= ~(uint64_t{1} << (at % kBuckets));
  timer->next_ = timer->previous_ = nullptr;
  timer->bucket_ = -1;
}

// The earliest bucket in use. A finer wheel is always earlier than a coarser one.
bool TimerWheel::FindNext(Next* next) const {
  for (int level = 0; level < kLevels; ++level) {
    const uint64_t used = used_[static_cast<size_t>(level)];
    if (used == 0) continue;
    const int shift = level * kBits;
    const uint64_t present = tick_ >> shift;
    const int at = static_cast<int>(present & (kBuckets - 1));
    // Buckets behind the present belong to the wheel's next turn, which only the coarsest one has.
    const int ahead = std::countr_zero(std::rotr(used, at));
    const uint64_t tick = (present + static_cast<uint64_t>(ahead)) << shift;
    *next = {level, (at + ahead) & (kBuckets - 1), std::max(tick, tick_)};
    return true;
  }
  return false;
}

Nanos TimerWheel::NextWork() const {
  if (heads_[kDueBucket] != nullptr) return 0;
  Next next;
  return FindNext(&next) ? static_cast<Nanos>(next.tick) * kTimerTick : INT64_MAX;
}

void TimerWheel::Run(Nanos now) {
  const uint64_t until = TickAt(now);
  Next next;
  while (FindNext(&next) && next.tick <= until) {
    tick_ = next.tick;
    const int bucket = next.level * kBuckets + next.bucket;
    if (next.level == 0) {
      MoveToDue(bucket);
    } else {
      Cascade(bucket);
    }
  }
  tick_ = std::max(tick_, until);
  RunDue();
}

void TimerWheel::MoveToDue(int bucket) {
  while (Timer* timer = heads_[static_cast<size_t>(bucket)]) {
    Unlink(timer);
    Link(timer, kDueBucket);
  }
}

void TimerWheel::Cascade(int bucket) {
  // Taken off as a whole: in the coarsest wheel a timer may go back into the bucket it came from.
  Timer* timer = heads_[static_cast<size_t>(bucket)];
  heads_[static_cast<size_t>(bucket)] = tails_[static_cast<size_t>(bucket)] = nullptr;
  used_[static_cast<size_t>(bucket / kBuckets)] &= ~(uint64_t{1} << (bucket % kBuckets));
  while (timer != nullptr) {
    Timer* next = timer->next_;
    if (timer->due_tick_ <= tick_) {
      Link(timer, kDueBucket);
    } else {
      Place(timer);
    }
    timer = next;
  }
}

void TimerWheel::RunDue() {
  while (Timer* timer = heads_[kDueBucket]) {
    Unlink(timer);
    --armed_;
    // Last use of the timer: its function may destroy it.
    timer->on_due_();
  }
}

}  // namespace zts::net
