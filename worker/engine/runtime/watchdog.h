// Bounds every turn of JavaScript by the CPU time its thread has used, from a thread of its own.
//
// The serving thread pays a few plain stores and one compare-exchange a turn, and reads no clock. The watchdog polls each lane every
// kWatchdogPeriod: it notes the thread's CPU clock when it first sees a turn, looks at that clock again only once the turn has lasted
// longer than its budget, and terminates it when the budget is used up. A turn that goes on for kTerminationGrace of
// CPU time after that (kTerminationWaitMax where the machine gives it none) sits in a V8 builtin: `on_stuck` is called (the engine
// reports the function and ends itself).
//
//   Lane* lane = watchdog.AddLane();          // once a thread
//   {
//     Turn turn(lane, isolate, budget, OutcomeKind::kCpuLimit, version_id);
//     isolate->Dispatch(...);
//   }                                          // a late Terminate is taken back here
//
// The budget is that of one turn. What a turn used before its first sight is not counted, so a turn is never ended early, and late by
// at most two periods. A request of several turns may use its budget in each of them; its wall limit bounds the sum.
//
// What the polls see also says who keeps a thread busy: the CPU time that a lane's thread has used between two of them is put down to the
// version whose turn the second one finds. A version that gathers kBusyCpu within kBusyWindow is told to the lane's owner, again with each
// further kBusyCpu, but once a turn. It is a sample: right on the average, and free for who is sampled.
//
// Owner:    the engine's main, exactly one.
// Thread:   AddLane, Rebind: the thread that will make the turns. Turn: the lane's own thread. on_stuck: the watchdog's thread.
// Life:     outlives every lane's use. The isolate of a turn outlives the Turn.
// Limits:   kWatchdogPeriod, kTerminationGrace, kTerminationWaitMax, kBusyCpu, kBusyWindow.
#pragma once

#include <time.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "jsruntime/isolate.h"

namespace zts::runtime {

class Watchdog {
 public:
  struct Lane;
  struct Sources {
    const Clock* clock = nullptr;                // null: the system's monotonic clock
    std::function<Nanos(clockid_t)> thread_cpu;  // null: clock_gettime; -1 means the thread is gone
  };
  explicit Watchdog(std::function<void(uint64_t version_id)> on_stuck) : Watchdog(std::move(on_stuck), Sources()) {}
  Watchdog(std::function<void(uint64_t version_id)> on_stuck, Sources sources);
  ~Watchdog();

  // On the watchdog's thread, with the CPU time since the last word on this version. Not to call the watchdog.
  using OnBusy = std::function<void(uint64_t version_id, Nanos cpu)>;
  // For the calling thread.
  Lane* AddLane(OnBusy on_busy = nullptr);
  // The turns are the calling thread's from here on. REQUIRES: none is under way.
  void Rebind(Lane* lane);
  // The version whose turn the lane's thread is in; 0: none. Any thread; a moment later it may be another.
  static uint64_t VersionInTurn(const Lane* lane);
  // The version whose turn the calling thread is in; 0: none.
  uint64_t VersionInTurnHere() const;
  // No call of on_busy is under way or comes after this.
  void Silence(Lane* lane);
  void Start();
  void Stop();

  // One look at every lane: what the thread does each period. For tests, instead of Start.
  void PollOnce();

 private:
  friend class Turn;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One turn; see above.
class Turn {
 public:
  Turn(Watchdog::Lane* lane, js::Isolate* isolate, Nanos cpu_budget, js::OutcomeKind why, uint64_t version_id);
  ~Turn() {
    if (lane_ != nullptr) End();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  enum class Ending : uint8_t { kByItself, kTerminated };
  // Ends the turn before the object goes, and says whether the watchdog had a hand in it.
  Ending End();

 private:
  Watchdog::Lane* lane_;
  js::Isolate* isolate_;
};

}  // namespace zts::runtime
