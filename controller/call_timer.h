// Ends calls that have waited too long for their peer: what gRPC's own keepalive does not see, because the connection lives.
//
// Owner:    the controller, exactly one.
// Thread:   any. `expire` runs on the timer's own thread, and must return at once.
// Life:     outlives every Wait.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace zts::controller {

class CallTimer {
 public:
  CallTimer();
  ~CallTimer();
  CallTimer(const CallTimer&) = delete;
  CallTimer& operator=(const CallTimer&) = delete;

  // While it exists. After its end `expire` does not run and is not running.
  class Wait {
   public:
    Wait(CallTimer& timer, Nanos time, std::function<void()> expire);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    CallTimer& timer_;
    std::pair<Nanos, uint64_t> key_;
  };

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<Nanos, uint64_t>, std::function<void()>> waits_;  // by due time on the monotonic clock, and order
  uint64_t next_ = 0;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace zts::controller
