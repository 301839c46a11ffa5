#include "worker/supervisor/restart_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace zts::supervisor {
namespace {

constexpr auto kUnknown = RestartPolicy::Culprit::kUnknown;
constexpr auto kVersion = RestartPolicy::Culprit::kVersion;

TEST(RestartPolicyTest, AFewAtOnceThenLaterAndLater) {
  RestartPolicy policy;
  for (int death = 0; death < RestartPolicy::kImmediate; ++death) EXPECT_EQ(policy.OnDeath(0, kUnknown), 0);
  Nanos before = 0;
  for (int death = 0; death < 30; ++death) {
    const Nanos delay = policy.OnDeath(0, kUnknown);
    EXPECT_GE(delay, std::max(before, RestartPolicy::kDelayMin));
    EXPECT_LE(delay, RestartPolicy::kDelayMax);
    before = delay;
  }
  EXPECT_EQ(before, RestartPolicy::kDelayMax);
}

TEST(RestartPolicyTest, OneThatHasServedIsReplacedAtOnce) {
  RestartPolicy policy;
  for (int death = 0; death < 10; ++death) policy.OnDeath(RestartPolicy::kStableAfter - 1, kUnknown);
  EXPECT_EQ(policy.OnDeath(RestartPolicy::kStableAfter, kUnknown), 0);
  EXPECT_EQ(policy.OnDeath(0, kUnknown), 0);
}

TEST(RestartPolicyTest, WhatAVersionHasEndedIsReplacedAtOnceAndForgotten) {
  RestartPolicy policy;
  for (int death = 0; death < 100; ++death) EXPECT_EQ(policy.OnDeath(0, kVersion), 0);
  for (int death = 0; death < RestartPolicy::kImmediate; ++death) EXPECT_EQ(policy.OnDeath(0, kUnknown), 0);
  EXPECT_EQ(policy.OnDeath(0, kVersion), 0);
  EXPECT_EQ(policy.OnDeath(0, kUnknown), RestartPolicy::kDelayMin);
}

}  // namespace
}  // namespace zts::supervisor
