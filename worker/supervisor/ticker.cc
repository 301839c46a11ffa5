#include "worker/supervisor/ticker.h"

#include <pthread.h>

#include <chrono>

namespace zts::supervisor {

Ticker::Ticker(Nanos period, std::function<void()> task) {
  thread_ = std::thread([this, period, task = std::move(task)] { Run(period, task); });
  pthread_setname_np(thread_.native_handle(), "zts-ticker");
}

Ticker::~Ticker() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

// At multiples of the period from the start: a late call does not make the next one late.
void Ticker::Run(Nanos period, const std::function<void()>& task) {
  auto due = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (true) {
    due = std::max(due + std::chrono::nanoseconds(period), std::chrono::steady_clock::now());
    if (changed_.wait_until(lock, due, [this] { return stopping_; })) return;
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace zts::supervisor
