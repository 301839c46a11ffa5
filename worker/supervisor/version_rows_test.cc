#include "worker/supervisor/version_rows.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

class VersionRowsTest : public testing::Test {
 protected:
  static FunctionSpec Spec(uint64_t id, uint64_t number) {
    FunctionSpec spec;
    spec.version_id = id;
    spec.function = "f";
    spec.number = number;
    return spec;
  }
  ipc::VersionCounters& Row(uint32_t row, uint32_t shard = 0) { return counters_->shard(shard).versions[row]; }

  FakeClock clock_;
  std::unique_ptr<ipc::SharedCounters> counters_ = *ipc::SharedCounters::Create(2);
  VersionRows rows_{counters_.get(), &clock_};
};

TEST_F(VersionRowsTest, AWindowIsWhatCameSinceTheLastOfAllShards) {
  const uint32_t row = rows_.Assign(Spec(7, 3));
  EXPECT_NE(row, 0u);
  EXPECT_EQ(rows_.Assign(Spec(7, 3)), row);
  EXPECT_TRUE(rows_.Take().empty());
  Row(row, 0).requests.Add(5);
  Row(row, 1).requests.Add(2);
  Row(row, 1).errors.Add(1);
  Row(row, 0).cold_starts.Add(3);
  Row(row, 0).latency.Record(kMillisecond);
  Row(row, 1).latency.Record(kMillisecond);
  const auto windows = rows_.Take();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].function, "f");
  EXPECT_EQ(windows[0].number, 3u);
  EXPECT_EQ(windows[0].requests, 7u);
  EXPECT_EQ(windows[0].errors, 1u);
  EXPECT_EQ(windows[0].cold_starts, 3u);
  ASSERT_EQ(windows[0].latencies.size(), 1u);
  EXPECT_GT(windows[0].latencies[0].first, kMillisecond);
  EXPECT_EQ(windows[0].latencies[0].second, 2u);
  EXPECT_TRUE(rows_.Take().empty());
  Row(row).requests.Add(1);
  EXPECT_EQ(rows_.Take()[0].requests, 1u);
}

TEST_F(VersionRowsTest, ARowRestsBeforeAnotherGetsItAndBeginsAtNothing) {
  const uint32_t row = rows_.Assign(Spec(1, 1));
  Row(row).requests.Add(9);
  rows_.Retain({});
  EXPECT_TRUE(rows_.Take().empty());
  EXPECT_NE(rows_.Assign(Spec(2, 2)), row);
  clock_.Advance(VersionRows::kRest);
  EXPECT_EQ(rows_.Assign(Spec(3, 3)), row);
  EXPECT_TRUE(rows_.Take().empty());
}

TEST_F(VersionRowsTest, BeyondTheTableNobodyIsCounted) {
  for (uint64_t id = 1; id < ipc::kVersionRows; ++id) EXPECT_NE(rows_.Assign(Spec(id, id)), 0u);
  EXPECT_EQ(rows_.Assign(Spec(9999, 1)), 0u);
}

}  // namespace
}  // namespace zts::supervisor
