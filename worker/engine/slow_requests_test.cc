#include "worker/engine/slow_requests.h"

#include <gtest/gtest.h>

#include <numeric>

namespace zts {
namespace {

using ipc::SlowCause;
using runtime::RequestTimes;

SlowRequest Explain(const RequestTimes& times, Nanos delayed = 0, Nanos took = 100 * kMillisecond) {
  SlowRequests slow;
  EXPECT_TRUE(slow.Note(1, took));
  const SlowRequest explained = slow.Explain(took, times, delayed);
  EXPECT_EQ(std::accumulate(explained.parts.begin(), explained.parts.end(), Nanos{0}), took) << "the parts are the whole";
  return explained;
}

TEST(SlowRequestsTest, SlowIsLongAndUnusual) {
  SlowRequests slow;
  EXPECT_FALSE(slow.Note(1, 9 * kMillisecond)) << "nobody minds";
  EXPECT_FALSE(slow.Note(1, 30 * kMillisecond)) << "not four times as long";
  EXPECT_TRUE(slow.Note(1, 100 * kMillisecond));
  EXPECT_TRUE(slow.Note(2, 50 * kMillisecond)) << "a function's first one has nothing to be usual";
  EXPECT_FALSE(slow.Note(2, 60 * kMillisecond));
}

TEST(SlowRequestsTest, WhatStaysSlowBecomesUsual) {
  SlowRequests slow;
  for (int i = 0; i < 100; ++i) slow.Note(1, kMillisecond);
  int told = 0;
  while (slow.Note(1, 50 * kMillisecond)) ASSERT_LT(++told, 100);
  EXPECT_GT(told, 4);
}

TEST(SlowRequestsTest, EachPartCanBeTheCause) {
  EXPECT_EQ(Explain({.waited = 60 * kMillisecond, .turns = 20 * kMillisecond}).cause, SlowCause::kColdStart);
  EXPECT_EQ(Explain({.turns = 20 * kMillisecond}).cause, SlowCause::kQueue);
  EXPECT_EQ(Explain({.turns = 80 * kMillisecond}).cause, SlowCause::kFunction);
  EXPECT_EQ(Explain({.turns = 80 * kMillisecond, .unoptimized = true}).cause, SlowCause::kJit);
  EXPECT_EQ(Explain({.turns = 90 * kMillisecond, .collecting = 70 * kMillisecond}).cause, SlowCause::kGc);
  EXPECT_EQ(Explain({.turns = 5 * kMillisecond, .upstream = 90 * kMillisecond, .pending = true}).cause, SlowCause::kUpstream);
  EXPECT_EQ(Explain({.turns = 5 * kMillisecond, .pending = true}).cause, SlowCause::kWait);
  EXPECT_EQ(Explain({.away = true}).cause, SlowCause::kOffload);
  EXPECT_EQ(Explain({.turns = 30 * kMillisecond}, 80 * kMillisecond).cause, SlowCause::kCpuSteal);
}

// The thread's delay is of all that happened on it: what a pending request waited for elsewhere was not delayed by it.
TEST(SlowRequestsTest, ADelayOfTheThreadIsNotPutDownToWaitingElsewhere) {
  const SlowRequest slow = Explain({.turns = 10 * kMillisecond, .upstream = 60 * kMillisecond, .pending = true}, 40 * kMillisecond);
  EXPECT_EQ(slow.parts[static_cast<int>(SlowCause::kCpuSteal)], 10 * kMillisecond);
  EXPECT_EQ(slow.parts[static_cast<int>(SlowCause::kWait)], 30 * kMillisecond);
}

TEST(SlowRequestsTest, PartsThatClaimTooMuchAreCut) {
  const SlowRequest slow = Explain({.waited = 90 * kMillisecond, .turns = 90 * kMillisecond, .upstream = 90 * kMillisecond,
                                    .collecting = 90 * kMillisecond});
  EXPECT_EQ(slow.parts[static_cast<int>(SlowCause::kUpstream)], 10 * kMillisecond);
  EXPECT_EQ(slow.parts[static_cast<int>(SlowCause::kFunction)], 0);
}

TEST(SlowRequestsTest, TheTextHasTheLargestPartFirstAndNoNoise) {
  SlowRequests requests;
  requests.Note(1, 2 * kMillisecond);
  ASSERT_TRUE(requests.Note(1, 153 * kMillisecond));
  const SlowRequest slow = requests.Explain(153 * kMillisecond, {.waited = 120 * kMillisecond, .turns = 33 * kMillisecond - 1}, 0);
  EXPECT_EQ(slow.Text(), "slow: 153.0 ms, usually 2.0 ms: cold-start 120.0 ms, function 33.0 ms");
  EXPECT_EQ(Explain({.turns = 100 * kMillisecond}).Text(), "slow: 100.0 ms: function 100.0 ms");
}

TEST(RunDelayTest, CountsSinceTheLastCall) {
  RunDelay delay;
  EXPECT_GE(delay.Take(), 0);
}

}  // namespace
}  // namespace zts
