// Several shards on one thread: who accepts a connection gives it to one that has fewer, who is exhausted gives some that it serves, and
// none is lost, whoever drains.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
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
      balance_.Watch(index, [this, index] { return busy_[index]; });
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
  // So many windows in which one shard is busy all the time and the others are not, while these ask.
  void Exhaust(uint32_t index, int windows, const std::vector<ShardHarness::Peer>& peers) {
    for (int i = 0; i < windows; ++i) {
      for (const auto peer : peers) EXPECT_TRUE(Ask(peer).ends_with("\r\n\r\nhi"));
      busy_[index] += kLoadWindow;
      Advance(kLoadWindow);
    }
  }
  uint64_t moved(uint32_t index) { return shards_[index]->counters_->connections_moved.Read(); }
  size_t connections(uint32_t index) { return shards_[index]->shard_->connections(); }

  Nanos busy_[kShards] = {};
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

TEST_F(HandoverTest, AnExhaustedShardGivesWhatItServes) {
  Deploy();
  const auto peers = Connect(9);
  const size_t before = connections(0);
  ASSERT_GE(before, 2u);
  Exhaust(0, kExhaustedWindows + 20, peers);
  EXPECT_EQ(connections(0), 1u) << "the last one that asks stays";
  EXPECT_EQ(moved(0), before - 1);
  EXPECT_EQ(connections(0) + connections(1) + connections(2), 9u);
  for (uint32_t index = 0; index < kShards; ++index) {
    EXPECT_EQ(balance_.open(index), connections(index));
    EXPECT_EQ(shards_[index]->counters_->connections_open.Read(), connections(index));
  }
  EXPECT_EQ(shards_[0]->counters_->connections_total.Read(), 9u);
  for (const auto peer : peers) EXPECT_TRUE(Ask(peer).ends_with("hi"));
  // And back, when it is another's turn.
  Exhaust(1, static_cast<int>(kMoveRest / kLoadWindow) + 3 * kExhaustedWindows, peers);
  EXPECT_GT(moved(1), 0u);
  DrainAll();
}

TEST_F(HandoverTest, OneThatAsksNothingStays) {
  Deploy();
  const auto peers = Connect(9);
  for (int i = 0; i < 20; ++i) Exhaust(0, 1, {});
  EXPECT_EQ(moved(0), 0u);
  DrainAll();
}

// What is asked between two shards waits in the kernel, and is answered by the one that gets the connection.
TEST_F(HandoverTest, ARequestOnTheWayIsAnsweredOnce) {
  Deploy();
  const auto peers = Connect(2 * kShards);
  net::FakeIo* io = shards_[0]->io_;
  for (int round = 0; round < 20 && moved(0) == 0; ++round) {
    Exhaust(0, 1, peers);
    for (const auto peer : peers) io->PeerWrite(peer, kGet);
    for (int pass = 0; pass < 4; ++pass) {
      shards_[0]->Pass();
      // Whoever leaves gets another request while it does.
      for (const auto peer : peers) io->PeerWrite(peer, kGet);
    }
    Hear();
    for (const auto peer : peers) {
      const std::string answers = io->PeerRead(peer);
      size_t count = 0;
      for (size_t at = 0; (at = answers.find("\r\n\r\nhi", at)) != std::string::npos; ++at) ++count;
      EXPECT_EQ(count, 5u);
    }
  }
  EXPECT_EQ(moved(0), 1u);
  DrainAll();
}

TEST_F(HandoverTest, OneThatDrainsMovesNothing) {
  Deploy();
  const auto peers = Connect(9);
  Exhaust(0, kExhaustedWindows - 1, peers);
  bool drained = false;
  shards_[0]->shard_->Drain(kDrainTimeout, Shard::Successor::kAccepts, [&drained] { drained = true; });
  for (int i = 0; i < 5; ++i) {
    busy_[0] += kLoadWindow;
    Advance(kLoadWindow);
  }
  EXPECT_EQ(moved(0), 0u);
  for (const auto peer : peers) EXPECT_TRUE(Ask(peer).ends_with("hi"));
  bool others[2] = {};
  Drain(1, &others[0]);
  Drain(2, &others[1]);
  Hear();
  Advance(kDrainTimeout + 5 * kSecond);
  EXPECT_TRUE(drained && others[0] && others[1]);
}

// Anything in any order: connections to all shards, requests, ends, and what shards tell one another heard late.
class HandoverSim {
 public:
  explicit HandoverSim(uint64_t seed) : random_(seed), balance_(kShards) {
    net::FakeFaults faults;
    faults.late = 20;
    faults.partial_send = 30;
    for (uint32_t index = 0; index < kShards; ++index) {
      balance_.Watch(index, [this, index] { return busy_[index]; });
      OtherShards others{&balance_, index, [this](uint32_t shard, std::function<void(Shard&)> task) {
                           told_[shard].push_back(std::move(task));
                         }};
      const auto requests = ShardHarness::Requests::kFromClients;
      shards_.push_back(std::make_unique<ShardHarness>(faults, seed * kShards + index, requests, 1, others));
      shards_.back()->Deploy({{"hello", "respond 200 hi"}});
    }
  }

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) Step();
    Rest();
    for (Client& client : clients_) {
      if (!client.rest.empty() && !client.over) Ask(&client);
    }
    Rest();
    for (Client& client : clients_) Read(&client);
    for (const Client& client : clients_) EXPECT_EQ(client.answers, client.requests);
  }

  // They begin to drain one by one, with the others' words still on their way, and connections too.
  void Drain() {
    int drained = 0;
    for (uint32_t index = 0; index < kShards; ++index) {
      for (int i = 0; i < 5; ++i) Connect();
      for (int i = 0; i < 3; ++i) Hear(Pick(kShards));
      shards_[index]->shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { ++drained; });
    }
    for (int i = 0; i < 200; ++i) Step(Steps::kNoConnections);
    Rest();
    for (auto& shard : shards_) shard->Advance(kDrainTimeout + 5 * kSecond);
    EXPECT_EQ(drained, static_cast<int>(kShards));
    for (uint32_t index = 0; index < kShards; ++index) {
      EXPECT_EQ(balance_.open(index), 0u);
      EXPECT_EQ(shards_[index]->shard_->connections(), 0u);
      EXPECT_EQ(shards_[index]->io_->open_handles(), 0u);
      EXPECT_TRUE(told_[index].empty());
    }
  }

  uint64_t given() const {
    uint64_t sum = 0;
    for (const auto& shard : shards_) sum += shard->counters_->connections_given.Read();
    return sum;
  }
  uint64_t moved() const {
    uint64_t sum = 0;
    for (const auto& shard : shards_) sum += shard->counters_->connections_moved.Read();
    return sum;
  }

 private:
  static constexpr uint32_t kShards = 3;
  enum class Steps : uint8_t { kAll, kNoConnections };
  struct Client {
    uint32_t shard;  // that the kernel has given it to
    ShardHarness::Peer peer;
    int requests = 0;
    int answers = 0;
    std::string text = {};  // what has come since the last answer
    std::string rest = {};  // of a request that is half sent
    bool over = false;
  };

  uint32_t Pick(size_t count) { return static_cast<uint32_t>(random_() % count); }
  void Connect() {
    // Mostly to one of them: there is something to give away.
    const uint32_t shard = Pick(4) == 0 ? Pick(kShards) : 0;
    clients_.push_back({shard, shards_[shard]->Connect()});
  }
  void Read(Client* client) {
    const std::string_view answer = "\r\n\r\nhi";
    client->text += shards_[client->shard]->io_->PeerRead(client->peer);
    for (size_t at; (at = client->text.find(answer)) != std::string::npos; ++client->answers) client->text.erase(0, at + answer.size());
  }
  // A request, at once or half of it now and the rest later. The next one when the last one is answered.
  void Ask(Client* client) {
    Read(client);
    net::FakeIo* io = shards_[client->shard]->io_;
    if (client->over || client->answers < client->requests) return;
    std::string bytes = client->rest.empty() ? kGet : std::exchange(client->rest, {});
    if (bytes == kGet && Pick(2) == 0) {
      client->rest = bytes.substr(bytes.size() / 2);
      bytes.resize(bytes.size() / 2);
    }
    if (io->PeerWrite(client->peer, bytes) > 0 && client->rest.empty()) ++client->requests;
  }
  void Rest() {
    for (bool more = true; more;) {
      for (auto& shard : shards_) shard->Settle();
      more = Hear(0) || Hear(1) || Hear(2);
    }
  }
  bool Hear(uint32_t shard) {
    if (told_[shard].empty()) return false;
    const auto task = std::move(told_[shard].front());
    told_[shard].pop_front();
    task(*shards_[shard]->shard_);
    return true;
  }
  // Time goes on; one of them is exhausted, mostly the same one as before.
  void Window() {
    if (Pick(10) == 0) exhausted_ = Pick(kShards);
    busy_[exhausted_] += kLoadWindow;
    for (auto& shard : shards_) {
      shard->clock_.Advance(kLoadWindow);
      shard->Pass();
    }
    // Some ask while connections are about to leave.
    for (Client& client : clients_) {
      if (Pick(2) == 0) Ask(&client);
    }
  }
  void Step(Steps which = Steps::kAll) {
    if (Pick(12) == 0) return Window();
    switch (Pick(8)) {
      case 0:
        if (which == Steps::kAll) Connect();
        return;
      case 1:
      case 2:
        Hear(Pick(kShards));
        return;
      case 3:
      case 4:
        shards_[Pick(kShards)]->Settle();
        return;
      default:
        if (clients_.empty() || which != Steps::kAll) return;
        Client& client = clients_[Pick(clients_.size())];
        Read(&client);
        if (client.over || client.answers < client.requests || Pick(12) > 0) return Ask(&client);
        client.over = true;
        shards_[client.shard]->io_->PeerReset(client.peer);
    }
  }

  std::mt19937_64 random_;
  Nanos busy_[kShards] = {};
  uint32_t exhausted_ = 0;
  ConnectionBalance balance_;
  std::vector<std::unique_ptr<ShardHarness>> shards_;
  std::deque<std::function<void(Shard&)>> told_[kShards];
  std::vector<Client> clients_;
};

TEST(HandoverSimTest, EveryRequestIsAnsweredAndNothingIsLeft) {
  uint64_t given = 0;
  uint64_t moved = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    HandoverSim sim(seed);
    sim.Run(500);
    sim.Drain();
    given += sim.given();
    moved += sim.moved();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(given, 1000u);
  GTEST_LOG_(INFO) << given << " given, " << moved << " moved";
  EXPECT_GT(moved, 300u);
}

}  // namespace
}  // namespace zts
