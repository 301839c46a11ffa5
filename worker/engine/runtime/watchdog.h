// Bounds every turn of JavaScript by the CPU time its thread has used, from a thread of its own.
//
// The serving thread pays two plain stores and one exchange a turn. The watchdog polls each lane every kWatchdogPeriod, reads the
// thread's CPU clock only when a turn has lasted long enough to be suspect, and terminates it at its budget. A turn that does not end within
// kTerminationGrace after that sits in a V8 builtin: `on_stuck` is called (the engine reports the function and ends itself).
//
//   Lane* lane = watchdog.AddLane();          // once a thread
//   {
//     Turn turn(lane, isolate, budget, OutcomeKind::kCpuLimit, version_id);
//     isolate->Dispatch(...);
//   }                                          // a late Terminate is taken back here
//
// Owner:    the engine's main, exactly one.
// Thread:   AddLane: any, before Start is over. Turn: the lane's own thread. on_stuck: the watchdog's thread.
// Life:     outlives every lane's use.
// Limits:   kWatchdogPeriod, kTerminationGrace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "jsruntime/isolate.h"

namespace zts::runtime {

class Watchdog {
 public:
  struct Lane;
  explicit Watchdog(std::function<void(uint64_t version_id)> on_stuck);
  ~Watchdog();

  // For the calling thread.
  Lane* AddLane();
  void Start();
  void Stop();

 private:
  friend class Turn;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One turn; see above.
class Turn {
 public:
  Turn(Watchdog::Lane* lane, js::Isolate* isolate, Nanos cpu_budget, js::OutcomeKind why, uint64_t version_id);
  ~Turn();
  Turn(const Turn&) = delete;
  // CPU time spent in this turn so far, as far as it is known without a system call: wall time of the turn.
  Nanos Elapsed() const;

 private:
  Watchdog::Lane* lane_;
  js::Isolate* isolate_;
  Nanos start_;
};

}  // namespace zts::runtime
