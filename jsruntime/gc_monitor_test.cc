// What a client is told of collections, by the real V8.
#include "jsruntime/gc_monitor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

class GcMonitorTest : public FunctionTest {
 protected:
  long Count(GcKind kind, GcDuring during) const {
    return std::count_if(client_.collections.begin(), client_.collections.end(),
                         [&](const auto& one) { return one.kind == kind && one.during == during; });
  }
};

TEST_F(GcMonitorTest, ATurnThatMakesGarbageTellsOfScavenges) {
  Run("let kept; export default () => { for (let i = 0; i < 300000; ++i) kept = new Array(16).fill(i); return new Response(); }");
  EXPECT_GT(Count(GcKind::kMinor, GcDuring::kTurn), 0);
  EXPECT_EQ(Count(GcKind::kMajor, GcDuring::kIdle), 0);
  for (const auto& one : client_.collections) EXPECT_GT(one.pause, 0);
}

TEST_F(GcMonitorTest, ALargerNurseryIsCollectedLessOften) {
  const char* source = "let kept; "
                       "export default () => { for (let i = 0; i < 600000; ++i) kept = new Array(16).fill(i); return new Response(); }";
  int collections[2];
  for (const size_t mib : {1, 16}) {
    nursery_bytes_ = mib << 20;
    client_.collections.clear();
    Run(source);
    collections[mib == 16] = Count(GcKind::kMinor, GcDuring::kTurn);
  }
  EXPECT_GT(collections[0], 3 * collections[1]);
  EXPECT_GT(collections[1], 0);
}

// V8 posts a task once the nursery is nearly full: run between requests, it spares the next one the pause.
TEST_F(GcMonitorTest, ATaskCollectsBetweenRequests) {
  ASSERT_TRUE(Load("export default () => { let kept; for (let i = 0; i < 200; ++i) kept = new Array(16).fill(i); "
                   "return new Response(); }").outcome.ok());
  client_.tasks_posted = 0;
  for (int i = 0; i < 10000 && Count(GcKind::kMinor, GcDuring::kTask) == 0; ++i) {
    Send();
    if (client_.tasks_posted.exchange(0) > 0) isolate_->RunTasks();
  }
  EXPECT_GT(Count(GcKind::kMinor, GcDuring::kTask), 0);
  EXPECT_EQ(Count(GcKind::kMinor, GcDuring::kTurn), 0);
}

TEST_F(GcMonitorTest, ACollectionInIdleTimeIsNoRequests) {
  Run("export default () => new Response()");
  client_.collections.clear();
  isolate_->CollectGarbage();
  EXPECT_GT(Count(GcKind::kMajor, GcDuring::kIdle), 0);
  EXPECT_EQ(Count(GcKind::kMajor, GcDuring::kTurn) + Count(GcKind::kMinor, GcDuring::kTurn), 0);
}

TEST_F(GcMonitorTest, TheNurseryAloneIsCollectedBetweenRequestsWhenAskedFor) {
  Run("export default () => { let kept; for (let i = 0; i < 1000; ++i) kept = new Array(16).fill(i); return new Response(); }");
  client_.collections.clear();
  const Nursery before = isolate_->nursery();
  EXPECT_GT(before.used_bytes, 100'000u);
  EXPECT_LE(before.used_bytes, before.capacity_bytes);
  isolate_->CollectNursery();
  EXPECT_EQ(Count(GcKind::kMinor, GcDuring::kTask), 1);
  EXPECT_EQ(client_.collections.size(), 1u);
  EXPECT_LT(isolate_->nursery().used_bytes, before.used_bytes);
  Send();
  EXPECT_TRUE(isolate_->usable());
}

TEST_F(GcMonitorTest, WhatALoadCollectsIsNotTold) {
  Load("let kept; for (let i = 0; i < 300000; ++i) kept = new Array(16).fill(i); export default () => new Response()");
  EXPECT_TRUE(client_.collections.empty());
}

TEST_F(GcMonitorTest, ALoadTellsWhatItsContextTook) {
  const LoadReport report = Load("export default () => new Response()");
  EXPECT_GT(report.context, 0);
}

}  // namespace
}  // namespace zts::js
