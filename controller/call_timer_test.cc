#include "controller/call_timer.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <vector>

namespace zts::controller {
namespace {

TEST(CallTimerTest, ExpiresInTheOrderOfTime) {
  std::promise<void> done;
  std::vector<int> order;
  CallTimer timer;
  const CallTimer::Wait last(timer, 30 * kMillisecond, [&] {
    order.push_back(3);
    done.set_value();
  });
  const CallTimer::Wait first(timer, 1, [&] { order.push_back(1); });
  const CallTimer::Wait second(timer, 2 * kMillisecond, [&] { order.push_back(2); });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(CallTimerTest, WhatEndedBeforeIsNotCalled) {
  std::promise<void> later;
  CallTimer timer;
  bool called = false;
  { const CallTimer::Wait ended(timer, kMillisecond, [&] { called = true; }); }
  const bool at_end = called;  // a slow thread may have let it expire; after the end nothing changes any more
  const CallTimer::Wait after(timer, 5 * kMillisecond, [&] { later.set_value(); });
  later.get_future().wait();
  EXPECT_EQ(called, at_end);
}

TEST(CallTimerTest, EndsWithWaitsOpen) {
  bool called = false;
  std::optional<CallTimer> timer;
  timer.emplace();
  {
    const CallTimer::Wait hour(*timer, 3600 * kSecond, [&] { called = true; });
  }
  timer.reset();
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace zts::controller
