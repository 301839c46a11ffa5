// Several shards on one thread: who accepts a connection gives it to one that has fewer, and none is lost, whoever drains.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

constexpr const char* kGet = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

class HandoverTest : public testing::Test {
 protected:
  static constexpr uint32_t kShards = 3;
  HandoverTest() : balance_(kShards) {
    for (uint32_t index = 0; index < kShards; ++index) {
      OtherShards others{&balance_, index, [this](uint32_t shard, std::function<void(Shard&)> task) {
                                    told_[shard].push_back(std::move(task));
                                  }};
      const auto requests = ShardHarness::Requests::kFromClients;
      shards_.push_back(std::make_unique<ShardHarness>(net::FakeFaults::None(), index + 1, requests, 1, others));
    }
  }
  ~HandoverTest() override {
    Hear();
    for (auto& shard : shards_) {
      EXPECT_EQ(shard->shard_->connections(), 0u);
      EXPECT_EQ(shard->io_->open_handles(), 0u);
    }
    for (uint32_t index = 0; index < kShards; ++index) EXPECT_EQ(balance_.open(index), 0u);
  }

  void Deploy() {
    for (auto& shard : shards_) shard->Deploy({{"hello", "respond 200 hi"}});
  }
  // Each shard hears what others have told it.
  void Hear() {
    for (bool more = true; more;) {
      more = false;
      for (uint32_t index = 0; index < kShards; ++index) {
        for (auto& task : std::exchange(told_[index], {})) {
          task(*shards_[index]->shard_);
          more = true;
        }
        shards_[index]->Settle();
      }
    }
  }
  // Connections that the first shard accepts, one after the other.
  std::vector<ShardHarness::Peer> Connect(int count) {
    std::vector<ShardHarness::Peer> peers;
    for (int i = 0; i < count; ++i) {
      peers.push_back(shards_[0]->Connect());
      shards_[0]->Settle();
      Hear();
    }
    return peers;
  }
  std::string Ask(ShardHarness::Peer peer) {
    shards_[0]->io_->PeerWrite(peer, kGet);
    Hear();
    return shards_[0]->io_->PeerRead(peer);
  }
  void Drain(uint32_t index, bool* drained) {
    shards_[index]->shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [drained] { *drained = true; });
  }
  void Advance(Nanos by) {
    for (auto& shard : shards_) shard->Advance(by);
    Hear();
  }
  void DrainAll() {
    bool drained[kShards] = {};
    for (uint32_t index = 0; index < kShards; ++index) Drain(index, &drained[index]);
    Hear();
    Advance(5 * kSecond);
    for (const bool each : drained) EXPECT_TRUE(each);
  }
  size_t connections(uint32_t index) { return shards_[index]->shard_->connections(); }

  ConnectionBalance balance_;
  std::vector<std::unique_ptr<ShardHarness>> shards_;
  std::deque<std::function<void(Shard&)>> told_[kShards];
};

TEST_F(HandoverTest, WhatOneShardAcceptsIsServedByAll) {
  Deploy();
  const auto peers = Connect(12);
  for (uint32_t index = 0; index < kShards; ++index) {
    EXPECT_GE(connections(index), 3u);
    EXPECT_LE(connections(index), 5u);
    EXPECT_EQ(shards_[index]->counters_->connections_open.Read(), connections(index));
  }
  EXPECT_EQ(shards_[0]->counters_->connections_total.Read(), 12u);
  EXPECT_EQ(shards_[0]->counters_->connections_given.Read(), 12 - connections(0));
  for (const auto peer : peers) {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(Ask(peer).ends_with("\r\n\r\nhi"));
  }
  EXPECT_EQ(shards_[1]->counters_->requests_total.Read(), 2 * connections(1));
  DrainAll();
}

// What arrives while a connection is on its way is read where it gets to.
TEST_F(HandoverTest, BytesThatCameBeforeAreNotLost) {
  Deploy();
  Connect(kBalanceSlack + 1);
  const auto peer = shards_[0]->Connect();
  shards_[0]->io_->PeerWrite(peer, kGet);
  shards_[0]->Settle();
  EXPECT_EQ(connections(0), kBalanceSlack + 1);
  Hear();
  EXPECT_TRUE(shards_[0]->io_->PeerRead(peer).ends_with("hi"));
  DrainAll();
}

TEST_F(HandoverTest, WhoServesNothingYetGetsNothing) {
  shards_[0]->Deploy({{"hello", "respond 200 hi"}});
  const auto peers = Connect(5);
  EXPECT_EQ(connections(0), 5u);
  for (uint32_t index = 1; index < kShards; ++index) shards_[index]->Deploy({{"hello", "respond 200 hi"}});
  Connect(1);
  EXPECT_EQ(connections(0), 5u);
  DrainAll();
}

TEST_F(HandoverTest, AClosedConnectionMakesRoom) {
  Deploy();
  const auto peers = Connect(6);
  const size_t before = connections(0);
  for (const auto peer : peers) shards_[0]->io_->PeerReset(peer);
  Hear();
  EXPECT_EQ(connections(0) + connections(1) + connections(2), 0u);
  Connect(6);
  EXPECT_EQ(connections(0), before);
  DrainAll();
}

// One that is empty waits until the others have said that they give nothing any more: a connection may be on its way to it.
TEST_F(HandoverTest, AConnectionOnItsWayIsAnsweredByAShardThatDrains) {
  Deploy();
  Connect(kBalanceSlack + 1);
  const auto peer = shards_[0]->Connect();
  shards_[0]->Settle();  // given, and not heard of
  bool drained[kShards] = {};
  Drain(1, &drained[1]);
  Drain(2, &drained[2]);
  EXPECT_FALSE(drained[1] || drained[2]);
  Drain(0, &drained[0]);
  shards_[0]->io_->PeerWrite(peer, kGet);
  Hear();
  EXPECT_TRUE(shards_[0]->io_->PeerRead(peer).ends_with("hi"));
  Advance(5 * kSecond);
  for (const bool each : drained) EXPECT_TRUE(each);
}

TEST_F(HandoverTest, WhoDrainsKeepsWhatItAccepts) {
  Deploy();
  Connect(kBalanceSlack + 1);
  std::vector<ShardHarness::Peer> late;
  for (int i = 0; i < 3; ++i) late.push_back(shards_[0]->Connect());
  for (const auto peer : late) shards_[0]->io_->PeerWrite(peer, kGet);
  bool drained[kShards] = {};
  for (uint32_t index = 0; index < kShards; ++index) Drain(index, &drained[index]);
  shards_[0]->Settle();
  EXPECT_EQ(shards_[0]->counters_->connections_given.Read(), 0u);
  for (const auto peer : late) EXPECT_TRUE(shards_[0]->io_->PeerRead(peer).ends_with("hi"));
  Hear();
  Advance(5 * kSecond);
  for (const bool each : drained) EXPECT_TRUE(each);
}

}  // namespace
}  // namespace zts
