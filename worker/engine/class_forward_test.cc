// Two shards on one thread, one with the clients and one of another class's engine, and the socket between them: a function over there
// behaves as one that is here.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"
#include "worker/ipc/class_frame.h"

namespace zts {
namespace {

std::string Get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string PostHead(const std::string& target, size_t length, const std::string& more = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
}

// The fixture is the front; `there_` is the class's engine.
class ClassForwardTest : public ShardFixture {
 protected:
  ClassForwardTest() : there_(net::FakeFaults::None(), 2, Requests::kFromFront) {
    functions_ = {{"hello", "respond 200 hello"},
                  {"own", "respond 200 own"},
                  {"echo", "echo"},
                  {"mirror", "stream-echo"},
                  {"sink", "sink"},
                  {"later", "timer 20 200 later"},
                  {"silent", "pending"},
                  {"bomb", "oom"},
                  {"throws", "throw oops"},
                  {"chatty", "log hi\nrespond 200 said"},
                  {"open", "stream-open 200"},
                  {"broken", "stream-fail 200 3 abc"},
                  {"wide", "header x-wide " + std::string(kResponseHeadBytesMax, 'x') + "\nstream 200 3 abc"},
                  {"large", "respond 200 " + std::string(3 * ipc::kClassPieceBytesMax, 'l')}};
    for (const auto& [name, source] : functions_) {
      if (name != "hello") of_class_.insert(name);
    }
    there_.Deploy(functions_);
    Deploy(functions_);
    Join();
  }
  void TearDown() override {
    ShardFixture::TearDown();
    Carry();
    EXPECT_EQ(there_.shard_->runs().running(), 0u);
    EXPECT_EQ(there_.shard_->pool().in_flight(), 0u);
  }

  void Join() {
    auto [front_end, to_front] = io_->ConnectForAdoption();
    auto [back_end, to_back] = there_.io_->ConnectForAdoption();
    front_end_ = front_end;
    back_end_ = back_end;
    to_back_.clear();
    to_front_.clear();
    shard_->ConnectClass(1, std::move(to_front));
    there_.shard_->ConnectFront(std::move(to_back));
    Carry();
  }
  // Carries what either says to the other, until both have nothing more to say.
  void Carry() {
    for (;;) {
      Settle();
      there_.Settle();
      to_back_ += io_->PeerRead(front_end_);
      to_front_ += there_.io_->PeerRead(back_end_);
      const size_t back = there_.io_->PeerWrite(back_end_, to_back_), front = io_->PeerWrite(front_end_, to_front_);
      to_back_.erase(0, back);
      to_front_.erase(0, front);
      if (back + front == 0) return;
    }
  }
  void Ask(Peer peer, std::string_view bytes) {
    Send(peer, bytes);
    Carry();
  }
  // What has come, once all has that can.
  Reply Answer(Peer peer) {
    Carry();
    for (size_t before = SIZE_MAX; before != Pending(peer).size();) {
      before = Pending(peer).size();
      Carry();
    }
    return Next(peer);
  }
  void Wait(Nanos by) {
    Advance(by);
    there_.Advance(by);
    Carry();
  }
  js::FakeIsolate* There(const char* function) { return there_.Isolate(function); }
  js::InvocationId Only(const char* function) {
    const auto ids = There(function)->in_flight_ids();
    EXPECT_EQ(ids.size(), 1u);
    return ids.empty() ? 0 : ids[0];
  }
  uint64_t Outcomes(const char* function, js::OutcomeKind kind) { return Row(function).outcomes[static_cast<int>(kind)].Read(); }

  std::map<std::string, std::string> functions_;
  ShardHarness there_;
  Peer front_end_ = 0, back_end_ = 0;
  std::string to_back_, to_front_;  // what did not fit
};

TEST_F(ClassForwardTest, AnswersAsBefore) {
  const Peer peer = Connect();
  Ask(peer, Get("/own") + PostHead("/echo", 3, "X-A: b\r\n") + "abc" + Get("/hello") + Get("/later"));
  const Reply own = Answer(peer);
  EXPECT_EQ(own.body, "own");
  EXPECT_EQ(own.Field("x-zts-request-id").size(), 16u);
  EXPECT_EQ(Answer(peer).body, "POST http://a/echo\nabc");
  EXPECT_EQ(Answer(peer).body, "hello");
  Wait(20 * kMillisecond);
  EXPECT_EQ(Answer(peer).body, "later");
  EXPECT_EQ(Outcomes("own", js::OutcomeKind::kOk), 1u);
  EXPECT_EQ(there_.Row("own").outcomes[0].Read(), 0u);  // answers are counted where they are given
  EXPECT_EQ(there_.shard_->pool().warm(), functions_.size());
  EXPECT_EQ(shard_->pool().warm(), 1u);  // "hello"
}

TEST_F(ClassForwardTest, InFlightIsCountedWhereItRuns) {
  const Peer peer = Connect();
  Ask(peer, Get("/silent"));
  EXPECT_EQ(Row("silent").in_flight.Read(), 0u);
  EXPECT_EQ(there_.Row("silent").in_flight.Read(), 1u);
  EXPECT_EQ(Row("silent").offloaded.Read(), 0u);
  There("silent")->Complete(Only("silent"), 200, "x");
  EXPECT_EQ(Answer(peer).body, "x");
  EXPECT_EQ(there_.Row("silent").in_flight.Read(), 0u);
}

TEST_F(ClassForwardTest, LargeBodiesOfOnePieceBothWays) {
  const Peer peer = Connect();
  Ask(peer, Get("/large"));
  EXPECT_EQ(Answer(peer).body.size(), 3 * ipc::kClassPieceBytesMax);
  // Behind a request that is under way, so that it waits and is there as a whole.
  Ask(peer, Get("/silent"));
  const std::string body(2 * ipc::kClassPieceBytesMax - 1000, 'e');
  Send(peer, PostHead("/echo", body.size()) + body);
  There("silent")->Complete(Only("silent"), 200, "x");
  EXPECT_EQ(Answer(peer).body, "x");
  EXPECT_EQ(Answer(peer).body, "POST http://a/echo\n" + body);
}

TEST_F(ClassForwardTest, BodiesStreamBothWays) {
  const Peer peer = Connect();
  std::string body;
  for (int i = 0; body.size() < 8 * kBodyWindowBytes; ++i) body += std::to_string(i) + ",";
  Ask(peer, PostHead("/mirror", body.size()));
  for (size_t at = 0; at < body.size(); at += 10'000) {
    Ask(peer, std::string_view(body).substr(at, 10'000));
    Pending(peer);  // reads on
    Carry();
  }
  const Reply reply = Answer(peer);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body == body) << reply.body.size() << " of " << body.size();
  EXPECT_EQ(counters_->request_streams.open.Read(), 0u);
  EXPECT_EQ(counters_->response_streams.open.Read(), 0u);
}

TEST_F(ClassForwardTest, AFunctionThatDoesNotReadStopsTheClient) {
  const Peer peer = Connect();
  Ask(peer, PostHead("/silent", 10 << 20));
  size_t sent = 0;
  const std::string piece(16'384, 'x');
  for (size_t taken; (taken = io_->PeerWrite(peer, piece)) > 0; sent += taken) Carry();
  EXPECT_LT(sent, size_t{1} << 20);
  // Reading goes on where it was, through both windows; the first look only says that somebody waits.
  size_t read = 0;
  for (int empty = 0; empty < 2;) {
    const size_t got = There("silent")->ReadBody(Only("silent"), 5'000).size();
    Carry();
    read += got;
    empty = got == 0 ? empty + 1 : 0;
  }
  EXPECT_GT(read, kBodyWindowBytes);
  EXPECT_GT(io_->PeerWrite(peer, piece), 0u);
  io_->PeerReset(peer);
  Carry();
  EXPECT_EQ(There("silent")->in_flight(), 0u);
}

TEST_F(ClassForwardTest, AStreamWaitsForAClientThatDoesNotRead) {
  const Peer peer = Connect();
  Ask(peer, Get("/open"));
  const js::InvocationId id = Only("open");
  const std::string piece(50'000, 'p');
  constexpr int kPieces = 40;
  for (int i = 0; i < kPieces; ++i) {
    There("open")->Chunk(id, piece);
    Carry();
  }
  There("open")->EndStream(id);
  Carry();
  EXPECT_EQ(there_.shard_->runs().running(), 1u);  // it does not get rid of all of it
  EXPECT_EQ(Answer(peer).body.size(), kPieces * piece.size());
  EXPECT_EQ(there_.shard_->runs().running(), 0u);
  Ask(peer, Get("/hello"));
  EXPECT_EQ(Answer(peer).body, "hello");
}

TEST_F(ClassForwardTest, AClientThatGoesTakesItsRequestBack) {
  const Peer running = Connect();
  Ask(running, Get("/silent"));
  EXPECT_EQ(There("silent")->in_flight(), 1u);
  io_->PeerReset(running);
  Carry();
  EXPECT_EQ(shard_->pool().in_flight(), 0u);
  EXPECT_EQ(There("silent")->abandoned().size(), 1u);
}

TEST_F(ClassForwardTest, AClientThatHasFinishedSendingIsTold) {
  const Peer peer = Connect();
  Ask(peer, Get("/silent"));
  io_->PeerFinish(peer);
  Carry();
  EXPECT_EQ(There("silent")->peer_finished().size(), 1u);
  There("silent")->Complete(Only("silent"), 200, "still");
  EXPECT_EQ(Answer(peer).body, "still");
}

TEST_F(ClassForwardTest, SaysContinueWhenTheBodyIsWaitedFor) {
  const Peer peer = Connect();
  Ask(peer, PostHead("/sink", 3, "Expect: 100-continue\r\n"));
  EXPECT_EQ(Next(peer, Of::kHead).status, 100);
  Ask(peer, "abc");
  EXPECT_EQ(Answer(peer).body, "3 bytes");
}

TEST_F(ClassForwardTest, ABodyThatDoesNotEndFailsItsReader) {
  const Peer peer = Connect();
  Ask(peer, PostHead("/sink", 100) + "some");
  Wait(kBodyIdleTimeout + kSecond);
  EXPECT_EQ(Answer(peer).status, 408);
  EXPECT_EQ(there_.shard_->runs().running(), 0u);
  Wait(kLingerTimeout);
}

TEST_F(ClassForwardTest, FailuresHaveTheirNames) {
  const Peer peer = Connect();
  Ask(peer, Get("/bomb"));
  EXPECT_EQ(Answer(peer).Field("x-zts-error"), "memory-limit");
  Ask(peer, Get("/throws"));
  EXPECT_EQ(Answer(peer).Field("x-zts-error"), "exception");
  Ask(peer, Get("/wide") + Get("/hello"));
  EXPECT_EQ(Answer(peer).Field("x-zts-error"), "response-head-too-large");
  EXPECT_EQ(Answer(peer).body, "hello");
  EXPECT_EQ(there_.shard_->runs().running(), 0u);
  Ask(peer, Get("/silent"));
  Wait(js::Limits().wall_per_request);
  EXPECT_EQ(Answer(peer).Field("x-zts-error"), "wall-limit");
  EXPECT_EQ(Outcomes("silent", js::OutcomeKind::kWallLimit), 1u);
}

TEST_F(ClassForwardTest, AStreamThatFailsEndsTheConnection) {
  const Peer peer = Connect();
  Ask(peer, Get("/broken"));
  EXPECT_EQ(Answer(peer).status, 0);
  EXPECT_TRUE(io_->PeerSawEnd(peer));
  EXPECT_EQ(Outcomes("broken", js::OutcomeKind::kThrew), 1u);
}

TEST_F(ClassForwardTest, LogsAreTheEnginesThatRunsIt) {
  const Peer peer = Connect();
  Ask(peer, Get("/chatty"));
  const Reply reply = Answer(peer);
  const auto records = there_.logs_.Pop(kLogQueueBytesMax);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].message, "hi");
  EXPECT_EQ(records[0].request_id, reply.Field("x-zts-request-id"));
}

// Short reads, partial sends, events that come late, on the clients' side and between the engines.
TEST_F(ClassForwardTest, ARoughWayChangesNothing) {
  io_->set_faults(net::FakeFaults::Rough());
  there_.io_->set_faults(net::FakeFaults::Rough());
  const Peer peer = Connect();
  std::string body;
  for (int i = 0; body.size() < 5 * kBodyWindowBytes; ++i) body += std::to_string(i) + ";";
  const auto whole = [&] {
    Reply reply;
    for (int i = 0; i < 1000 && reply.status == 0; ++i) reply = Answer(peer);
    return reply;
  };
  for (size_t round = 1; round <= 10; ++round) {
    const std::string part = body.substr(0, body.size() / round);
    Ask(peer, PostHead("/mirror", part.size()));
    for (size_t at = 0; at < part.size();) {
      at += io_->PeerWrite(peer, std::string_view(part).substr(at, 7'777));
      Pending(peer);
      Carry();
    }
    EXPECT_TRUE(whole().body == part) << round;
    Ask(peer, Get("/large") + Get("/own"));
    EXPECT_EQ(whole().body.size(), 3 * ipc::kClassPieceBytesMax);
    EXPECT_EQ(whole().body, "own");
  }
  io_->set_faults(net::FakeFaults::None());
  there_.io_->set_faults(net::FakeFaults::None());
}

// ---- the socket -------------------------------------------------------------------------------------------------------------

TEST_F(ClassForwardTest, AnEngineThatDiesTakesItsOwnAlong) {
  const Peer waiting = Connect(), streaming = Connect(), other = Connect();
  Ask(waiting, Get("/silent"));
  Ask(streaming, Get("/open"));
  Ask(other, PostHead("/sink", 100) + "some");
  io_->PeerReset(front_end_);
  Settle();
  const Reply lost = Next(waiting);
  EXPECT_EQ(lost.status, 503);
  EXPECT_EQ(lost.Field("x-zts-error"), "isolate-recycled");
  EXPECT_EQ(lost.Field("retry-after"), "1");
  Pending(streaming);
  EXPECT_TRUE(io_->PeerSawEnd(streaming));
  EXPECT_EQ(Next(other).Field("x-zts-error"), "isolate-recycled");
  Send(waiting, Get("/hello"));
  EXPECT_EQ(Next(waiting).body, "hello");
  EXPECT_EQ(shard_->pool().in_flight(), 0u);
  Wait(kLingerTimeout);
  Join();
  Ask(waiting, Get("/own"));
  EXPECT_EQ(Answer(waiting).body, "own");
}

TEST_F(ClassForwardTest, WhatComesMeanwhileWaitsForTheNext) {
  io_->PeerReset(front_end_);
  Settle();
  const Peer first = Connect(), gone = Connect(), third = Connect();
  Send(first, Get("/own"));
  Send(gone, Get("/own"));
  Send(third, PostHead("/sink", 3));
  io_->PeerReset(gone);
  Settle();
  EXPECT_EQ(Next(first).status, 0);
  EXPECT_EQ(counters_->queued.Read(), 2u);
  Join();
  EXPECT_EQ(Answer(first).body, "own");
  Ask(third, "abc");
  EXPECT_EQ(Answer(third).body, "3 bytes");
}

TEST_F(ClassForwardTest, ButNotForEver) {
  io_->PeerReset(front_end_);
  Settle();
  const Peer peer = Connect();
  Send(peer, Get("/own"));
  Advance(kOffloadQueueTimeout);
  EXPECT_EQ(Next(peer).Field("x-zts-error"), "overloaded");
  Join();
  EXPECT_EQ(There("own")->in_flight(), 0u);
}

TEST_F(ClassForwardTest, AFrontThatDiesLeavesNothing) {
  const Peer peer = Connect();
  Ask(peer, Get("/silent"));
  Ask(Connect(), PostHead("/sink", 100) + "some");
  there_.io_->PeerReset(back_end_);
  there_.Settle();
  EXPECT_EQ(there_.shard_->runs().running(), 0u);
  EXPECT_EQ(There("silent")->abandoned().size(), 1u);
  io_->PeerReset(front_end_);
  io_->PeerReset(peer);
  Settle();
  Wait(kBodyIdleTimeout + kSecond);
}

TEST_F(ClassForwardTest, NonsenseEndsTheSocketAndNothingElse) {
  const Peer peer = Connect();
  Ask(peer, Get("/silent"));
  io_->PeerWrite(front_end_, std::string(64, '\xff'));
  Settle();
  EXPECT_EQ(Next(peer).Field("x-zts-error"), "isolate-recycled");
  Send(peer, Get("/hello"));
  EXPECT_EQ(Next(peer).body, "hello");
  there_.io_->PeerWrite(back_end_, std::string(64, '\xff'));
  there_.Settle();
  EXPECT_EQ(there_.shard_->runs().running(), 0u);
}

// An engine that somebody has taken over says what it likes.
TEST_F(ClassForwardTest, WhatMakesNoSenseIsDropped) {
  const Peer peer = Connect();
  Ask(peer, Get("/silent"));
  std::string said;
  for (uint64_t ticket : {uint64_t{0}, uint64_t{1} << 32, uint64_t{7} << 32 | 3, UINT64_MAX}) {
    ipc::AppendClassSignal(ipc::ClassFrameType::kBegan, ticket, &said);
    ipc::AppendClassSignal(ipc::ClassFrameType::kBodyWanted, ticket, &said);
    ipc::AppendClassSignal(ipc::ClassFrameType::kBodyDropped, ticket, &said);
    ipc::AppendClassCount(ipc::ClassFrameType::kBodyTaken, ticket, UINT32_MAX, &said);
    ipc::AppendClassBytes(ipc::ClassFrameType::kData, ticket, std::string(100'000, 'd'), &said);
    ipc::AppendClassOutcome(ipc::ClassFrameType::kEnd, ticket, {}, &said);
  }
  for (size_t at = 0; at < said.size();) {
    at += io_->PeerWrite(front_end_, std::string_view(said).substr(at));
    Settle();
  }
  There("silent")->Complete(Only("silent"), 200, "true");
  EXPECT_EQ(Answer(peer).body, "true");
}

TEST_F(ClassForwardTest, AVersionThatIsNotThereIsAnsweredSo) {
  functions_["late"] = "respond 200 late";
  of_class_.insert("late");
  Deploy(functions_);
  const Peer peer = Connect();
  Ask(peer, Get("/late"));
  const Reply reply = Answer(peer);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.Field("x-zts-error"), "overloaded");
}

TEST_F(ClassForwardTest, OneThatHasLeftTheCatalogIsAnsweredForAWhile) {
  there_.Deploy({{"hello", "respond 200 hello"}});
  const Peer peer = Connect();
  Ask(peer, Get("/own"));
  EXPECT_EQ(Answer(peer).body, "own");
  there_.Advance(kClassLeaveTime + kSecond);
  Ask(peer, Get("/own"));
  EXPECT_EQ(Answer(peer).Field("x-zts-error"), "overloaded");
  EXPECT_EQ(there_.shard_->pool().isolates(), 1u);
}

TEST_F(ClassForwardTest, HoweverManyCatalogsCameInTheMeantime) {
  const Peer peer = Connect();
  // All within what the front takes to change its own: the request was in the socket before the first.
  for (size_t i = 1; i <= kLeftCatalogsMax; ++i) {
    there_.Deploy({{"hello", "respond 200 hello " + std::to_string(i)}});
    Ask(peer, Get("/own"));
    EXPECT_EQ(Answer(peer).body, "own") << i;
  }
  there_.Deploy({{"hello", "respond 200 the last"}});
  Ask(peer, Get("/own"));
  EXPECT_EQ(Answer(peer).Field("x-zts-error"), "overloaded");
  // Each goes by its own time.
  for (int i = 0; i < 20; ++i) there_.Advance(kSecond);
  EXPECT_EQ(there_.shard_->pool().isolates(), 1u);
}

TEST_F(ClassForwardTest, ADrainWaitsForWhatIsThere) {
  const Peer peer = Connect();
  Ask(peer, Get("/silent"));
  bool front = false, back = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { front = true; });
  there_.shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { back = true; });
  Carry();
  EXPECT_FALSE(front || back);
  There("silent")->Complete(Only("silent"), 200, "last");
  const Reply reply = Answer(peer);
  EXPECT_EQ(reply.body, "last");
  EXPECT_EQ(reply.Field("connection"), "close");
  Wait(kLingerTimeout);
  EXPECT_TRUE(front && back);
}

TEST_F(ClassForwardTest, AQueueThatIsTooLongIsRefused) {
  io_->PeerReset(front_end_);
  Settle();
  std::vector<Peer> peers;
  for (size_t i = 0; i <= kClassQueueMax; ++i) {
    peers.push_back(Connect());
    Send(peers.back(), Get("/own"));
  }
  EXPECT_EQ(Next(peers.back()).Field("x-zts-error"), "overloaded");
  for (const Peer peer : peers) io_->PeerReset(peer);
  Settle();
}

}  // namespace
}  // namespace zts
