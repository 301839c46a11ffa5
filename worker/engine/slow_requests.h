// Which requests are slow, and why: for zts_slow_requests_total, and for a record in the function's log that `ztsctl why` finds.
//
// A request is slow when it took kSlowRequest or more and kSlowFactor times what is usual for its function here: an average that follows
// the last few dozens. So a function that is slow by nature is not reported for it, and one that has become slow is, until that is usual.
//
// The parts of a slow request add up to the time it took; the largest one is its cause:
//
//   cold-start  it waited for an isolate         queue      other work of its shard came before it
//   function    its own turns of JavaScript      jit        the same, while the function's code is not optimised yet
//   gc          its function's collections       upstream   it had outgoing requests under way
//   wait        its own timers, its client's body, turns of others in between
//   offload     another thread or engine had it  cpu-steal  the kernel gave the core to something else
//
// Owner:    SlowRequests: Shard, one. RunDelay: the shard's thread.
// Thread:   the shard's; RunDelay: made on the thread it is of.
// Limits:   kSlowRequest, kSlowFactor, kUsualShare; ipc::kCounterRows functions.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/request_times.h"
#include "worker/engine/thread_times.h"
#include "worker/ipc/shared_counters.h"

namespace zts {

// How long the thread that it was made on has been ready to run while its core ran something else. Made before the sandbox.
class RunDelay {
 public:
  // Since the call before.
  Nanos Take() {
    const Nanos waited = times_.Read().waited;
    return waited - std::exchange(seen_, waited);
  }

 private:
  ThreadTimes times_;
  Nanos seen_ = times_.Read().waited;
};

struct SlowRequest {
  Nanos took = 0;
  Nanos usual = 0;  // 0: there was none before
  ipc::SlowCause cause = ipc::SlowCause::kQueue;
  std::array<Nanos, ipc::kSlowCauses> parts{};

  // "slow: 153.0 ms, usually 2.1 ms: cold-start 120.4 ms, function 32.6 ms"
  std::string Text() const;
};

class SlowRequests {
 public:
  SlowRequests() : usual_(ipc::kCounterRows) {}

  // Takes the time of a request into what is usual for the function. Whether it was slow before that.
  bool Note(uint32_t counter_row, Nanos took) {
    Nanos& usual = usual_[counter_row];
    const Nanos before = usual;
    usual = before == 0 ? took : before + (took - before) / kUsualShare;
    if (took < kSlowRequest) [[likely]] return false;
    last_usual_ = before;
    return took >= kSlowFactor * before;
  }
  // Of the one that Note has just called slow. `delayed`: its thread's RunDelay meanwhile, or more.
  SlowRequest Explain(Nanos took, const runtime::RequestTimes& times, Nanos delayed) const;

 private:
  std::vector<Nanos> usual_;
  Nanos last_usual_ = 0;
};

}  // namespace zts
