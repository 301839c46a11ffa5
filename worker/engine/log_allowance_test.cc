#include "worker/engine/log_allowance.h"

#include <gtest/gtest.h>

#include "worker/engine/limits.h"

namespace zts {
namespace {

constexpr uint64_t kLoud = 1, kQuiet = 2;

TEST(LogAllowanceTest, ABurstAndThenAsMuchAsASecondBrings) {
  LogAllowance allowance;
  Nanos now = 5 * kSecond;
  size_t taken = 0;
  while (allowance.Take(kLoud, 1024, now)) taken += 1024;
  EXPECT_EQ(taken, kLogBurstBytes);
  now += kSecond / 4;
  taken = 0;
  while (allowance.Take(kLoud, 1024, now)) taken += 1024;
  EXPECT_EQ(taken, kLogBytesPerSecond / 4);
  now += 3600 * kSecond;
  taken = 0;
  while (allowance.Take(kLoud, 1024, now)) taken += 1024;
  EXPECT_EQ(taken, kLogBurstBytes) << "an hour's silence is no larger burst";
}

TEST(LogAllowanceTest, ANeighbourHasItsOwn) {
  LogAllowance allowance;
  while (allowance.Take(kLoud, 1024, 0)) {
  }
  EXPECT_TRUE(allowance.Take(kQuiet, 1024, 0));
  EXPECT_EQ(allowance.TakeDropped(kQuiet), 0u);
  EXPECT_EQ(allowance.TakeDropped(kLoud), 1u);
  EXPECT_EQ(allowance.TakeDropped(kLoud), 0u);
}

TEST(LogAllowanceTest, AClockThatStepsBackGivesNothing) {
  LogAllowance allowance;
  while (allowance.Take(kLoud, 1024, 10 * kSecond)) {
  }
  EXPECT_FALSE(allowance.Take(kLoud, 1024, 2 * kSecond));
  EXPECT_TRUE(allowance.Take(kLoud, 1024, 3 * kSecond));
}

TEST(LogAllowanceTest, ManyVersionsAreBounded) {
  LogAllowance allowance;
  for (uint64_t id = 1; id <= 3 * kLogAllowancesMax; ++id) EXPECT_TRUE(allowance.Take(id, 1, static_cast<Nanos>(id)));
  // The latest is still known, an early one begins anew.
  allowance.AddDropped(3 * kLogAllowancesMax, 7);
  EXPECT_EQ(allowance.TakeDropped(3 * kLogAllowancesMax), 7u);
  allowance.AddDropped(1, 7);
  EXPECT_EQ(allowance.TakeDropped(1), 0u);
}

}  // namespace
}  // namespace zts
