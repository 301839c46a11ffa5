#include "worker/supervisor/engine_counters.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

// Blocks 0 and 1 are another engine's; this one has 2 and 3.
class EngineCountersTest : public testing::Test {
 protected:
  EngineCountersTest()
      : shared_(std::move(*ipc::SharedCounters::Create(4, 4))), rows_(shared_.get(), &clock_), counters_(shared_.get(), &rows_, 2, 2) {
    catalog_.functions = {Spec(1, "a"), Spec(2, "b")};
  }
  static FunctionSpecPtr Spec(uint64_t id, const std::string& function) {
    auto spec = std::make_shared<FunctionSpec>();
    spec->version_id = id;
    spec->function = function;
    return spec;
  }
  ipc::FunctionCounters& Row(uint32_t block, const std::string& function) {
    return shared_->shard(block).functions[rows_.Assign(function)];
  }

  FakeClock clock_;
  std::unique_ptr<ipc::SharedCounters> shared_;
  CounterRows rows_;
  EngineCounters counters_;
  CatalogSpec catalog_;
};

TEST_F(EngineCountersTest, TheOnlyOneThatRanIsNamed) {
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 0u);
  Row(3, "b").in_flight.Set(2);
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 2u);
  Row(2, "b").in_flight.Set(1);
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 2u);
}

TEST_F(EngineCountersTest, OneOfSeveralIsNot) {
  Row(2, "a").in_flight.Set(1);
  Row(3, "b").in_flight.Set(1);
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 0u);
}

TEST_F(EngineCountersTest, NorOneOfTwoVersionsThatDivideTheirRequests) {
  catalog_.splits.push_back({catalog_.functions[1], Spec(3, "b"), 500, "", ""});
  Row(2, "b").in_flight.Set(1);
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 0u);
  Row(2, "b").in_flight.Set(0);
  Row(2, "a").in_flight.Set(1);
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 1u);
}

TEST_F(EngineCountersTest, WhatRunsInAnotherEngineIsItsOwn) {
  Row(0, "a").in_flight.Set(1);
  EXPECT_EQ(counters_.OnlyRunning(catalog_), 0u);
}

TEST_F(EngineCountersTest, LevelsAreNothingAfterADeathAndCountsStay) {
  ipc::ShardCounters& mine = shared_->shard(2);
  mine.connections_open.Set(9);
  mine.warm_isolates.Set(3);
  mine.connections_total.Set(100);
  Row(2, "a").in_flight.Set(1);
  Row(2, "a").heap_used_bytes.Set(1000);
  Row(2, "a").offloaded.Set(1);
  Row(2, "a").collections[0].Set(5);
  Row(1, "a").in_flight.Set(7);
  shared_->shard(1).connections_open.Set(4);
  counters_.ResetGauges();
  EXPECT_EQ(mine.connections_open.Read() + mine.warm_isolates.Read(), 0u);
  EXPECT_EQ(Row(2, "a").in_flight.Read() + Row(2, "a").heap_used_bytes.Read() + Row(2, "a").offloaded.Read(), 0u);
  EXPECT_EQ(mine.connections_total.Read(), 100u);
  EXPECT_EQ(Row(2, "a").collections[0].Read(), 5u);
  EXPECT_EQ(Row(1, "a").in_flight.Read(), 7u);
  EXPECT_EQ(shared_->shard(1).connections_open.Read(), 4u);
}

}  // namespace
}  // namespace zts::supervisor
