#include "controller/call_timer.h"

#include <chrono>

namespace zts::controller {

CallTimer::CallTimer() : thread_([this] { Run(); }) {}

CallTimer::~CallTimer() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

CallTimer::Wait::Wait(CallTimer& timer, Nanos time, std::function<void()> expire) : timer_(timer) {
  const std::lock_guard lock(timer_.mutex_);
  key_ = {SystemClock().Now() + time, timer_.next_++};
  timer_.waits_.emplace(key_, std::move(expire));
  timer_.changed_.notify_one();
}

CallTimer::Wait::~Wait() {
  const std::lock_guard lock(timer_.mutex_);
  timer_.waits_.erase(key_);
}

void CallTimer::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (waits_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = waits_.begin();
    const Nanos left = first->first.first - SystemClock().Now();
    if (left > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(left));
      continue;
    }
    // Under the lock, so that nobody who has ended his wait is called.
    const std::function<void()> expire = std::move(first->second);
    waits_.erase(first);
    expire();
  }
}

}  // namespace zts::controller
