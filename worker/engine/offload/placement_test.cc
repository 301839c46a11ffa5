#include "worker/engine/offload/placement.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "worker/engine/limits.h"

namespace zts::offload {
namespace {

constexpr Nanos kWindow = kOffloadLook;
// All that a thread can use.
constexpr Nanos kAll = kWindow;

class PlacementTest : public testing::Test {
 protected:
  Placement::Place Take(uint64_t version_id, uint32_t shard = 0) { return placement_.Take(shard, version_id, now_); }
  std::vector<Placement::Move> Look(std::vector<Placement::Load> loads, Nanos after = kWindow) {
    now_ += after;
    return placement_.Look(now_, kWindow, loads);
  }

  Placement placement_{3};
  Nanos now_ = kSecond;
};

TEST_F(PlacementTest, EachVersionGetsAThreadOfItsOwnWhileThereAreSome) {
  std::set<uint32_t> threads;
  for (uint64_t version = 1; version <= 3; ++version) threads.insert(Take(version).thread);
  EXPECT_EQ(threads.size(), 3u);
  for (uint32_t thread = 0; thread < 3; ++thread) EXPECT_EQ(placement_.uses(thread), 1u);
}

TEST_F(PlacementTest, ThenTheOneThatHasUsedTheLeast) {
  for (uint64_t version = 1; version <= 3; ++version) Take(version);
  EXPECT_TRUE(Look({{kAll, 1}, {kAll / 9, 0}, {kAll / 2, 3}}).empty());
  EXPECT_EQ(Take(4).thread, 1u);
  // What has just come counts as much as there is.
  EXPECT_EQ(Take(5).thread, 2u);
}

TEST_F(PlacementTest, AVersionOfSeveralShardsWaitsForItselfRatherThanForOthers) {
  const uint32_t own = Take(1, 0).thread;
  Take(2, 0);
  Take(3, 0);
  Look({{kAll, 1}, {0, 0}, {0, 0}});
  EXPECT_EQ(Take(1, 1).thread, own);
}

TEST_F(PlacementTest, APlaceThatIsGivenBackIsFree) {
  const Placement::Place place = Take(1);
  Take(2);
  Take(3);
  placement_.Give(place.serial);
  EXPECT_FALSE(placement_.used(place.thread));
  EXPECT_EQ(Take(4).thread, place.thread);
  placement_.Give(place.serial);  // again: nothing
  EXPECT_TRUE(placement_.used(place.thread));
}

TEST_F(PlacementTest, OneThatWaitsMovesToAThreadThatHasNobody) {
  const Placement::Place first = Take(1), second = Take(2), third = Take(3);
  const Placement::Place shares = Take(4);
  ASSERT_EQ(shares.thread, first.thread);
  placement_.Give(second.serial);
  // The turn of 1 does not end: 4 is the one to go.
  const auto moves = Look({{kAll, 1}, {0, 0}, {kAll, 3}});
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].version_id, 4u);
  EXPECT_EQ(moves[0].serial, shares.serial);
  EXPECT_EQ(moves[0].from, first.thread);
  EXPECT_EQ(moves[0].to, second.thread);
  // The thread is held until the shard has left it.
  placement_.Give(first.serial);
  EXPECT_TRUE(placement_.used(first.thread));
  placement_.Left(first.thread);
  EXPECT_FALSE(placement_.used(first.thread));
  EXPECT_EQ(placement_.uses(third.thread), 1u);
}

TEST_F(PlacementTest, AndOfTwoTheOneWhoseTurnItIsNotWhicheverCameFirst) {
  Take(1);
  const Placement::Place second = Take(2);
  Take(3);
  Take(4);
  placement_.Give(second.serial);
  const auto moves = Look({{kAll, 4}, {0, 0}, {0, 0}});
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].version_id, 1u);
}

TEST_F(PlacementTest, AThreadWhoseFunctionsNobodyCallsIsIdleToo) {
  for (uint64_t version = 1; version <= 4; ++version) Take(version);
  // What has just come has not shown what it does.
  EXPECT_TRUE(Look({{kAll, 1}, {0, 0}, {0, 0}}).empty());
  const auto moves = Look({{kAll, 1}, {kAll / 20, 0}, {0, 0}}, kOffloadMoveRest);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].version_id, 4u);
  EXPECT_EQ(moves[0].to, 2u);
}

TEST_F(PlacementTest, NobodyMovesWithoutNeed) {
  for (uint64_t version = 1; version <= 6; ++version) Take(version);
  // Shared, but hardly busy; and busy, but with nowhere to go.
  EXPECT_TRUE(Look({{kAll / 20, 0}, {0, 0}, {0, 0}}, kOffloadMoveRest).empty());
  EXPECT_TRUE(Look({{kAll, 1}, {kAll, 2}, {kAll, 3}}, kOffloadMoveRest).empty());
}

TEST_F(PlacementTest, AThreadInATurnIsBusyOnAMachineThatGivesItNoTime) {
  for (uint64_t version = 1; version <= 4; ++version) Take(version);
  const auto moves = Look({{0, 1}, {0, 2}, {0, 0}}, kOffloadMoveRest);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].version_id, 4u);
  EXPECT_EQ(moves[0].to, 2u);
}

TEST_F(PlacementTest, OneThatHasMovedStaysForAWhile) {
  for (uint64_t version = 1; version <= 4; ++version) Take(version);
  ASSERT_EQ(Look({{kAll, 1}, {kAll, 2}, {0, 0}}, kOffloadMoveRest).size(), 1u);  // 4 is with 3
  // 3 wakes up, and 2 falls asleep: 3 goes, since 4 has just come.
  auto moves = Look({{kAll, 1}, {0, 0}, {kAll, 3}});
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].version_id, 3u);
  EXPECT_EQ(moves[0].to, 1u);
}

TEST_F(PlacementTest, AVersionWithSeveralThreadsMakesRoom) {
  for (uint32_t shard = 0; shard < 3; ++shard) Take(1, shard);  // each thread has it
  const Placement::Place other = Take(2, 0);
  const std::vector<Placement::Load> busy(3, {kAll, 1});
  const auto moves = Look(busy, kOffloadMoveRest);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].version_id, 1u);
  EXPECT_EQ(moves[0].from, other.thread);
  EXPECT_NE(moves[0].to, other.thread);
  EXPECT_EQ(placement_.uses(other.thread), 1u);
  // And so it stays: nobody waits for another version.
  EXPECT_TRUE(Look(busy, kOffloadMoveRest).empty());
}

TEST_F(PlacementTest, ItTakesItsThreadsAgainWhenTheyAreIdle) {
  for (uint32_t shard = 0; shard < 3; ++shard) Take(1, shard);
  const Placement::Place other = Take(2, 0);
  const std::vector<Placement::Load> busy(3, {kAll, 1});
  ASSERT_EQ(Look(busy, kOffloadMoveRest).size(), 1u);
  placement_.Give(other.serial);
  std::vector<Placement::Load> loads(3, {kAll, 1});
  loads[other.thread] = {};
  const auto moves = Look(loads, kOffloadMoveRest);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].to, other.thread);
}

// Whatever comes and goes: with as many versions as threads, none shares for long.
TEST_F(PlacementTest, AsManyVersionsAsThreadsEndUpApart) {
  for (uint32_t shard = 0; shard < 4; ++shard) {
    for (uint64_t version = 1; version <= 3; ++version) Take(version, shard);
  }
  const std::vector<Placement::Load> busy(3, {kAll, 1});
  for (int look = 0; look < 12; ++look) Look(busy, kOffloadMoveRest);
  EXPECT_TRUE(Look(busy, kOffloadMoveRest).empty());
  for (uint32_t thread = 0; thread < 3; ++thread) EXPECT_EQ(placement_.uses(thread), 4u) << thread;
}

}  // namespace
}  // namespace zts::offload
