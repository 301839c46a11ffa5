// Calls something again and again at a fixed period, on a thread of its own.
//
// Owner:    Worker.
// Thread:   the constructor and the destructor: one thread. The task: the ticker's own.
// Life:     what the task uses outlives it; the destructor waits for the call under way.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace zts::supervisor {

class Ticker {
 public:
  Ticker(Nanos period, std::function<void()> task);
  ~Ticker();

 private:
  void Run(Nanos period, const std::function<void()>& task);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace zts::supervisor
