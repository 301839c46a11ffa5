#include "worker/supervisor/cpu_budget.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

TEST(CpuBudgetTest, ReadsAQuota) {
  EXPECT_EQ(ParseCpuMax("150000 100000\n"), 1.5);
  EXPECT_EQ(ParseCpuMax("max 100000\n"), std::nullopt);
  EXPECT_EQ(ParseCpuMax(""), std::nullopt);
  EXPECT_EQ(ParseCpuMax("0 0"), std::nullopt);
  EXPECT_EQ(ParseCpuMax("-1 100000"), std::nullopt);
}

TEST(CpuBudgetTest, TakesTheSmallerOfCoresAndQuota) {
  EXPECT_EQ((CpuBudget{{0, 1, 2, 3}, std::nullopt}).Shards(), 4u);
  EXPECT_EQ((CpuBudget{{0, 1, 2, 3}, 2.9}).Shards(), 2u);
  EXPECT_EQ((CpuBudget{{0, 1, 2, 3}, 0.5}).Shards(), 1u);
  EXPECT_EQ((CpuBudget{{0, 1}, 64}).Shards(), 2u);
  EXPECT_EQ((CpuBudget{{}, std::nullopt}).Shards(), 1u);
}

TEST(CpuBudgetTest, FindsThisMachine) {
  const CpuBudget budget = ReadCpuBudget();
  EXPECT_FALSE(budget.cpus.empty());
  EXPECT_GE(budget.Shards(), 1u);
}

}  // namespace
}  // namespace zts::supervisor
