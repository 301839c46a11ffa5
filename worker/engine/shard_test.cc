#include "worker/engine/shard.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

std::string Get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

class ShardTest : public ShardFixture {};

TEST_F(ShardTest, ListensFromTheFirstCommitOn) {
  const Peer peer = Connect();
  io_->PeerWrite(peer, Get("/hello"));
  Settle();
  EXPECT_TRUE(io_->PeerQueued(peer));
  Deploy({{"hello", "respond 200 hi"}});
  EXPECT_EQ(Next(peer).body, "hi");
  EXPECT_EQ(counters_->active_catalog.Read(), 1u);
}

// Parser, router and V8 have the caches to themselves first, the kernel then; and no more buffers are out than a batch has answers.
TEST_F(ShardTest, AnswersOfAPassAreWrittenInBatchesBeforeTheyAreSent) {
  Deploy({{"hello", "respond 200 hi"}});
  constexpr size_t kMore = 3;
  std::vector<Peer> peers;
  for (size_t i = 0; i < kAnswersPerBatch + kMore; ++i) peers.push_back(Connect());
  Settle();
  for (const Peer peer : peers) io_->PeerWrite(peer, Get("/hello"));
  const ipc::Counter& answered = Row("hello").outcomes[static_cast<int>(js::OutcomeKind::kOk)];
  std::vector<uint64_t> answered_before_send;
  io_->set_on_try_send([&] { answered_before_send.push_back(answered.Read()); });
  Pass();
  io_->set_on_try_send(nullptr);
  std::vector<uint64_t> expected(kAnswersPerBatch, kAnswersPerBatch);
  expected.insert(expected.end(), kMore, kAnswersPerBatch + kMore);
  EXPECT_EQ(answered_before_send, expected);
  uint64_t recorded = 0;
  for (int i = 0; i < ipc::Histogram::kBuckets; ++i) recorded += Row("hello").latency.bucket(i);
  EXPECT_EQ(recorded, peers.size());
  for (const Peer peer : peers) EXPECT_EQ(Next(peer).body, "hi");
}

// So that records have the order of their causes, whichever shards the requests come to.
TEST_F(ShardTest, WhatAFunctionPrintsIsQueuedBeforeItsAnswerIsSent) {
  Deploy({{"talk", "log said\nrespond 200 hi"}});
  const Peer peer = Connect();
  Settle();
  io_->PeerWrite(peer, Get("/talk"));
  size_t queued = 0;
  io_->set_on_try_send([&] { queued = logs_.Pop(kLogQueueBytesMax).size(); });
  Pass();
  io_->set_on_try_send(nullptr);
  EXPECT_EQ(queued, 1u);
  EXPECT_EQ(Next(peer).body, "hi");
}

// Its time is what came before it: the turn that has run last was another's.
TEST_F(ShardTest, ARequestRefusedBehindOthersIsPutDownToTheQueue) {
  DeployCold({{"hello", "respond 200 hi"}, {"bad", "load-error exception no"}});
  std::vector<Peer> peers;
  for (size_t i = 0; i <= kAnswersPerBatch; ++i) peers.push_back(Connect());
  for (const char* path : {"/hello", "/bad"}) {
    Send(peers[0], Get(path));
    Next(peers[0]);
  }
  // Sending the first batch takes its time, in the middle of the pass.
  bool slow_send = true;
  io_->set_on_try_send([&] {
    if (std::exchange(slow_send, false)) clock_.Advance(50 * kMillisecond);
  });
  for (const Peer peer : peers) io_->PeerWrite(peer, Get("/hello") + Get("/bad"));
  Pass();
  io_->set_on_try_send(nullptr);
  for (const Peer peer : peers) {
    EXPECT_EQ(Next(peer).status, 200);
    EXPECT_EQ(Next(peer).status, 500);
  }
  const auto slow = [&](ipc::SlowCause cause) { return Row("bad").slow[static_cast<int>(cause)].Read(); };
  EXPECT_EQ(slow(ipc::SlowCause::kQueue), 1u);
  EXPECT_EQ(slow(ipc::SlowCause::kJit) + slow(ipc::SlowCause::kFunction), 0u);
}

TEST_F(ShardTest, PreparingReportsWhatDoesNotLoad) {
  const auto catalog = Build({{"good", "respond 200 hi"}, {"bad", "load-error exception no"}});
  std::vector<uint64_t> all;
  for (const auto& entry : catalog->entries()) all.push_back(entry.version_id);
  std::vector<Shard::Problem> problems;
  int told = 0;
  shard_->Prepare(catalog, all, [&](std::vector<Shard::Problem> found) {
    problems = std::move(found);
    ++told;
  });
  Settle();
  EXPECT_EQ(told, 1);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].outcome.kind, js::OutcomeKind::kThrew);
  shard_->Abort(catalog->version());
  Settle();
  EXPECT_EQ(shard_->pool().isolates(), 0u);
}

TEST_F(ShardTest, OnlyAPreparedCatalogIsCommitted) {
  EXPECT_FALSE(shard_->Commit(7).ok());
  Deploy({{"hello", "respond 200 hi"}});
  EXPECT_FALSE(shard_->Commit(7).ok());
}

TEST_F(ShardTest, ARequestKeepsTheVersionItWasGivenTo) {
  Deploy({{"f", "timer 50 200 old"}});
  const Peer peer = Connect();
  Send(peer, Get("/f"));
  Deploy({{"f", "respond 200 new"}});
  const Peer other = Connect();
  Send(other, Get("/f"));
  EXPECT_EQ(Next(other).body, "new");
  Advance(50 * kMillisecond);
  EXPECT_EQ(Next(peer).body, "old");
  Send(peer, Get("/f"));
  EXPECT_EQ(Next(peer).body, "new");
  EXPECT_EQ(shard_->pool().isolates(), 1u);
}

TEST_F(ShardTest, AVersionPreparedForTheNextCatalogSurvivesTheCommitOfThis) {
  const auto first = Build({{"a", "respond 200 a"}});
  const auto second = Build({{"a", "respond 200 a"}, {"b", "respond 200 b"}});
  for (const auto& catalog : {first, second}) {
    std::vector<uint64_t> all;
    for (const auto& entry : catalog->entries()) all.push_back(entry.version_id);
    shard_->Prepare(catalog, all, [](std::vector<Shard::Problem>) {});
  }
  Settle();
  ASSERT_TRUE(shard_->Commit(first->version()).ok());
  Settle();
  EXPECT_EQ(shard_->pool().warm(), 2u);
  ASSERT_TRUE(shard_->Commit(second->version()).ok());
  const Peer peer = Connect();
  Send(peer, Get("/b"));
  EXPECT_EQ(Next(peer).body, "b");
}

TEST_F(ShardTest, ADeletedFunctionIsGone) {
  Deploy({{"a", "respond 200 a"}, {"b", "respond 200 b"}});
  Deploy({{"a", "respond 200 a"}});
  const Peer peer = Connect();
  Send(peer, Get("/b"));
  EXPECT_EQ(Next(peer).status, 404);
  EXPECT_EQ(shard_->pool().isolates(), 1u);
}

TEST_F(ShardTest, DrainFinishesWhatIsInFlightAndClosesTheIdle) {
  Deploy({{"hello", "respond 200 hi"}, {"slow", "timer 50 200 later"}});
  const Peer idle = Connect();
  Send(idle, Get("/hello"));
  Next(idle);
  const Peer busy = Connect();
  Send(busy, Get("/slow"));
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  Settle();
  EXPECT_TRUE(Closed(idle));
  EXPECT_TRUE(Closed(Connect()));
  EXPECT_FALSE(drained);
  Advance(50 * kMillisecond);
  const Reply reply = Next(busy);
  EXPECT_EQ(reply.body, "later");
  EXPECT_EQ(reply.Field("connection"), "close");
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
}

TEST_F(ShardTest, DrainServesWhoHasConnectedBefore) {
  Deploy({{"hello", "respond 200 hi"}});
  const Peer queued = Connect();
  io_->PeerWrite(queued, Get("/hello"));
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  EXPECT_FALSE(drained);
  Settle();
  const Reply reply = Next(queued);
  EXPECT_EQ(reply.body, "hi");
  EXPECT_EQ(reply.Field("connection"), "close");
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
}

TEST_F(ShardTest, DrainAnswersAllThatHasBeenPipelined) {
  Deploy({{"hello", "respond 200 hi"}, {"slow", "timer 50 200 later"}});
  const Peer peer = Connect();
  Send(peer, Get("/slow") + Get("/hello") + Get("/hello"));
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  Advance(50 * kMillisecond);
  for (int i = 0; i < 2; ++i) EXPECT_NE(Next(peer).Field("connection"), "close");
  const Reply last = Next(peer);
  EXPECT_EQ(last.body, "hi");
  EXPECT_EQ(last.Field("connection"), "close");
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
}

TEST_F(ShardTest, HandingOverLetsIdleConnectionsAskOnceMore) {
  Deploy({{"hello", "respond 200 hi"}});
  const Peer asks = Connect();
  Send(asks, Get("/hello"));
  Next(asks);
  const Peer silent = Connect();
  Send(silent, Get("/hello"));
  Next(silent);
  bool drained = false;
  shard_->Drain(10 * kSecond, Shard::Successor::kAccepts, [&] { drained = true; });
  Advance(5 * kSecond);
  EXPECT_FALSE(Closed(asks));
  Send(asks, Get("/hello") + Get("/hello"));
  EXPECT_NE(Next(asks).Field("connection"), "close");
  EXPECT_EQ(Next(asks).Field("connection"), "close");
  EXPECT_FALSE(drained);
  Advance(5 * kSecond + kTimerTick);
  EXPECT_TRUE(Closed(silent));
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
  // Whoever connects now waits for the other engine.
  EXPECT_FALSE(Closed(Connect()));
}

TEST_F(ShardTest, DrainCutsWhatDoesNotEnd) {
  Deploy({{"silent", "pending"}});
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  bool drained = false;
  shard_->Drain(5 * kSecond, Shard::Successor::kNone, [&] { drained = true; });
  Advance(5 * kSecond - kTimerTick);
  EXPECT_FALSE(drained);
  Advance(2 * kTimerTick);
  EXPECT_TRUE(drained);
}

TEST_F(ShardTest, AnEmptyShardDrainsAtOnce) {
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  EXPECT_TRUE(drained);
}

TEST_F(ShardTest, BeyondTheConnectionLimitOneAnswerAndTheEnd) {
  Deploy({{"hello", "respond 200 hi"}});
  for (size_t i = 0; i < kConnectionsMax; ++i) Connect();
  Settle();
  EXPECT_EQ(shard_->connections(), kConnectionsMax);
  const Peer peer = Connect();
  Settle();
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.Field("x-zts-error"), "too-many-connections");
  EXPECT_EQ(Refusals(http::Refusal::kTooManyConnections), 1u);
  EXPECT_EQ(counters_->connections_open.Read(), kConnectionsMax);
}

TEST_F(ShardTest, ConsoleRecordsGoToTheQueueOncePerPass) {
  Deploy({{"chatty", "log one\nlog two\nrespond 200 hi"}});
  const Peer peer = Connect();
  Send(peer, Get("/chatty"));
  const auto records = logs_.Pop(1 << 20);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].message, "one");
  EXPECT_EQ(records[1].message, "two");
  EXPECT_EQ(records[0].request_id, records[1].request_id);
  EXPECT_EQ(records[0].time, clock_.WallNow());
}

TEST_F(ShardTest, LongRecordsAreCutAndSurplusIsCounted) {
  Deploy({{"flood", "log " + std::string(2 * kLogRecordBytesMax, 'x') + "\nrespond 200 hi"}});
  const Peer peer = Connect();
  const size_t fit = kLogBurstBytes / (kLogRecordBytesMax + sizeof(LogRecord) + 16);
  for (size_t i = 0; i < fit + 10; ++i) {
    Send(peer, Get("/flood"));
    ASSERT_EQ(Next(peer).status, 200);
  }
  EXPECT_EQ(counters_->log_records_dropped.Read(), 10u);
  auto records = logs_.Pop(SIZE_MAX);
  EXPECT_EQ(records.size(), fit);
  EXPECT_EQ(records[0].message.size(), kLogRecordBytesMax);
  EXPECT_TRUE(records[0].message.ends_with("(cut)"));
  Advance(kSecond);
  Send(peer, Get("/flood"));
  records = logs_.Pop(SIZE_MAX);
  EXPECT_EQ(records.at(0).dropped_before, 10u);
}

TEST_F(ShardTest, AFunctionThatFloodsTheLogLosesItsOwnLinesOnly) {
  Deploy({{"flood", "log " + std::string(kLogRecordBytesMax, 'x') + "\nrespond 200 hi"}, {"quiet", "log heard\nrespond 200 hi"}});
  const Peer peer = Connect();
  for (size_t i = 0; i < 2 * kLogQueueBytesMax / kLogRecordBytesMax; ++i) {
    Send(peer, Get("/flood"));
    ASSERT_EQ(Next(peer).status, 200);
  }
  EXPECT_GT(counters_->log_records_dropped.Read(), 0u);
  Send(peer, Get("/quiet"));
  ASSERT_EQ(Next(peer).status, 200);
  const auto records = logs_.Pop(SIZE_MAX);
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back().message, "heard");
  EXPECT_EQ(records.back().dropped_before, 0u);
}

TEST_F(ShardTest, FiguresOfTheNetworkAreAddedToWhatStandsThere) {
  counters_->recv_bytes.Set(1000);  // of an engine that died
  Deploy({{"hello", "respond 200 hi"}});
  const Peer peer = Connect();
  Send(peer, Get("/hello"));
  EXPECT_EQ(counters_->recv_bytes.Read(), 1000 + Get("/hello").size());
  EXPECT_EQ(counters_->sent_bytes.Read(), Pending(peer).size());
}

}  // namespace
}  // namespace zts
