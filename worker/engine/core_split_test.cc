#include "worker/engine/core_split.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>

namespace zts {
namespace {

using Cores = std::vector<uint32_t>;

TEST(CoreSplitTest, WithoutACoreToSpareNothingIsBound) {
  for (const Cores& allowed : {Cores{0}, Cores{0, 1}}) {
    const CoreSplit split = SplitCores(allowed, {}, {2, 4}, 7);
    EXPECT_TRUE(split.shards.empty());
    EXPECT_TRUE(split.offloads.empty());
  }
}

TEST(CoreSplitTest, OffloadThreadsGetOneEachAtMostAndShardsTheRest) {
  for (uint32_t turn = 0; turn < 20; ++turn) {
    const CoreSplit split = SplitCores({2, 3, 5, 7, 11}, {}, {2, 2}, turn);
    EXPECT_EQ(split.offloads.size(), 2u);
    EXPECT_EQ(split.shards.size(), 3u);
    for (const uint32_t core : split.offloads) {
      EXPECT_EQ(std::count(split.shards.begin(), split.shards.end(), core), 0) << core;
    }
  }
  EXPECT_NE(SplitCores({0, 1}, {}, {1, 4}, 0).shards, SplitCores({0, 1}, {}, {1, 4}, 1).shards);
}

TEST(CoreSplitTest, ShardsKeepACoreEachHoweverManyOffloadThreadsThereMayBe) {
  const CoreSplit split = SplitCores({0, 1, 2, 3, 4}, {}, {2, 4}, 3);
  EXPECT_EQ(split.offloads, (Cores{3, 4, 0}));
  EXPECT_EQ(split.shards, (Cores{1, 2}));
}

TEST(CoreSplitTest, PinnedShardsAreLeftAlone) {
  const CoreSplit split = SplitCores({0, 1, 2}, {0, 1}, {2, 4}, 0);
  EXPECT_TRUE(split.shards.empty());
  EXPECT_EQ(split.offloads, (Cores{2}));
  EXPECT_TRUE(SplitCores({0, 1}, {0, 1}, {2, 4}, 0).offloads.empty());
}

TEST(CoreSplitTest, AThreadIsBoundToWhatItMayUse) {
  const Cores allowed = AllowedCores();
  ASSERT_FALSE(allowed.empty());
  BindTo({allowed.back()});
  EXPECT_EQ(AllowedCores(), (Cores{allowed.back()}));
  BindTo(allowed);
  EXPECT_EQ(AllowedCores(), allowed);
}

TEST(CoreSplitTest, AnotherThreadIsBoundTooUnlessItHasEnded) {
  const Cores allowed = AllowedCores();
  ASSERT_FALSE(allowed.empty());
  std::promise<pid_t> begun;
  std::promise<void> bound;
  Cores seen;
  std::thread other([&] {
    begun.set_value(::gettid());
    bound.get_future().wait();
    seen = AllowedCores();
  });
  const pid_t tid = begun.get_future().get();
  BindThread(tid, {allowed.front()});
  bound.set_value();
  other.join();
  EXPECT_EQ(seen, (Cores{allowed.front()}));
  EXPECT_EQ(AllowedCores(), allowed);
  BindThread(tid, {allowed.front()});
}

}  // namespace
}  // namespace zts
