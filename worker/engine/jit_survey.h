// What V8 has made of the code of some versions on one thread: watched for a while where that is asked for, then told.
//
// Nothing runs here before somebody asks. The isolates are looked into between turns, in tasks and timers of their own loop, so that one
// whose turn goes on holds up nobody but the answer.
//
// Owner:    Shard and OffloadHost, one each.
// Thread:   the loop's.
// Life:     loop and pool outlive it. Whoever asked hears nothing once it is gone.
// Limits:   kJitWatchMax, kJitFunctionsMax, kJitNameBytesMax, kJitDeoptimizationsMax, kJitReasonBytesMax. Of how many are under way at once
//           the supervisor takes care.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <vector>

#include "base/clock.h"
#include "jsruntime/isolate.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/runtime/pool.h"

namespace zts {

// Of one isolate.
struct VersionJit {
  uint64_t version_id = 0;
  // From the beginning to the end of the time asked for; samples and deoptimisations mean nothing otherwise.
  bool watched = false;
  js::JitReport functions;
  uint32_t left_out = 0;  // functions that did not fit
};

class JitSurvey {
 public:
  JitSurvey(net::Loop* loop, runtime::Pool* pool) : loop_(loop), pool_(pool), timer_([this] { OnDue(); }) {}

  // `done` comes once, with the versions that have an isolate here when the time is over. `watch` 0: at once.
  using Done = std::function<void(std::vector<VersionJit>)>;
  void Ask(std::vector<uint64_t> version_ids, Nanos watch, Done done);

 private:
  struct Pending {
    Nanos due;
    Nanos watch;
    std::vector<uint64_t> version_ids;
    Done done;
  };
  void OnDue();
  void Arm();
  void Tell(Pending pending);

  net::Loop* const loop_;
  runtime::Pool* const pool_;
  std::list<Pending> pending_;
  net::Timer timer_;
};

// Keeps the functions where the time goes, in the order of the source, and cuts long texts. How many have gone.
uint32_t BoundJitReport(js::JitReport* report);

}  // namespace zts
