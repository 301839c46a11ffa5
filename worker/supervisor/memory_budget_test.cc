#include "worker/supervisor/memory_budget.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

TEST(MemoryBudgetTest, ReadsALimit) {
  EXPECT_EQ(ParseMemoryMax("2147483648\n"), uint64_t{2} << 30);
  EXPECT_EQ(ParseMemoryMax("max\n"), std::nullopt);
  EXPECT_EQ(ParseMemoryMax(""), std::nullopt);
  EXPECT_EQ(ParseMemoryMax("-1"), std::nullopt);
}

TEST(MemoryBudgetTest, IsAPartOfTheLimit) {
  EXPECT_EQ(DefaultMemoryBudget(uint64_t{5} << 30), uint64_t{3} << 30);
  EXPECT_EQ(DefaultMemoryBudget(1 << 20), kMemoryBudgetMin);
}

TEST(MemoryBudgetTest, FindsThisMachine) { EXPECT_GT(ReadMemoryLimit(), uint64_t{64} << 20); }

}  // namespace
}  // namespace zts::supervisor
