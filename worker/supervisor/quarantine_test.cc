#include "worker/supervisor/quarantine.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

TEST(QuarantineTest, HoldsWhatDiedTooOftenWithinAWindow) {
  Quarantine quarantine;
  for (int death = 1; death < Quarantine::kDeathsMax; ++death) EXPECT_FALSE(quarantine.OnDeath(1, death));
  EXPECT_FALSE(quarantine.Holds(1));
  EXPECT_FALSE(quarantine.OnDeath(2, 5));
  EXPECT_TRUE(quarantine.OnDeath(1, 10));
  EXPECT_TRUE(quarantine.Holds(1));
  EXPECT_FALSE(quarantine.Holds(2));
  EXPECT_FALSE(quarantine.OnDeath(1, 11));  // told once
}

TEST(QuarantineTest, DeathsThatAreOldDoNotCount) {
  Quarantine quarantine;
  for (int death = 0; death < 3 * Quarantine::kDeathsMax; ++death) {
    EXPECT_FALSE(quarantine.OnDeath(1, death * (Quarantine::kWindow / (Quarantine::kDeathsMax - 1) + 1))) << death;
  }
}

TEST(QuarantineTest, OneThatIsPardonedBeginsAnew) {
  Quarantine quarantine;
  EXPECT_FALSE(quarantine.Pardon(1));
  for (int death = 0; death < Quarantine::kDeathsMax; ++death) quarantine.OnDeath(1, death);
  EXPECT_TRUE(quarantine.Pardon(1));
  EXPECT_FALSE(quarantine.Holds(1));
  for (int death = 1; death < Quarantine::kDeathsMax; ++death) EXPECT_FALSE(quarantine.OnDeath(1, 10 + death));
  EXPECT_TRUE(quarantine.OnDeath(1, 20));
}

TEST(QuarantineTest, WhatIsNamedNoMoreIsForgotten) {
  Quarantine quarantine;
  for (int death = 0; death < Quarantine::kDeathsMax; ++death) quarantine.OnDeath(1, death);
  quarantine.OnDeath(2, 0);
  quarantine.Retain({2});
  EXPECT_FALSE(quarantine.Holds(1));
  for (int death = 1; death < Quarantine::kDeathsMax; ++death) quarantine.OnDeath(2, death);
  EXPECT_TRUE(quarantine.Holds(2));
  EXPECT_EQ(quarantine.held(), (std::set<uint64_t>{2}));
}

}  // namespace
}  // namespace zts::supervisor
