#include "worker/supervisor/restart_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace zts::supervisor {
namespace {

TEST(RestartPolicyTest, AFewAtOnceThenLaterAndLater) {
  RestartPolicy policy;
  for (int death = 0; death < RestartPolicy::kImmediate; ++death) EXPECT_EQ(policy.OnDeath(0), 0);
  Nanos before = 0;
  for (int death = 0; death < 30; ++death) {
    const Nanos delay = policy.OnDeath(0);
    EXPECT_GE(delay, std::max(before, RestartPolicy::kDelayMin));
    EXPECT_LE(delay, RestartPolicy::kDelayMax);
    before = delay;
  }
  EXPECT_EQ(before, RestartPolicy::kDelayMax);
}

TEST(RestartPolicyTest, OneThatHasServedIsReplacedAtOnce) {
  RestartPolicy policy;
  for (int death = 0; death < 10; ++death) policy.OnDeath(RestartPolicy::kStableAfter - 1);
  EXPECT_EQ(policy.OnDeath(RestartPolicy::kStableAfter), 0);
  EXPECT_EQ(policy.OnDeath(0), 0);
}

}  // namespace
}  // namespace zts::supervisor
