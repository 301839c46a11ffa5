#include "jsruntime/timer_queue.h"

#include <gtest/gtest.h>

namespace zts::js {
namespace {

TEST(TimerQueueTest, FiresInOrderOfTimeThenOfStart) {
  TimerQueue timers;
  const uint32_t b = *timers.Start(0, 20, TimerKind::kOnce, 1);
  const uint32_t a = *timers.Start(0, 10, TimerKind::kOnce, 2);
  const uint32_t c = *timers.Start(0, 20, TimerKind::kOnce, 3);
  EXPECT_EQ(timers.next_due(), 10);
  EXPECT_FALSE(timers.TakeDue(9).has_value());
  EXPECT_EQ(timers.TakeDue(30)->id, a);
  EXPECT_EQ(timers.TakeDue(30)->id, b);
  EXPECT_EQ(timers.TakeDue(30)->serial, 3u);
  EXPECT_FALSE(timers.TakeDue(30).has_value());
  EXPECT_EQ(timers.next_due(), 0);
  EXPECT_NE(a, c);
}

TEST(TimerQueueTest, RepeatsFromNow) {
  TimerQueue timers;
  const uint32_t id = *timers.Start(0, 10, TimerKind::kRepeating, 1);
  EXPECT_EQ(timers.TakeDue(35)->id, id);
  EXPECT_FALSE(timers.TakeDue(35).has_value());
  EXPECT_EQ(timers.next_due(), 45);
  EXPECT_EQ(timers.Stop(id), 1u);
  EXPECT_EQ(timers.next_due(), 0);
  EXPECT_FALSE(timers.Stop(id).has_value());
}

TEST(TimerQueueTest, StopsAllOfAnInvocation) {
  TimerQueue timers;
  timers.Start(0, 10, TimerKind::kOnce, 1);
  const uint32_t kept = *timers.Start(0, 20, TimerKind::kOnce, 2);
  timers.Start(0, 30, TimerKind::kRepeating, 1);
  EXPECT_EQ(timers.StopAll(1).size(), 2u);
  EXPECT_EQ(timers.TakeDue(100)->id, kept);
  EXPECT_TRUE(timers.empty());
}

TEST(TimerQueueTest, HasALimit) {
  TimerQueue timers;
  for (size_t i = 0; i < kTimersMax; ++i) ASSERT_TRUE(timers.Start(0, 1, TimerKind::kOnce, 0).has_value());
  EXPECT_FALSE(timers.Start(0, 1, TimerKind::kOnce, 0).has_value());
}

TEST(TimerQueueTest, StartingAndStoppingForEverStaysSmall) {
  TimerQueue timers;
  for (int i = 0; i < 100000; ++i) timers.Stop(*timers.Start(i, 1000000, TimerKind::kOnce, 0));
  EXPECT_TRUE(timers.empty());
  EXPECT_EQ(timers.next_due(), 0);
}

}  // namespace
}  // namespace zts::js
