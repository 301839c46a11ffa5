#include "worker/supervisor/counter_rows.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

class CounterRowsTest : public ::testing::Test {
 protected:
  std::unique_ptr<ipc::SharedCounters> counters_ = std::move(*ipc::SharedCounters::Create(2));
  FakeClock clock_;
  CounterRows rows_{counters_.get(), &clock_};

  void FillTable() {
    for (size_t i = 1; i < ipc::kCounterRows; ++i) ASSERT_EQ(rows_.Assign("f" + std::to_string(i)), i);
  }
  std::set<std::string> AllBut(size_t gone) {
    std::set<std::string> names;
    for (size_t i = 1; i < ipc::kCounterRows; ++i) {
      if (i != gone) names.insert("f" + std::to_string(i));
    }
    return names;
  }
};

TEST_F(CounterRowsTest, AFunctionKeepsItsRow) {
  EXPECT_EQ(rows_.Assign("a"), 1u);
  EXPECT_EQ(rows_.Assign("b"), 2u);
  EXPECT_EQ(rows_.Assign("a"), 1u);
  const auto in_use = rows_.InUse();
  ASSERT_EQ(in_use.size(), 3u);
  EXPECT_EQ(in_use[0], (std::pair<std::string, uint32_t>{"_other", 0}));
}

TEST_F(CounterRowsTest, ADeletedFunctionIsHiddenAndComesBackWithItsFigures) {
  const uint32_t row = rows_.Assign("a");
  counters_->shard(0).functions[row].requests[1].Set(7);
  rows_.Retain({});
  EXPECT_EQ(rows_.InUse().size(), 1u);
  EXPECT_EQ(rows_.Assign("a"), row);
  EXPECT_EQ(counters_->shard(0).functions[row].requests[1].Read(), 7u);
  EXPECT_EQ(rows_.InUse().size(), 2u);
}

TEST_F(CounterRowsTest, BeyondTheTableAllShareTheFirstRow) {
  FillTable();
  EXPECT_EQ(rows_.Assign("one more"), 0u);
  EXPECT_EQ(rows_.InUse().size(), ipc::kCounterRows);
}

TEST_F(CounterRowsTest, ARowIsReusedZeroedAfterItsRest) {
  FillTable();
  ipc::FunctionCounters& row = counters_->shard(1).functions[9];
  row.requests[1].Set(7);
  row.outcomes[3].Set(8);
  row.cold_starts[2].Set(9);
  row.latency.Record(kMillisecond);
  rows_.Retain(AllBut(9));
  EXPECT_EQ(rows_.Assign("new"), 0u) << "a late request of f9 would be counted for it";
  clock_.Advance(CounterRows::kRest);
  EXPECT_EQ(rows_.Assign("new"), 9u);
  EXPECT_EQ(row.requests[1].Read(), 0u);
  EXPECT_EQ(row.outcomes[3].Read(), 0u);
  EXPECT_EQ(row.cold_starts[2].Read(), 0u);
  EXPECT_EQ(row.latency.sum_ns(), 0u);
  EXPECT_EQ(row.latency.bucket(ipc::Histogram::BucketOf(kMillisecond)), 0u);
}

TEST_F(CounterRowsTest, ARowWithRequestsInFlightIsNotReused) {
  FillTable();
  rows_.Retain(AllBut(9));
  clock_.Advance(CounterRows::kRest);
  counters_->shard(1).functions[9].in_flight.Set(1);
  EXPECT_EQ(rows_.Assign("new"), 0u);
  counters_->shard(1).functions[9].in_flight.Set(0);
  EXPECT_EQ(rows_.Assign("new"), 9u);
}

}  // namespace
}  // namespace zts::supervisor
