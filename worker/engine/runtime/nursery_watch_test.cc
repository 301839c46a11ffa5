#include "worker/engine/runtime/nursery_watch.h"

#include <gtest/gtest.h>

namespace zts::runtime {
namespace {

constexpr size_t kCapacity = 1000;

TEST(NurseryWatchTest, LooksOnlyAfterAnInterruption) {
  NurseryWatch watch;
  EXPECT_FALSE(watch.watching());
  watch.Interrupted();
  EXPECT_TRUE(watch.watching());
}

TEST(NurseryWatchTest, AsksForACollectionWhereTheNextPassHasNoRoom) {
  NurseryWatch watch;
  watch.Interrupted();
  EXPECT_FALSE(watch.IsTooFull({100, kCapacity}));  // what this pass has added is not known
  EXPECT_FALSE(watch.IsTooFull({400, kCapacity}));
  EXPECT_FALSE(watch.IsTooFull({700, kCapacity}));  // there is room for just one more
  EXPECT_TRUE(watch.IsTooFull({1000, kCapacity}));
  watch.SetUsed({50, kCapacity});
  EXPECT_FALSE(watch.IsTooFull({350, kCapacity}));
}

TEST(NurseryWatchTest, OneBigPassIsForgottenByAndBy) {
  NurseryWatch watch;
  watch.Interrupted();
  watch.IsTooFull({0, kCapacity});
  watch.IsTooFull({400, kCapacity});
  EXPECT_TRUE(watch.IsTooFull({701, kCapacity}));
  watch.SetUsed({0, kCapacity});
  for (int pass = 0; pass < 20; ++pass) watch.IsTooFull({10, kCapacity});
  EXPECT_FALSE(watch.IsTooFull({700, kCapacity}));
}

TEST(NurseryWatchTest, WhatNeedsMoreThanHalfIsLeftAlone) {
  NurseryWatch watch;
  watch.Interrupted();
  watch.IsTooFull({0, kCapacity});
  EXPECT_FALSE(watch.IsTooFull({700, kCapacity}));
}

TEST(NurseryWatchTest, EndsWhereV8sOwnTaskIsEnough) {
  NurseryWatch calm, busy;
  calm.Interrupted();
  busy.Interrupted();
  for (uint32_t pass = 0; pass < NurseryWatch::kCalmPasses; ++pass) {
    calm.IsTooFull({pass * 10, kCapacity});
    busy.IsTooFull({pass % 2 * 300, kCapacity});
  }
  EXPECT_FALSE(calm.watching());
  EXPECT_TRUE(busy.watching());
}

TEST(NurseryWatchTest, WhoSaysWhatARequestMakesIsLookedAtFromTheBeginning) {
  NurseryWatch watch(200);
  EXPECT_TRUE(watch.watching());
  EXPECT_TRUE(watch.watching_requests());
  EXPECT_FALSE(NurseryWatch().watching_requests());
  EXPECT_FALSE(watch.LacksRoom({800, kCapacity}));
  EXPECT_TRUE(watch.LacksRoom({801, kCapacity}));
  EXPECT_FALSE(watch.IsTooFull({800, kCapacity}));
  EXPECT_TRUE(watch.IsTooFull({801, kCapacity}));
  for (uint32_t pass = 0; pass < 2 * NurseryWatch::kCalmPasses; ++pass) watch.IsTooFull({0, kCapacity});
  EXPECT_TRUE(watch.watching());
}

// Three requests came in one pass: the next may bring one, and has room for it.
TEST(NurseryWatchTest, ALargePassIsNoReasonToCollectWhereARequestIsKnown) {
  NurseryWatch watch(200);
  watch.IsTooFull({0, kCapacity});
  EXPECT_FALSE(watch.IsTooFull({600, kCapacity}));
  EXPECT_TRUE(watch.IsTooFull({900, kCapacity}));
}

TEST(NurseryWatchTest, MoreThanWasSaidIsNeeded) {
  NurseryWatch watch(200);
  watch.IsTooFull({0, kCapacity});
  watch.IsTooFull({400, kCapacity});
  EXPECT_TRUE(watch.IsTooFull({700, kCapacity}));
}

// What survives leaves no room: another collection would find as much.
TEST(NurseryWatchTest, IsNotCollectedAgainForWhatHasSurvived) {
  NurseryWatch watch(200);
  watch.SetUsed({850, kCapacity});
  EXPECT_FALSE(watch.LacksRoom({850, kCapacity}));
  EXPECT_FALSE(watch.IsTooFull({900, kCapacity}));
  watch.Collected();  // of V8's own accord: nothing is known of what is left
  EXPECT_TRUE(watch.LacksRoom({900, kCapacity}));
}

TEST(NurseryWatchTest, ACollectionInAPassTellsNothingOfIt) {
  NurseryWatch watch;
  watch.Interrupted();
  watch.IsTooFull({0, kCapacity});
  watch.IsTooFull({300, kCapacity});
  watch.Collected();
  EXPECT_FALSE(watch.IsTooFull({690, kCapacity}));  // not 390: some of it was there before
  EXPECT_FALSE(watch.IsTooFull({20, kCapacity}));
}

}  // namespace
}  // namespace zts::runtime
