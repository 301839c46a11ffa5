#include "worker/engine/net/timer_wheel.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "worker/engine/limits.h"

namespace zts::net {
namespace {

constexpr Nanos kStart = 12345 * kSecond + 678;

TEST(TimerWheelTest, FiresNotBeforeItsTimeAndAtMostATickLater) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer([&] { ++fired; });
  wheel.Arm(&timer, kStart + 5 * kMillisecond);
  wheel.Run(kStart + 5 * kMillisecond - 1);
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(timer.armed());
  wheel.Run(kStart + 5 * kMillisecond + kTimerTick);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
  wheel.Run(kStart + kSecond);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheelTest, PastTimesAreDueAtTheNextTick) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer([&] { ++fired; });
  for (const Nanos due : {Nanos{-5}, Nanos{0}, kStart - kSecond, kStart}) {
    wheel.Arm(&timer, due);
    EXPECT_LE(wheel.NextWork(), kStart + kTimerTick);
    wheel.Disarm(&timer);
  }
  wheel.Arm(&timer, 0);
  wheel.Run(kStart + kTimerTick);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheelTest, DisarmAndDestructionCancel) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer([&] { ++fired; });
  wheel.Arm(&timer, kStart + kSecond);
  wheel.Disarm(&timer);
  wheel.Disarm(&timer);
  {
    Timer gone([&] { ++fired; });
    wheel.Arm(&gone, kStart + kSecond);
    EXPECT_FALSE(wheel.empty());
  }
  EXPECT_TRUE(wheel.empty());
  EXPECT_EQ(wheel.NextWork(), INT64_MAX);
  wheel.Run(kStart + 2 * kSecond);
  EXPECT_EQ(fired, 0);
}

TEST(TimerWheelTest, WheelThatEndsFirstLetsItsTimersGo) {
  Timer timer([] { FAIL(); });
  {
    TimerWheel wheel(kStart);
    wheel.Arm(&timer, kStart + kSecond);
  }
  EXPECT_FALSE(timer.armed());
  TimerWheel other(kStart);
  other.Arm(&timer, kStart + kSecond);
  EXPECT_TRUE(timer.armed());
}

TEST(TimerWheelTest, OneThatRearmsItselfRunsOnceARun) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer* self = nullptr;
  Timer timer([&] {
    ++fired;
    wheel.Arm(self, 0);
  });
  self = &timer;
  wheel.Arm(&timer, 0);
  wheel.Run(kStart + 10 * kMillisecond);
  EXPECT_EQ(fired, 1);
  wheel.Run(kStart + 11 * kMillisecond);
  EXPECT_EQ(fired, 2);
}

TEST(TimerWheelTest, ATimerMayDestroyOrDisarmOthersThatAreDueToo) {
  TimerWheel wheel(kStart);
  int fired = 0;
  auto second = std::make_unique<Timer>([&] { ++fired; });
  Timer third([&] { ++fired; });
  Timer first([&] {
    ++fired;
    second.reset();
    wheel.Disarm(&third);
  });
  wheel.Arm(&first, kStart + kMillisecond);
  wheel.Arm(second.get(), kStart + kMillisecond);
  wheel.Arm(&third, kStart + 2 * kMillisecond);
  wheel.Run(kStart + kSecond);
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheelTest, FarTimesWaitAndFireInOrderAfterALongStall) {
  TimerWheel wheel(kStart);
  std::vector<int> order;
  std::deque<Timer> timers;
  const Nanos dues[] = {3600 * kSecond, 5 * kMillisecond, 24 * 3600 * kSecond, 70 * kMillisecond, 5 * kSecond};
  for (int i = 0; i < 5; ++i) {
    timers.emplace_back([&order, i] { order.push_back(i); });
    wheel.Arm(&timers.back(), kStart + dues[i]);
  }
  wheel.Run(kStart + 48 * 3600 * kSecond);
  EXPECT_EQ(order, (std::vector<int>{1, 3, 4, 0, 2}));
}

TEST(TimerWheelTest, TimesBeyondTheSpanAreBounded) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer([&] { ++fired; });
  wheel.Arm(&timer, INT64_MAX);
  wheel.Run(kStart + 365 * 24 * 3600 * kSecond);
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(timer.armed());
  wheel.Run(kStart + 3 * 365 * 24 * 3600 * kSecond);
  EXPECT_EQ(fired, 1);
}

// Against the plain reference: every timer fires in the first Run whose time has reached it, and NextWork is never too late.
TEST(TimerWheelTest, AgreesWithAPlainListOnRandomSchedules) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Nanos now = static_cast<Nanos>(random() % (uint64_t{1} << 62));
    TimerWheel wheel(now);
    struct Entry {
      std::unique_ptr<Timer> timer;
      Nanos due = 0;
      bool armed = false;
      int fired = 0;
    };
    std::vector<Entry> entries(200);
    for (Entry& entry : entries) entry.timer = std::make_unique<Timer>([&entry] { ++entry.fired; });
    for (int step = 0; step < 500; ++step) {
      for (int i = 0; i < 10; ++i) {
        Entry& entry = entries[random() % entries.size()];
        if (random() % 4 == 0) {
          wheel.Disarm(entry.timer.get());
          entry.armed = false;
        } else {
          entry.due = now + static_cast<Nanos>(random() % (uint64_t{1} << (random() % 48)));
          wheel.Arm(entry.timer.get(), entry.due);
          entry.armed = true;
        }
      }
      Nanos earliest = INT64_MAX;
      for (const Entry& entry : entries) {
        if (entry.armed) earliest = std::min(earliest, std::max(entry.due, now));
      }
      if (earliest != INT64_MAX) {
        ASSERT_LE(wheel.NextWork(), earliest + 2 * kTimerTick);
      }
      const Nanos before = now;
      now += static_cast<Nanos>(random() % (uint64_t{1} << (random() % 46)));
      wheel.Run(now);
      for (Entry& entry : entries) {
        const bool fired = std::exchange(entry.fired, 0) == 1;
        if (!entry.armed) {
          ASSERT_FALSE(fired);
          continue;
        }
        if (fired) {
          ASSERT_LE(entry.due, now);
          ASSERT_FALSE(entry.timer->armed());
          entry.armed = false;
        } else {
          ASSERT_TRUE(entry.timer->armed());
          ASSERT_GT(std::max(entry.due, before) + 2 * kTimerTick, now);
        }
      }
    }
  }
}

}  // namespace
}  // namespace zts::net
