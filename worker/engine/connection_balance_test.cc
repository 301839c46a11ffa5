#include "worker/engine/connection_balance.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "worker/engine/limits.h"

namespace zts {
namespace {

void BeginAll(ConnectionBalance& balance) {
  for (uint32_t shard = 0; shard < balance.shards(); ++shard) balance.Begin(shard);
}

void Join(ConnectionBalance& balance, uint32_t shard, int count) {
  for (int i = 0; i < count; ++i) balance.Join(shard);
}

TEST(ConnectionBalanceTest, SmallDifferencesStay) {
  ConnectionBalance balance(3);
  BeginAll(balance);
  EXPECT_EQ(balance.Choose(0), 0u);
  balance.Join(0);
  EXPECT_EQ(balance.Choose(0), 0u);
  balance.Join(0);
  EXPECT_EQ(balance.Choose(0), 1u);
  balance.Join(1);
  EXPECT_EQ(balance.Choose(0), 2u);
  EXPECT_EQ(balance.Choose(1), 1u);
  balance.Join(2);
  EXPECT_EQ(balance.Choose(0), 0u);
  balance.Leave(2);
  balance.Leave(1);
  EXPECT_EQ(balance.Choose(0), 1u);
}

TEST(ConnectionBalanceTest, WhoHasNotBegunGetsNone) {
  ConnectionBalance balance(2);
  Join(balance, 0, 100);
  balance.Begin(0);
  EXPECT_EQ(balance.Choose(0), 0u);
  balance.Begin(1);
  EXPECT_EQ(balance.Choose(0), 1u);
}

TEST(ConnectionBalanceTest, ManyMayDifferByTheirPart) {
  ConnectionBalance balance(2);
  BeginAll(balance);
  Join(balance, 0, 800 + 800 / kBalanceSlackParts + kBalanceSlack);
  Join(balance, 1, 800);
  EXPECT_EQ(balance.Choose(0), 0u);
  balance.Join(0);
  EXPECT_EQ(balance.Choose(0), 1u);
  EXPECT_EQ(balance.Choose(1), 1u);
}

// Whoever accepts all of them, they are spread.
TEST(ConnectionBalanceTest, OneThatAcceptsAllGivesThemAway) {
  for (const uint32_t shards : {1u, 2u, 5u, 64u}) {
    ConnectionBalance balance(shards);
    BeginAll(balance);
    for (uint32_t i = 0; i < 10 * shards; ++i) balance.Join(balance.Choose(shards - 1));
    for (uint32_t shard = 0; shard < shards; ++shard) {
      EXPECT_GE(balance.open(shard), 9u) << shards;
      EXPECT_LE(balance.open(shard), 12u + shards) << shards;
    }
  }
}

TEST(ConnectionBalanceTest, CountsOfManyThreadsComeOut) {
  ConnectionBalance balance(2);
  BeginAll(balance);
  std::vector<std::thread> threads;
  for (uint32_t self = 0; self < 2; ++self) {
    threads.emplace_back([&, self] {
      std::vector<uint32_t> mine;
      for (int i = 0; i < 10'000; ++i) {
        mine.push_back(balance.Choose(self));
        balance.Join(mine.back());
      }
      for (const uint32_t shard : mine) balance.Leave(shard);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(balance.open(0), 0u);
  EXPECT_EQ(balance.open(1), 0u);
}

TEST(ConnectionBalanceTest, AnExhaustedShardGetsFewer) {
  ConnectionBalance balance(2);
  BeginAll(balance);
  Join(balance, 0, 1);
  Join(balance, 1, 7);
  EXPECT_EQ(balance.Choose(0), 0u);
  EXPECT_EQ(balance.Choose(1), 0u);
  balance.SetExhausted(0, true);
  EXPECT_EQ(balance.Choose(0), 1u);
  EXPECT_EQ(balance.Choose(1), 1u);
  // But it gets some of many.
  Join(balance, 1, 93);
  EXPECT_EQ(balance.Choose(0), 0u);
  EXPECT_EQ(balance.Choose(1), 0u);
  balance.SetExhausted(1, true);
  Join(balance, 0, 98);
  EXPECT_EQ(balance.Choose(0), 0u);
  EXPECT_EQ(balance.Choose(1), 1u);
  balance.SetExhausted(0, false);
  EXPECT_EQ(balance.Choose(1), 0u);
}

}  // namespace
}  // namespace zts
