#include "worker/engine/thread_times.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace zts {
namespace {

// The bounds below only end a test that hangs.
constexpr int kRounds = 2'000'000'000;

TEST(ThreadTimesTest, GrowWhileTheThreadRunsAndStandStillWhileItWaits) {
  std::atomic<bool> stop{false};
  std::atomic<bool> parked{false};
  std::optional<ThreadTimes> times;
  std::atomic<bool> made{false};
  std::thread worker([&] {
    times.emplace();
    made.store(true);
    while (!stop.load()) {
    }
    parked.store(true);
    parked.notify_all();
    parked.wait(true);
  });
  while (!made.load()) std::this_thread::yield();
  if (times->Read().busy() == 0 && ThreadTimes().Read().busy() == 0) {
    GTEST_LOG_(INFO) << "this kernel keeps no such figures";
  } else {
    const Nanos before = times->Read().busy();
    int rounds = 0;
    while (times->Read().busy() < before + 20 * kMillisecond && rounds < kRounds) ++rounds;
    EXPECT_LT(rounds, kRounds);
  }
  stop.store(true);
  parked.wait(false);
  // What it had until it went to sleep; then no more.
  Nanos seen = -1;
  for (int i = 0; i < 1000 && seen != times->Read().busy(); ++i) {
    seen = times->Read().busy();
    std::this_thread::yield();
  }
  EXPECT_EQ(times->Read().busy(), seen);
  parked.store(false);
  parked.notify_all();
  worker.join();
  EXPECT_GE(times->Read().ran, 0);
}

}  // namespace
}  // namespace zts
