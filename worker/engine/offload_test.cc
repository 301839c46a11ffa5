// A shard and offload threads together, on one thread: a function that is away behaves as one that is not, and holds nobody up.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

std::string Get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string PostHead(const std::string& target, size_t length, const std::string& more = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
}

class OffloadTest : public ShardFixture {
 protected:
  OffloadTest() {
    Deploy({{"hello", "respond 200 hello"},
            {"heavy", "respond 200 heavy"},
            {"echo", "echo"},
            {"mirror", "stream-echo"},
            {"sink", "sink"},
            {"later", "timer 20 200 later"},
            {"silent", "pending"},
            {"bomb", "oom"},
            {"chatty", "log hi\nrespond 200 said"},
            {"open", "stream-open 200"},
            {"broken", "stream-fail 200 3 abc"},
            {"wide", "header x-wide " + std::string(kResponseHeadBytesMax, 'x') + "\nstream 200 3 abc"}});
  }
  js::InvocationId Only(const char* function) {
    const auto ids = Isolate(function)->in_flight_ids();
    EXPECT_EQ(ids.size(), 1u);
    return ids.empty() ? 0 : ids[0];
  }
  uint64_t Outcomes(const char* function, js::OutcomeKind kind) { return Row(function).outcomes[static_cast<int>(kind)].Read(); }
};

TEST_F(OffloadTest, AnswersAsBefore) {
  const Peer peer = Connect();
  for (const char* function : {"heavy", "echo", "later"}) MoveAway(function);
  EXPECT_EQ(Row("heavy").offloaded.Read(), 1u);
  Send(peer, Get("/heavy") + PostHead("/echo", 3, "X-A: b\r\n") + "abc" + Get("/hello") + Get("/later"));
  const Reply heavy = Next(peer);
  EXPECT_EQ(heavy.body, "heavy");
  EXPECT_EQ(heavy.Field("x-zts-request-id").size(), 16u);
  EXPECT_EQ(Next(peer).body, "POST http://a/echo\nabc");
  EXPECT_EQ(Next(peer).body, "hello");
  Advance(20 * kMillisecond);
  EXPECT_EQ(Next(peer).body, "later");
  EXPECT_EQ(Outcomes("heavy", js::OutcomeKind::kOk), 1u);
  EXPECT_EQ(offload_->pool().warm(), 3u);
}

TEST_F(OffloadTest, CollectionsFallBetweenItsRequestsToo) {
  Deploy({{"garbage", "on GET respond 200 x\ncollect minor 300\nrespond 200 x"}});
  MoveAway("garbage");
  const Peer peer = Connect();
  Send(peer, PostHead("/garbage", 0));  // interrupted: it is watched from here on
  EXPECT_EQ(Next(peer).body, "x");
  const auto ask = [&](size_t used_after) {
    Isolate("garbage")->set_nursery({used_after, 1000});
    Send(peer, Get("/garbage"));
    EXPECT_EQ(Next(peer).body, "x");
    return Isolate("garbage")->nursery_collections();
  };
  EXPECT_EQ(ask(0), 0);
  EXPECT_EQ(ask(400), 0);
  EXPECT_EQ(ask(800), 1);
}

TEST_F(OffloadTest, NobodyElseWaitsForATurn) {
  MoveAway("heavy");
  const Peer slow = Connect(), quick = Connect();
  offload_mode_ = Offload::kHeld;
  Send(slow, Get("/heavy"));
  EXPECT_EQ(counters_->queued.Read(), 1u);
  for (int i = 0; i < 10; ++i) {
    Send(quick, Get("/hello"));
    EXPECT_EQ(Next(quick).body, "hello");
  }
  EXPECT_EQ(Next(slow).status, 0);
  offload_mode_ = Offload::kRuns;
  Settle();
  EXPECT_EQ(Next(slow).body, "heavy");
}

TEST_F(OffloadTest, TheQueueIsBounded) {
  MoveAway("heavy");
  offload_mode_ = Offload::kHeld;
  std::vector<Peer> peers;
  for (size_t i = 0; i < kOffloadQueueMax; ++i) {
    peers.push_back(Connect());
    Send(peers.back(), Get("/heavy"));
  }
  const Peer last = Connect();
  Send(last, Get("/heavy"));
  const Reply reply = Next(last);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.Field("retry-after"), "1");
  EXPECT_EQ(reply.Field("x-zts-error"), "overloaded");
  // And in time.
  Advance(kOffloadQueueTimeout);
  for (const Peer peer : peers) EXPECT_EQ(Next(peer).Field("x-zts-error"), "overloaded");
  offload_mode_ = Offload::kRuns;
  Settle();
  EXPECT_EQ(Isolate("heavy")->in_flight(), 0u);
  EXPECT_EQ(Outcomes("heavy", js::OutcomeKind::kOk), 0u);  // none of them has run
}

TEST_F(OffloadTest, TheWallLimitHoldsWhileTheThreadIsBusy) {
  MoveAway("silent");
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  offload_mode_ = Offload::kHeld;
  Advance(js::Limits().wall_per_request);
  EXPECT_EQ(Next(peer).Field("x-zts-error"), "wall-limit");
  EXPECT_EQ(Outcomes("silent", js::OutcomeKind::kWallLimit), 1u);
  const auto records = logs_.Pop(kLogQueueBytesMax);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].message.find("wall-limit: "), 0u);
  EXPECT_EQ(records[1].message, "slow: " + std::to_string(js::Limits().wall_per_request / kMillisecond) + ".0 ms: offload " +
                                    std::to_string(js::Limits().wall_per_request / kMillisecond) + ".0 ms");
  offload_mode_ = Offload::kRuns;
  Settle();
  EXPECT_EQ(offload_->running(), 0u);
  EXPECT_EQ(offload_->pool().in_flight(), 0u);
}

TEST_F(OffloadTest, AClientThatGoesTakesItsRequestBack) {
  MoveAway("silent");
  const Peer waiting = Connect(), running = Connect();
  Send(running, Get("/silent"));
  EXPECT_EQ(Isolate("silent")->in_flight(), 1u);
  offload_mode_ = Offload::kHeld;
  Send(waiting, Get("/silent"));
  io_->PeerReset(waiting);
  io_->PeerReset(running);
  Settle();
  EXPECT_EQ(shard_->pool().in_flight(), 0u);
  offload_mode_ = Offload::kRuns;
  Settle();
  EXPECT_EQ(Isolate("silent")->in_flight(), 0u);
  EXPECT_EQ(Isolate("silent")->abandoned().size(), 1u);  // the other one has not begun
}

TEST_F(OffloadTest, AClientThatHasFinishedSendingIsTold) {
  MoveAway("silent");
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  io_->PeerFinish(peer);
  Settle();
  EXPECT_EQ(Isolate("silent")->peer_finished().size(), 1u);
  Isolate("silent")->Complete(Only("silent"), 200, "still");
  Settle();
  EXPECT_EQ(Next(peer).body, "still");
}

// ---- bodies -----------------------------------------------------------------------------------------------------------------

TEST_F(OffloadTest, BodiesStreamBothWays) {
  MoveAway("mirror");
  const Peer peer = Connect();
  std::string body;
  for (int i = 0; body.size() < 8 * kBodyWindowBytes; ++i) body += std::to_string(i) + ",";
  Send(peer, PostHead("/mirror", body.size()));
  for (size_t at = 0; at < body.size(); at += 10'000) {
    Send(peer, body.substr(at, 10'000));
    Pending(peer);  // reads on
  }
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body == body) << reply.body.size() << " of " << body.size();
  EXPECT_EQ(offload_->running(), 0u);
  EXPECT_EQ(counters_->request_streams.open.Read(), 0u);
  EXPECT_EQ(counters_->response_streams.open.Read(), 0u);
}

TEST_F(OffloadTest, AFunctionThatDoesNotReadStopsTheClient) {
  MoveAway("silent");
  const Peer peer = Connect();
  Send(peer, PostHead("/silent", 10 << 20));
  size_t sent = 0;
  const std::string piece(16'384, 'x');
  for (size_t taken; (taken = io_->PeerWrite(peer, piece)) > 0; sent += taken) Settle();
  EXPECT_LT(sent, size_t{1} << 20);
  // Reading goes on where it was, through both windows.
  size_t read = 0;
  while (true) {
    const size_t got = Isolate("silent")->ReadBody(Only("silent"), 5'000).size();
    Settle();
    read += got;
    if (got == 0 && Isolate("silent")->ReadBody(Only("silent"), 5'000).empty()) break;
  }
  EXPECT_GT(read, 0u);
  EXPECT_GT(io_->PeerWrite(peer, piece), 0u);
  io_->PeerReset(peer);
  Settle();
}

TEST_F(OffloadTest, SaysContinueWhenTheBodyIsWaitedFor) {
  MoveAway("sink");
  MoveAway("silent");
  const Peer peer = Connect();
  Send(peer, PostHead("/sink", 3, "Expect: 100-continue\r\n"));
  EXPECT_EQ(Next(peer, Of::kHead).status, 100);
  Send(peer, "abc");
  EXPECT_EQ(Next(peer).body, "3 bytes");
  // One that answers without the body has it not sent.
  Send(peer, PostHead("/silent", 3, "Expect: 100-continue\r\n"));
  EXPECT_EQ(Pending(peer), "");
  Isolate("silent")->Complete(Only("silent"), 200, "no need");
  Settle();
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.body, "no need");
  EXPECT_EQ(reply.Field("connection"), "close");
  Advance(kLingerTimeout);
}

TEST_F(OffloadTest, ABodyThatDoesNotEndFailsItsReader) {
  MoveAway("sink");
  const Peer peer = Connect();
  Send(peer, PostHead("/sink", 100) + "some");
  Advance(kBodyIdleTimeout + kSecond);
  EXPECT_EQ(Next(peer).status, 408);
  EXPECT_EQ(offload_->running(), 0u);
  Advance(kLingerTimeout);
}

TEST_F(OffloadTest, AStreamWaitsForAClientThatDoesNotRead) {
  MoveAway("open");
  const Peer peer = Connect();
  Send(peer, Get("/open"));
  js::FakeIsolate* isolate = Isolate("open");
  const js::InvocationId id = Only("open");
  const std::string piece(50'000, 'p');
  constexpr int kPieces = 40;
  for (int i = 0; i < kPieces; ++i) {
    isolate->Chunk(id, piece);
    Settle();
  }
  isolate->EndStream(id);
  Settle();
  EXPECT_EQ(offload_->running(), 1u);  // it does not get rid of all of it
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.body.size(), kPieces * piece.size());
  EXPECT_EQ(offload_->running(), 0u);
  Send(peer, Get("/hello"));
  EXPECT_EQ(Next(peer).body, "hello");
}

TEST_F(OffloadTest, AStreamThatFailsEndsTheConnection) {
  MoveAway("broken");
  const Peer peer = Connect();
  Send(peer, Get("/broken"));
  EXPECT_EQ(Next(peer).status, 0);
  EXPECT_TRUE(io_->PeerSawEnd(peer));
  EXPECT_EQ(Outcomes("broken", js::OutcomeKind::kThrew), 1u);
}

TEST_F(OffloadTest, AResponseThatIsRefusedCancelsItsStream) {
  MoveAway("wide");
  const Peer peer = Connect();
  Send(peer, Get("/wide") + Get("/hello"));
  EXPECT_EQ(Next(peer).Field("x-zts-error"), "response-head-too-large");
  EXPECT_EQ(Next(peer).body, "hello");
  EXPECT_EQ(offload_->running(), 0u);
}

// ---- what goes wrong --------------------------------------------------------------------------------------------------------

TEST_F(OffloadTest, AnIsolateThatIsLostIsReplaced) {
  MoveAway("bomb");
  const Peer peer = Connect();
  for (int i = 0; i < 2; ++i) {
    Send(peer, Get("/bomb"));
    EXPECT_EQ(Next(peer).Field("x-zts-error"), "memory-limit");
  }
  EXPECT_EQ(offload_counters_[0]->isolates_lost.Read(), 2u);
}

TEST_F(OffloadTest, LogsKnowTheirRequest) {
  MoveAway("chatty");
  const Peer peer = Connect();
  Send(peer, Get("/chatty"));
  EXPECT_EQ(Next(peer).body, "said");
  const auto records = logs_.Pop(kLogQueueBytesMax);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].message, "hi");
  EXPECT_EQ(records[0].request_id.size(), 16u);
}

TEST_F(OffloadTest, TooManyInOneIsolateFlowOver) {
  std::vector<Peer> peers;
  for (size_t i = 0; i < kInFlightPerIsolateMax + 1; ++i) {
    peers.push_back(Connect());
    Send(peers.back(), Get("/silent"));
  }
  EXPECT_EQ(offload_->pool().in_flight(), 1u);
  EXPECT_EQ(Next(peers.back()).status, 0);
  Isolate("silent")->Complete(Only("silent"), 200, "from there");
  Settle();
  EXPECT_EQ(Next(peers.back()).body, "from there");
  for (const Peer peer : peers) io_->PeerReset(peer);
  Settle();
}

// ---- coming and going -------------------------------------------------------------------------------------------------------

TEST_F(OffloadTest, WhatIsInFlightWhenItGoesEndsWhereItIs) {
  const Peer before = Connect(), after = Connect();
  Send(before, Get("/silent"));
  js::FakeIsolate* here = Isolate("silent");
  MoveAway("silent");
  Send(after, Get("/silent"));
  js::FakeIsolate* there = Isolate("silent");
  ASSERT_NE(here, there);
  there->Complete(Only("silent"), 200, "there");
  here->Complete(here->in_flight_ids()[0], 200, "here");
  Settle();
  EXPECT_EQ(Next(before).body, "here");
  EXPECT_EQ(Next(after).body, "there");
}

TEST_F(OffloadTest, ComesBackWhenItIsWarmAgain) {
  MoveAway("silent");
  const Peer first = Connect(), second = Connect();
  Send(first, Get("/silent"));
  js::FakeIsolate* there = Isolate("silent");
  ComeBack("silent");
  Settle();
  Send(second, Get("/silent"));
  js::FakeIsolate* here = Isolate("silent");
  ASSERT_NE(here, there);
  EXPECT_EQ(Row("silent").offloaded.Read(), 0u);
  EXPECT_EQ(shard_->pool().away(), 0u);
  here->Complete(here->in_flight_ids()[0], 200, "here");
  there->Complete(there->in_flight_ids()[0], 200, "there");
  // Whatever comes next on its thread finds that it has nothing left.
  io_->PeerFinish(first);
  Settle();
  EXPECT_EQ(Next(first).body, "there");
  EXPECT_EQ(Next(second).body, "here");
}

TEST_F(OffloadTest, OneThatBehavesComesBackByItself) {
  MoveAway("heavy");
  const Peer peer = Connect();
  Advance(2 * kCalmTime);
  EXPECT_EQ(shard_->pool().away(), 1u);  // nobody has asked for it: nothing is known
  const auto ask = [this](Peer client, uint64_t times) {
    for (uint64_t i = 0; i < times; ++i) {
      Send(client, Get("/heavy"));
      EXPECT_EQ(Next(client).body, "heavy");
    }
  };
  // What the watchdog had no time to tell of may have been long.
  ask(peer, kCalmTurns - 1);
  Advance(2 * kCalmTime);
  EXPECT_EQ(shard_->pool().away(), 1u);
  ask(peer, 1);
  Advance(2 * kSecond);
  EXPECT_EQ(shard_->pool().away(), 0u);
  EXPECT_EQ(offload_->pool().isolates(), 0u);
  // The second time takes twice as long.
  MoveAway("heavy");
  const Peer again = Connect();
  ask(again, kCalmTurns);
  Advance(kCalmTime + 2 * kSecond);
  EXPECT_EQ(shard_->pool().away(), 1u);
  Advance(kCalmTime);
  EXPECT_EQ(shard_->pool().away(), 0u);
}

TEST_F(OffloadTest, ADeployInMidRequestLosesNothing) {
  MoveAway("silent");
  MoveAway("heavy");
  const Peer peer = Connect(), other = Connect();
  Send(peer, Get("/silent"));
  js::FakeIsolate* old = Isolate("silent");
  const js::InvocationId id = Only("silent");
  Deploy({{"silent", "respond 200 new"}, {"heavy", "respond 200 heavy"}});
  Send(other, Get("/silent"));
  EXPECT_EQ(Next(other).body, "new");
  EXPECT_EQ(shard_->pool().away(), 2u);  // the old one until its request is answered
  old->Complete(id, 200, "old");
  Settle();
  EXPECT_EQ(Next(peer).body, "old");
  EXPECT_EQ(shard_->pool().away(), 1u);
  Send(other, Get("/heavy"));
  EXPECT_EQ(Next(other).body, "heavy");  // the other function has not noticed
  EXPECT_EQ(offload_->pool().warm(), 1u);
}

TEST_F(OffloadTest, AFunctionThatIsDeletedLeavesNothing) {
  MoveAway("heavy");
  const Peer peer = Connect();
  Send(peer, Get("/heavy"));
  EXPECT_EQ(Next(peer).status, 200);
  Deploy({{"hello", "respond 200 hello"}});
  Send(peer, Get("/heavy"));
  EXPECT_EQ(Next(peer).status, 404);
  EXPECT_EQ(offload_->pool().isolates(), 0u);
  EXPECT_EQ(shard_->pool().away(), 0u);
  EXPECT_EQ(Row("heavy").offloaded.Read(), 0u);
}

TEST_F(OffloadTest, ADrainWaitsForWhatIsAway) {
  MoveAway("silent");
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  Settle();
  EXPECT_FALSE(drained);
  Isolate("silent")->Complete(Only("silent"), 200, "last");
  Settle();
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.body, "last");
  EXPECT_EQ(reply.Field("connection"), "close");
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
}

// ---- several threads --------------------------------------------------------------------------------------------------------

class OffloadThreadsTest : public ShardFixture {
 protected:
  static constexpr uint32_t kThreads = 3;
  OffloadThreadsTest() : ShardFixture(kThreads) {
    Deploy({{"hello", "respond 200 hello"},
            {"a", "respond 200 a"},
            {"b", "respond 200 b"},
            {"c", "respond 200 c"},
            {"d", "respond 200 d"},
            {"silent", "pending"},
            {"mirror", "stream-echo"}});
  }
  uint64_t Moves() const {
    uint64_t moves = 0;
    for (const auto& counters : offload_counters_) moves += counters->offload.moves.Read();
    return moves;
  }
  uint32_t Running() const {
    uint32_t running = 0;
    for (const auto& counters : offload_counters_) running += static_cast<uint32_t>(counters->offload.running.Read());
    return running;
  }
  // Fills all threads, and gives `last` a place beside one of those who are there already: the thread.
  uint32_t MoveBesideAnother(const std::string& last) {
    for (const char* function : {"a", "b", "c"}) MoveAway(function);
    Settle();
    MoveAway(last);
    Settle();
    return static_cast<uint32_t>(ThreadOf(last));
  }
  // That thread is busy, as the others are not, until somebody moves.
  void KeepBusy(uint32_t thread) {
    for (Nanos spent = 0; spent < kOffloadMoveRest + 2 * kSecond; spent += kOffloadLook) {
      offload_cpu_[thread] += kOffloadLook;
      Advance(kOffloadLook);
    }
  }
  uint64_t Answered(const char* function) { return Row(function).outcomes[static_cast<int>(js::OutcomeKind::kOk)].Read(); }
};

TEST_F(OffloadThreadsTest, HeavyFunctionsGetThreadsOfTheirOwn) {
  EXPECT_EQ(Running(), 0u);
  std::set<int> threads;
  for (const char* function : {"a", "b", "c"}) {
    MoveAway(function);
    Settle();
    threads.insert(ThreadOf(function));
    EXPECT_EQ(Running(), threads.size());
  }
  EXPECT_EQ(threads, (std::set<int>{0, 1, 2}));
  for (const auto& counters : offload_counters_) EXPECT_EQ(counters->offload.functions.Read(), 1u);
}

TEST_F(OffloadThreadsTest, OneThatDoesNotReturnHoldsUpNoOther) {
  MoveAway("a");
  MoveAway("b");
  Settle();
  held_ = {static_cast<uint32_t>(ThreadOf("a"))};
  const Peer stuck = Connect(), other = Connect();
  Send(stuck, Get("/a"));
  for (int i = 0; i < 20; ++i) {
    Send(other, Get("/b"));
    EXPECT_EQ(Next(other).body, "b");
  }
  EXPECT_EQ(Next(stuck).status, 0);
  held_.clear();
  Settle();
  EXPECT_EQ(Next(stuck).body, "a");
}

TEST_F(OffloadThreadsTest, OneThatSharesABusyThreadMovesWithWhatWaits) {
  const uint32_t shared = MoveBesideAnother("d");
  held_ = {shared};
  std::vector<Peer> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(Connect());
    Send(peers.back(), Get("/d"));
    EXPECT_EQ(Next(peers.back()).status, 0);
  }
  KeepBusy(shared);
  EXPECT_EQ(Moves(), 1u);
  EXPECT_NE(ThreadOf("d"), -1);
  for (const Peer peer : peers) EXPECT_EQ(Next(peer).body, "d");
  // The thread that they were meant for comes to itself: it has nothing of them left.
  held_.clear();
  Settle();
  EXPECT_EQ(Answered("d"), 5u);
  EXPECT_EQ(offload_counters_[shared]->functions[0].isolates.Read(), 0u);
  EXPECT_EQ(offloads_->host(shared)->pool().isolates(), 1u);
}

// The turns of one take 50 ms, of the other 2.
class SharedThreadTest : public ShardFixture {
 protected:
  SharedThreadTest() {
    factory_.on_takes = [this](Nanos time) { clock_.Advance(time); };
    Deploy({{"long", "takes 50\nrespond 200 long"}, {"short", "takes 2\nrespond 200 short"}});
  }
  std::vector<Peer> Ask(const std::string& function, int count) {
    std::vector<Peer> peers;
    for (int i = 0; i < count; ++i) {
      peers.push_back(Connect());
      Send(peers.back(), Get("/" + function));
    }
    return peers;
  }
  // How many turns the thread makes until this is answered.
  int TurnsUntil(Peer peer) {
    const uint64_t before = Answered();
    while (Pending(peer).empty()) {
      PassOffload();
      Pass();
    }
    return static_cast<int>(Answered() - before);
  }
  uint64_t Answered() {
    uint64_t all = 0;
    for (const char* function : {"long", "short"}) all += Row(function).outcomes[static_cast<int>(js::OutcomeKind::kOk)].Read();
    return all;
  }
};

TEST_F(SharedThreadTest, AShortTurnWaitsForALongOneAndNotForItsQueue) {
  MoveAway("long");
  MoveAway("short");
  Settle();
  offload_mode_ = Offload::kHeld;
  const std::vector<Peer> queue = Ask("long", 20);
  PassOffload();  // one of them
  Pass();
  EXPECT_EQ(Answered(), 1u);
  for (int i = 0; i < 5; ++i) {
    const std::vector<Peer> quick = Ask("short", 1);
    EXPECT_LE(TurnsUntil(quick[0]), 2) << i;
    EXPECT_EQ(Next(quick[0]).body, "short");
  }
  offload_mode_ = Offload::kRuns;
  Settle();
  for (const Peer peer : queue) EXPECT_EQ(Next(peer).body, "long");
}

// What waits for an isolate is run when that is there, so no more than one request may.
TEST_F(SharedThreadTest, NeitherForWhatHasWaitedForItsIsolate) {
  MoveAway("short");
  Settle();
  offload_mode_ = Offload::kHeld;
  MoveAway("long");
  const std::vector<Peer> queue = Ask("long", 20);
  PassOffload();
  Pass();
  EXPECT_EQ(Row("long").in_flight.Read(), 20u);
  EXPECT_EQ(offload_->running(), 1u);
  warmup_.RunPending();
  const std::vector<Peer> quick = Ask("short", 1);
  EXPECT_LE(TurnsUntil(quick[0]), 2);
  EXPECT_EQ(Next(quick[0]).body, "short");
  offload_mode_ = Offload::kRuns;
  Settle();
  for (const Peer peer : queue) EXPECT_EQ(Next(peer).body, "long");
}

TEST_F(SharedThreadTest, WhatWaitsIsServedWhenItsVersionIsToServeNoMore) {
  MoveAway("long");
  Settle();
  js::FakeIsolate* there = Isolate("long");
  const auto cold_starts = [this] {
    uint64_t all = 0;
    for (const ipc::FunctionCounters& row : offload_counters_[0]->functions) {
      for (const ipc::Counter& kind : row.cold_starts) all += kind.Read();
    }
    return all;
  };
  offload_mode_ = Offload::kHeld;
  const std::vector<Peer> queue = Ask("long", 5);
  PassOffload();
  Pass();
  Deploy({{"short", "respond 200 other"}});
  PassOffload();
  Pass();
  EXPECT_EQ(Isolate("long"), there);
  offload_mode_ = Offload::kRuns;
  Settle();
  for (const Peer peer : queue) EXPECT_EQ(Next(peer).body, "long");
  EXPECT_EQ(offload_->pool().isolates(), 0u);
  EXPECT_EQ(cold_starts(), 0u);  // none of them has waited for another isolate
}

TEST_F(OffloadThreadsTest, WhatHasBegunEndsWhereItIs) {
  const uint32_t shared = MoveBesideAnother("silent");
  const Peer before = Connect(), after = Connect();
  Send(before, Get("/silent"));
  js::FakeIsolate* there = Isolate("silent");
  ASSERT_EQ(there->in_flight(), 1u);
  KeepBusy(shared);
  ASSERT_EQ(Moves(), 1u);
  Send(after, Get("/silent"));
  js::FakeIsolate* here = Isolate("silent");
  ASSERT_NE(here, there);
  here->Complete(here->in_flight_ids()[0], 200, "here");
  io_->PeerFinish(before);
  Settle();
  EXPECT_EQ(there->peer_finished().size(), 1u);
  there->Complete(there->in_flight_ids()[0], 200, "there");
  Settle();
  EXPECT_EQ(Next(before).body, "there");
  EXPECT_EQ(Next(after).body, "here");
}

TEST_F(OffloadThreadsTest, ABodyThatStreamsFollowsItsRequest) {
  const uint32_t shared = MoveBesideAnother("mirror");
  held_ = {shared};
  const Peer peer = Connect();
  Send(peer, PostHead("/mirror", 6) + "abc");
  KeepBusy(shared);
  ASSERT_EQ(Moves(), 1u);
  Send(peer, "def");
  EXPECT_EQ(Next(peer).body, "abcdef");
  held_.clear();
  Settle();
}

TEST_F(OffloadThreadsTest, AClientThatHasFinishedIsKnownWhereItsRequestGoes) {
  const uint32_t shared = MoveBesideAnother("silent");
  held_ = {shared};
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  io_->PeerFinish(peer);
  KeepBusy(shared);
  ASSERT_EQ(Moves(), 1u);
  ASSERT_EQ(Isolate("silent")->in_flight(), 1u);
  EXPECT_EQ(Isolate("silent")->peer_finished().size(), 1u);
  held_.clear();
  Settle();
  EXPECT_EQ(Isolate("silent")->peer_finished().size(), 1u);
  Isolate("silent")->Complete(Isolate("silent")->in_flight_ids()[0], 200, "still");
  Settle();
  EXPECT_EQ(Next(peer).body, "still");
}

TEST_F(OffloadThreadsTest, AClientThatGoesBeforeAndAfterAMoveTakesItsRequestBack) {
  const uint32_t shared = MoveBesideAnother("silent");
  held_ = {shared};
  const Peer first = Connect(), second = Connect();
  Send(first, Get("/silent"));
  Send(second, Get("/silent"));
  io_->PeerReset(first);
  KeepBusy(shared);
  ASSERT_EQ(Moves(), 1u);
  ASSERT_EQ(Isolate("silent")->in_flight(), 1u);
  io_->PeerReset(second);
  Settle();
  EXPECT_EQ(Isolate("silent")->abandoned().size(), 1u);
  held_.clear();
  Settle();
  EXPECT_EQ(Isolate("silent")->in_flight(), 0u);
}

TEST_F(OffloadThreadsTest, AThreadThatNobodyUsesEndsAndIsStartedAgain) {
  MoveAway("a");
  Settle();
  const auto& thread = offload_counters_[static_cast<size_t>(ThreadOf("a"))]->offload;
  Advance(2 * kOffloadRest);
  EXPECT_EQ(thread.running.Read(), 1u);  // its function may be asked for
  Deploy({{"hello", "respond 200 hello"}, {"b", "respond 200 b"}});
  EXPECT_EQ(thread.functions.Read(), 0u);
  EXPECT_EQ(thread.running.Read(), 1u);
  Advance(kOffloadRest + kSecond);
  EXPECT_EQ(Running(), 0u);
  EXPECT_EQ(thread.starts.Read(), 1u);
  // What is told to nobody in particular finds none.
  Deploy({{"hello", "respond 200 hello"}, {"b", "respond 200 b"}, {"c", "respond 200 c"}});
  MoveAway("b");
  const Peer peer = Connect();
  Send(peer, Get("/b"));
  EXPECT_EQ(Next(peer).body, "b");
  EXPECT_EQ(Running(), 1u);
  EXPECT_EQ(thread.starts.Read(), 2u);
}

// Its function has gone before the keeper has looked: no thread was ever started for it.
TEST_F(OffloadThreadsTest, WhatWasSentToAThreadThatIsNotStartedIsAnswered) {
  MoveAway("a");
  const Peer peer = Connect();
  io_->PeerWrite(peer, Get("/a"));
  for (int pass = 0; pass < 3; ++pass) Pass();
  DeployCold({{"hello", "respond 200 hello"}});
  EXPECT_EQ(Running(), 0u);
  Settle();
  EXPECT_EQ(Next(peer).body, "a");
  Advance(kOffloadRest + kSecond);
  EXPECT_EQ(Running(), 0u);
}

// The word to end is there when the request comes, and both are read in one pass.
TEST_F(OffloadThreadsTest, ARequestThatAThreadsEndMeetsIsAnswered) {
  MoveAway("a");
  Settle();
  const auto thread = static_cast<uint32_t>(ThreadOf("a"));
  Deploy({{"hello", "respond 200 hello"}, {"b", "respond 200 b"}});
  held_ = {0, 1, 2};
  Advance(kOffloadRest + kSecond);
  MoveAway("b");
  const Peer peer = Connect();
  io_->PeerWrite(peer, Get("/b"));
  for (int pass = 0; pass < 3; ++pass) Pass();
  ASSERT_EQ(offload_counters_[thread]->offload.functions.Read(), 1u);
  DeployCold({{"hello", "respond 200 hello"}});
  held_.clear();
  Settle();
  EXPECT_EQ(Next(peer).body, "b");
  Advance(kOffloadRest + kSecond);
  EXPECT_EQ(Running(), 0u);
}

TEST_F(OffloadThreadsTest, DeploysReachEachThread) {
  for (const char* function : {"a", "b", "silent"}) MoveAway(function);
  const Peer peer = Connect(), other = Connect();
  Send(peer, Get("/silent"));
  js::FakeIsolate* old = Isolate("silent");
  Deploy({{"a", "respond 200 new"}, {"silent", "respond 200 new"}});  // one is changed, one deleted, one changed in mid-request
  Send(other, Get("/a") + Get("/b") + Get("/silent"));
  EXPECT_EQ(Next(other).body, "new");
  EXPECT_EQ(Next(other).status, 404);
  EXPECT_EQ(shard_->pool().away(), 1u);
  old->Complete(old->in_flight_ids()[0], 200, "old");
  Settle();
  EXPECT_EQ(Next(peer).body, "old");
  EXPECT_EQ(shard_->pool().away(), 0u);
  Advance(js::Limits().wall_per_request + 10 * kSecond);  // the isolate's time is up: the test has answered for it between its turns
  for (uint32_t thread = 0; thread < kThreads; ++thread) EXPECT_EQ(offloads_->host(thread)->pool().isolates(), 0u);
}

TEST_F(OffloadThreadsTest, ADrainWaitsForEachThread) {
  MoveAway("silent");
  MoveAway("a");
  Settle();
  const uint32_t held = static_cast<uint32_t>(ThreadOf("a"));
  held_ = {held};
  const Peer peer = Connect(), waiting = Connect();
  Send(peer, Get("/silent"));
  Send(waiting, Get("/a"));
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  Settle();
  Isolate("silent")->Complete(Isolate("silent")->in_flight_ids()[0], 200, "last");
  Settle();
  EXPECT_EQ(Next(peer).body, "last");
  Advance(kLingerTimeout);
  EXPECT_FALSE(drained);
  held_.clear();
  Settle();
  EXPECT_EQ(Next(waiting).body, "a");
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
}

TEST_F(OffloadThreadsTest, OneThatComesBackInMidMoveIsLeftAlone) {
  const uint32_t shared = MoveBesideAnother("d");
  // The word of the move and the version's return cross: it is gone from the threads when the shard hears of the move.
  offload_cpu_[shared] += kOffloadMoveRest;
  clock_.Advance(kOffloadMoveRest + kOffloadLook);
  ComeBack("d");
  warmup_.RunPending();
  offload_cpu_[shared] += kOffloadMoveRest;
  offloads_->Tend();
  ASSERT_EQ(Moves(), 1u);
  Settle();
  EXPECT_EQ(ThreadOf("d"), -1);
  EXPECT_EQ(shard_->pool().away(), 3u);
  const Peer peer = Connect();
  Send(peer, Get("/d"));
  EXPECT_EQ(Next(peer).body, "d");
  // Nobody holds the thread: it ends with its functions.
  Deploy({{"hello", "respond 200 hello"}});
  Advance(kOffloadRest + kSecond);
  EXPECT_EQ(Running(), 0u);
}

}  // namespace
}  // namespace zts
