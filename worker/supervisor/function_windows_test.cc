#include "worker/supervisor/function_windows.h"

#include <gtest/gtest.h>

#include "jsruntime/outcome.h"

namespace zts::supervisor {
namespace {

class FunctionWindowsTest : public ::testing::Test {
 protected:
  FunctionWindowsTest() : row_(rows_.Assign("hello")) {}

  // One answered request.
  void Answer(uint32_t shard, int code_class, Nanos latency) {
    ipc::FunctionCounters& function = counters_->shard(shard).functions[row_];
    function.requests[code_class - 1].Add();
    function.latency.Record(latency);
  }

  std::unique_ptr<ipc::SharedCounters> counters_ = std::move(*ipc::SharedCounters::Create(2));
  FakeClock clock_;
  CounterRows rows_{counters_.get(), &clock_};
  FunctionWindows windows_{counters_.get(), &rows_};
  uint32_t row_;
};

TEST_F(FunctionWindowsTest, AStepIsWhatHappenedSinceTheLast) {
  Answer(0, 2, kMillisecond);
  windows_.Step();
  Answer(0, 2, kMillisecond);
  Answer(1, 5, 3 * kMillisecond);
  counters_->shard(1).functions[row_].outcomes[static_cast<int>(js::OutcomeKind::kMemoryLimit)].Add();
  counters_->shard(1).functions[row_].cold_starts[2].Add();
  const auto steps = windows_.Step();
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].function, "hello");
  EXPECT_EQ(steps[0].requests, 2u);
  EXPECT_EQ(steps[0].errors, 1u);
  EXPECT_EQ(steps[0].cold_starts, 1u);
  EXPECT_EQ(steps[0].limits_hit, 1u);
  EXPECT_EQ(steps[0].latency_sum_ns, static_cast<uint64_t>(4 * kMillisecond));
  ASSERT_EQ(steps[0].latency.size(), 2u);
  EXPECT_EQ(steps[0].latency[0], std::pair(static_cast<uint16_t>(ipc::Histogram::BucketOf(kMillisecond)), uint64_t{1}));
  EXPECT_TRUE(windows_.Step().empty());
}

TEST_F(FunctionWindowsTest, AWarmFunctionIsToldOfThoughNobodyCalls) {
  counters_->shard(0).functions[row_].isolates.Set(1);
  counters_->shard(0).functions[row_].heap_committed_bytes.Set(500);
  counters_->shard(1).functions[row_].external_bytes.Set(20);
  counters_->shard(1).functions[row_].heap_used_bytes.Set(300);
  counters_->shard(1).functions[row_].memory_limit_bytes.Set(1000);
  counters_->shard(0).functions[row_].collections[0].Set(3);
  counters_->shard(1).functions[row_].collections[1].Set(1);
  counters_->shard(0).functions[row_].collection_ns[0].Set(70);
  counters_->shard(1).functions[row_].collection_ns[1].Set(30);
  counters_->shard(0).functions[row_].collection_turn_ns.Set(60);
  const auto steps = windows_.Step();
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].isolates, 1u);
  const MemoryFigures& memory = steps[0].memory;
  EXPECT_EQ(memory.heap_committed_bytes, 500u);
  EXPECT_EQ(memory.external_bytes, 20u);
  EXPECT_EQ(memory.heap_used_bytes, 300u);
  EXPECT_EQ(memory.limit_bytes, 1000u);
  EXPECT_EQ(memory.minor_collections, 3u);
  EXPECT_EQ(memory.major_collections, 1u);
  EXPECT_EQ(memory.pause_inside_ns, 60u);
  EXPECT_EQ(memory.pause_outside_ns, 40u);
}

TEST_F(FunctionWindowsTest, RecentForgetsAfterAMinute) {
  Answer(0, 2, kMillisecond);
  EXPECT_FALSE(windows_.Recent("hello").has_value());  // nobody has looked yet
  for (size_t i = 0; i < FunctionWindows::kSteps; ++i) {
    windows_.Step();
    ASSERT_TRUE(windows_.Recent("hello").has_value()) << i;
    EXPECT_EQ(windows_.Recent("hello")->count(), 1u);
  }
  windows_.Step();
  EXPECT_FALSE(windows_.Recent("hello").has_value());
}

TEST_F(FunctionWindowsTest, ARowThatPassesToAnotherFunctionBeginsAnew) {
  for (uint32_t i = 1; i < ipc::kCounterRows; ++i) rows_.Assign("f" + std::to_string(i));  // the table is full
  Answer(0, 2, kMillisecond);
  windows_.Step();
  rows_.Retain({});
  clock_.Advance(CounterRows::kRest);
  row_ = rows_.Assign("next");
  windows_.Step();
  for (int i = 0; i < 5; ++i) Answer(0, 2, kMillisecond);
  const auto steps = windows_.Step();
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].function, "next");
  EXPECT_EQ(steps[0].requests, 5u);
  EXPECT_FALSE(windows_.Recent("hello").has_value());
}

TEST_F(FunctionWindowsTest, NobodyKnowsAFunctionThatIsNotThere) { EXPECT_FALSE(windows_.Recent("other").has_value()); }

}  // namespace
}  // namespace zts::supervisor
