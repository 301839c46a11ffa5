// The event loop of one shard: drain completions, then dispatch, then submit; timers and a mailbox beside.
//
// One pass: Poll fills an array; each completion goes to the handler; due timers run; posted tasks run; OnPassEnd lets the
// handler flush what the pass produced; the next Poll submits it all at once.
//
// Owner:    Shard.
// Thread:   Run and everything else: the shard's, for as long as Run lasts. Post and Stop: any.
// Life:     the handler outlives Run.
// Limits:   kCompletionsPerPass a pass; posted tasks are unbounded in number but posted only by our own threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/timer_wheel.h"

namespace zts::net {

// What a shard does with events. Never called re-entrantly.
class LoopHandler {
 public:
  virtual ~LoopHandler() = default;
  // What concerns this slot comes next: a chance to bring it into the caches.
  virtual void Prefetch(SlotId) {}
  virtual void OnAccept(Handle handle) = 0;
  virtual void OnAcceptError(int error) = 0;  // -errno
  // An empty lease with error 0: the peer has finished sending. error < 0: the connection is broken.
  virtual void OnRecv(SlotId slot, Lease lease, int error) = 0;
  virtual void OnSent(SlotId slot, int error) = 0;
  // Of those who call Io::Quiesce.
  virtual void OnQuiet(SlotId) {}
  virtual void OnClosed(SlotId slot) = 0;
  // After all completions, timers and tasks of one pass.
  virtual void OnPassEnd() = 0;
};

class Loop {
 public:
  Loop(std::unique_ptr<Io> io, const Clock* clock);
  ~Loop();

  Io& io() { return *io_; }
  // The time at the start of this pass: read once a pass, good enough for deadlines and free to call.
  Nanos now() const { return now_; }
  const Clock& clock() const { return *clock_; }

  // Until Stop, which may come before. A pass that has begun is finished.
  void Run(LoopHandler* handler);
  // One pass, waiting at most `timeout` (<0: until something is there); for tests and simulation.
  void RunOnce(LoopHandler* handler, Nanos timeout);
  void Stop();
  // Run is to last again; what has been posted meanwhile is done then. REQUIRES: it has returned.
  void Restart();

  // Runs `task` in the next pass of the shard's thread. Any thread.
  void Post(std::function<void()> task);
  // Something posted waits for its pass. Any thread.
  bool has_posted() const { return has_posted_.load(std::memory_order_acquire); }

  // There is work left: the next pass does not wait. The shard's thread.
  void ComeBack() { come_back_ = true; }

  // (Re)arms; costs no allocation. O(1).
  void Arm(Timer* timer, Nanos due);
  void Disarm(Timer* timer);

 private:
  void Dispatch(LoopHandler* handler, size_t count);
  void RunPosted();
  Nanos WaitTime(Nanos timeout) const;
  void WakeIfWaiting();

  std::unique_ptr<Io> io_;
  const Clock* clock_;
  Nanos now_;
  std::vector<Completion> completions_;
  TimerWheel wheel_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_;
  bool come_back_ = false;
  std::atomic<bool> has_posted_{false};
  std::atomic<bool> stop_{false};
  // Set before the last look at has_posted_ and stop_, so that whoever sets one of those sees either no wait or this.
  std::atomic<bool> waiting_{false};
};

}  // namespace zts::net
