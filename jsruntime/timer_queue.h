// The timers of one isolate: when each is due and whose invocation it belongs to. Callbacks stay in JavaScript.
//
// Owner:    Realm, one an isolate.
// Thread:   the isolate's.
// Limits:   kTimersMax; Start refuses beyond it.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace zts::js {

// As many timers as an isolate may have requests in flight, a few times over; each is a hundred bytes.
inline constexpr size_t kTimersMax = 64 * 1024;

enum class TimerKind : uint8_t { kOnce, kRepeating };

class TimerQueue {
 public:
  struct Due {
    uint32_t id;
    uint64_t serial;
    TimerKind kind;
  };

  // None where there are kTimersMax already.
  std::optional<uint32_t> Start(Nanos now, Nanos delay, TimerKind kind, uint64_t serial);
  // The serial of the invocation it belonged to; none where there is no such timer.
  std::optional<uint64_t> Stop(uint32_t id);
  // Ends all timers of one invocation, and names them.
  std::vector<uint32_t> StopAll(uint64_t serial);

  // The next timer due at `now`, in order of due time. One that repeats is started again, counting from `now`.
  std::optional<Due> TakeDue(Nanos now);
  // When the first is due; 0: there is none.
  Nanos next_due();
  bool empty() const { return timers_.empty(); }
  size_t size() const { return timers_.size(); }
  // In all, so far.
  uint32_t started() const { return next_id_ - 1; }

 private:
  struct Timer {
    Nanos due;
    Nanos delay;
    uint64_t order;  // of starting: timers due at the same moment fire in it
    uint64_t serial;
    TimerKind kind;
  };
  struct Entry {
    Nanos due;
    uint64_t order;
    uint32_t id;
    // std::push_heap keeps the largest in front.
    bool operator<(const Entry& other) const { return due != other.due ? due > other.due : order > other.order; }
  };
  void Push(uint32_t id, const Timer& timer);
  // Drops heap entries whose timer was stopped or restarted.
  void DropStale();

  std::unordered_map<uint32_t, Timer> timers_;
  std::vector<Entry> heap_;
  uint64_t next_order_ = 0;
  uint32_t next_id_ = 1;
};

}  // namespace zts::js
