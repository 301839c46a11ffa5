// Bodies that pass in pieces, both ways: what a session makes of them, whatever the network does.
#include <gtest/gtest.h>

#include <string>

#include "worker/engine/limits.h"
#include "worker/engine/session.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

std::string Get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + more + "\r\n";
}
std::string Chunked(const std::string& target, const std::string& more = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + more + "\r\n";
}
std::string Length(const std::string& target, size_t length, const std::string& more = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
}

// What one connection may hold of a body, or of a response, that nobody takes: our buffers and a pass of receives.
constexpr size_t kHeldMax = 512 * 1024;

class SessionStreamTest : public ShardFixture {
 protected:
  SessionStreamTest() {
    Deploy({{"hello", "respond 200 hello"},
            {"three", "stream 200 3 abc"},
            {"declared", "declare 9\nstream 200 3 abc"},
            {"short", "declare 10\nstream 200 3 abc"},
            {"long", "declare 8\nstream 200 3 abc"},
            {"fails", "stream-fail 200 2 abc"},
            {"open", "stream-open 200"},
            {"huge", "stream 200 1000 " + std::string(65'536, 'h')},
            {"wide", "header x-wide " + std::string(kResponseHeadBytesMax, 'w') + "\nstream 200 3 abc"},
            {"through", "stream-echo"},
            {"echo", "echo"},
            {"sink", "sink"},
            {"early", "respond 401 no"},
            {"background", "background 202 accepted"},
            {"silent", "pending"}});
  }
  js::InvocationId Only(std::string_view function) {
    const auto ids = Isolate(function)->in_flight_ids();
    EXPECT_EQ(ids.size(), 1u);
    return ids.empty() ? 0 : ids[0];
  }
  ipc::StreamCounters& in() { return counters_->request_streams; }
  ipc::StreamCounters& out() { return counters_->response_streams; }
  void TearDown() override {
    ShardFixture::TearDown();
    EXPECT_EQ(in().open.Read(), 0u);
    EXPECT_EQ(out().open.Read(), 0u);
  }
};

// ---- responses --------------------------------------------------------------------------------------------------------------

TEST_F(SessionStreamTest, AStreamIsSentInChunks) {
  const Peer peer = Connect();
  Send(peer, Get("/three") + Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "abcabcabc");
  EXPECT_EQ(reply.Field("transfer-encoding"), "chunked");
  EXPECT_EQ(reply.Field("content-length"), "");
  EXPECT_EQ(Next(peer).body, "hello");
  EXPECT_EQ(out().total.Read(), 1u);
  EXPECT_EQ(out().aborted.Read(), 0u);
  EXPECT_EQ(Row("three").requests[1].Read(), 1u);
  EXPECT_EQ(Row("three").outcomes[0].Read(), 1u);
}

TEST_F(SessionStreamTest, ADeclaredLengthFramesIt) {
  const Peer peer = Connect();
  Send(peer, Get("/declared") + Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.body, "abcabcabc");
  EXPECT_EQ(reply.Field("content-length"), "9");
  EXPECT_EQ(reply.Field("transfer-encoding"), "");
  EXPECT_EQ(Next(peer).body, "hello");
}

TEST_F(SessionStreamTest, AWrongLengthEndsTheConnection) {
  const Peer peer = Connect();
  Send(peer, Get("/short") + Get("/hello"));
  EXPECT_EQ(Next(peer).status, 0);
  EXPECT_EQ(Pending(peer).substr(Pending(peer).size() - 13), "\r\n\r\nabcabcabc");
  const Peer other = Connect();
  Send(other, Get("/long") + Get("/hello"));
  EXPECT_EQ(Next(other).body, "abcabcab");
  EXPECT_TRUE(Closed(other));
  EXPECT_EQ(Row("short").outcomes[static_cast<int>(js::OutcomeKind::kThrew)].Read(), 1u);
  EXPECT_EQ(Row("long").outcomes[static_cast<int>(js::OutcomeKind::kThrew)].Read(), 1u);
  EXPECT_EQ(out().aborted.Read(), 2u);
}

TEST_F(SessionStreamTest, AStreamThatFailsHasNoLastChunk) {
  const Peer peer = Connect();
  Send(peer, Get("/fails") + Get("/hello"));
  EXPECT_EQ(Next(peer).status, 0);
  EXPECT_EQ(Pending(peer).substr(Pending(peer).size() - 20), "\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n");
  EXPECT_EQ(out().aborted.Read(), 1u);
  EXPECT_EQ(Row("fails").outcomes[static_cast<int>(js::OutcomeKind::kThrew)].Read(), 1u);
}

TEST_F(SessionStreamTest, Http10GetsTheEndOfTheConnection) {
  const Peer peer = Connect();
  Send(peer, "GET /three HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string text = Pending(peer);
  EXPECT_NE(text.find("connection: close\r\n"), std::string::npos);
  EXPECT_EQ(text.find("transfer-encoding"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 13), "\r\n\r\nabcabcabc");
  EXPECT_TRUE(io_->PeerSawEnd(peer));
}

TEST_F(SessionStreamTest, HeadHasNoBody) {
  const Peer peer = Connect();
  Send(peer, "HEAD /three HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(Next(peer, Of::kHead).status, 200);
  Send(peer, "HEAD /declared HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(Next(peer).body, "hello");
  EXPECT_EQ(Next(peer, Of::kHead).Field("content-length"), "9");
}

TEST_F(SessionStreamTest, WhatAStreamGivesGoesOutAtOnce) {
  const Peer peer = Connect();
  Send(peer, Get("/open") + Get("/hello"));
  const js::InvocationId id = Only("open");
  EXPECT_NE(Pending(peer).find("\r\n\r\n"), std::string::npos);
  Isolate("open")->Chunk(id, "one");
  Settle();
  EXPECT_NE(Pending(peer).find("3\r\none\r\n"), std::string::npos);
  EXPECT_EQ(Next(peer).status, 0);
  EXPECT_EQ(out().open.Read(), 1u);
  Isolate("open")->Chunk(id, "two");
  Isolate("open")->EndStream(id);
  Settle();
  EXPECT_EQ(Next(peer).body, "onetwo");
  EXPECT_EQ(Next(peer).body, "hello");
}

TEST_F(SessionStreamTest, ASlowReaderHoldsTheStreamUp) {
  const Peer peer = Connect();
  Send(peer, Get("/huge"));
  const js::InvocationId id = Only("huge");
  EXPECT_TRUE(Isolate("huge")->has(id));
  // What is read makes room for more, until all has come.
  size_t received = 0;
  for (;;) {
    const std::string more = io_->PeerRead(peer, 1024 * 1024);
    if (more.empty()) break;
    received += more.size();
    Settle();
  }
  EXPECT_GT(received, 1000u * 65'536);
  EXPECT_EQ(out().aborted.Read(), 0u);
}

TEST_F(SessionStreamTest, APeerThatDoesNotReadAStreamIsCut) {
  const Peer peer = Connect();
  Send(peer, Get("/huge"));
  EXPECT_EQ(Isolate("huge")->in_flight(), 1u);
  Advance(kSendTimeout + 2 * kTimerTick);
  EXPECT_EQ(shard_->connections(), 0u);
  EXPECT_EQ(Isolate("huge")->abandoned().size(), 1u);
  EXPECT_EQ(out().aborted.Read(), 1u);
  (void)peer;
}

TEST_F(SessionStreamTest, APeerThatGoesCancelsTheStream) {
  for (const bool resets : {true, false}) {
    const Peer peer = Connect();
    Send(peer, Get("/open"));
    resets ? io_->PeerReset(peer) : io_->PeerFinish(peer);
    Settle();
    EXPECT_EQ(Isolate("open")->in_flight(), 0u);
  }
  EXPECT_EQ(Isolate("open")->abandoned().size(), 2u);
  EXPECT_EQ(out().aborted.Read(), 2u);
}

TEST_F(SessionStreamTest, APeerThatFinishesIsToldOfAndStillAnswered) {
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  io_->PeerFinish(peer);
  Settle();
  const js::InvocationId id = Only("silent");
  EXPECT_EQ(Isolate("silent")->peer_finished(), std::vector<js::InvocationId>{id});
  Isolate("silent")->Complete(id, 200, "still");
  Settle();
  EXPECT_EQ(Next(peer).body, "still");
}

TEST_F(SessionStreamTest, TheWallLimitEndsAStream) {
  const Peer peer = Connect();
  Send(peer, Get("/open"));
  Isolate("open")->Chunk(Only("open"), "some");
  Advance(js::Limits().wall_per_request + 2 * kTimerTick);
  EXPECT_EQ(Pending(peer).substr(Pending(peer).size() - 9), "4\r\nsome\r\n");
  EXPECT_TRUE(io_->PeerSawEnd(peer));
  EXPECT_EQ(Isolate("open")->abandoned().size(), 1u);
  EXPECT_EQ(Row("open").outcomes[static_cast<int>(js::OutcomeKind::kWallLimit)].Read(), 1u);
}

TEST_F(SessionStreamTest, AHeadThatIsTooLargeCancelsTheStream) {
  const Peer peer = Connect();
  Send(peer, Get("/wide") + Get("/hello"));
  EXPECT_EQ(Next(peer).Field("x-zts-error"), "response-head-too-large");
  EXPECT_EQ(Next(peer).body, "hello");
  EXPECT_EQ(Isolate("wide")->in_flight(), 0u);
}

TEST_F(SessionStreamTest, ADrainLetsStreamsComeToTheirEnd) {
  const Peer peer = Connect();
  Send(peer, Get("/open"));
  bool drained = false;
  shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [&] { drained = true; });
  Settle();
  EXPECT_FALSE(drained);
  Isolate("open")->Chunk(Only("open"), "last");
  Isolate("open")->EndStream(Only("open"));
  Settle();
  EXPECT_EQ(Next(peer).body, "last");
  EXPECT_TRUE(Closed(peer));
  Advance(kLingerTimeout);
  EXPECT_TRUE(drained);
}

// ---- requests ---------------------------------------------------------------------------------------------------------------

TEST_F(SessionStreamTest, ARequestIsDispatchedAtItsHead) {
  const Peer peer = Connect();
  Send(peer, Chunked("/silent"));
  const js::InvocationId id = Only("silent");
  EXPECT_EQ(Isolate("silent")->ReadBody(id, 100), "");
  Send(peer, "3\r\nabc\r\n");
  EXPECT_EQ(Isolate("silent")->ReadBody(id, 2), "ab");
  EXPECT_EQ(Isolate("silent")->ReadBody(id, 2), "c");
  Send(peer, "0\r\n\r\n");
  Isolate("silent")->Complete(id, 200, "ok");
  Settle();
  EXPECT_EQ(Next(peer).body, "ok");
  EXPECT_EQ(in().total.Read(), 1u);
  EXPECT_EQ(in().aborted.Read(), 0u);
}

TEST_F(SessionStreamTest, ABodyPassesThrough) {
  const Peer peer = Connect();
  Send(peer, Chunked("/through"));
  EXPECT_NE(Pending(peer).find("\r\n\r\n"), std::string::npos);
  Send(peer, "3\r\nabc\r\n");
  EXPECT_NE(Pending(peer).find("3\r\nabc\r\n"), std::string::npos);
  Send(peer, "4\r\ndefg\r\n0\r\nX-Trailer: dropped\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(Next(peer).body, "abcdefg");
  EXPECT_EQ(Next(peer).body, "hello");
}

// The last piece fills the window to the byte: its end is known without more input.
TEST_F(SessionStreamTest, ABodyThatEndsWithAFullWindowEnds) {
  const std::string body(4 * kBodyWindowBytes, 'b');
  const Peer peer = Connect();
  Send(peer, Length("/through", body.size()));
  for (size_t at = 0; at < body.size(); at += kBodyWindowBytes) Send(peer, body.substr(at, kBodyWindowBytes));
  EXPECT_EQ(Next(peer).body.size(), body.size());
  Send(peer, Length("/through", body.size()) + body);
  EXPECT_EQ(Next(peer).body.size(), body.size());
}

TEST_F(SessionStreamTest, EveryCutGivesTheSame) {
  const std::string text = Chunked("/through") + "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n" + Length("/echo", 4) + "body" +
                           Get("/three");
  const auto check = [this](Peer peer, size_t cut) {
    ASSERT_EQ(Next(peer).body, "helloabc") << cut;
    ASSERT_EQ(Next(peer).body, "POST http://a/echo\nbody") << cut;
    ASSERT_EQ(Next(peer).body, "abcabcabc") << cut;
  };
  for (size_t cut = 1; cut < text.size(); ++cut) {
    const Peer peer = Connect();
    Send(peer, text.substr(0, cut));
    Send(peer, text.substr(cut));
    check(peer, cut);
  }
  const Peer peer = Connect();
  for (const char c : text) Send(peer, std::string_view(&c, 1));
  check(peer, 0);
}

TEST_F(SessionStreamTest, AFunctionThatDoesNotReadHoldsThePeerUp) {
  const Peer peer = Connect();
  const size_t length = size_t{16} << 20;
  Send(peer, Length("/silent", length));
  const std::string piece(64 * 1024, 'p');
  size_t written = 0;
  for (int i = 0; i < 200; ++i) {
    written += io_->PeerWrite(peer, piece);
    Settle();
  }
  EXPECT_LT(written, kHeldMax);
  // No time-out runs against a peer that may not send.
  Advance(kBodyIdleTimeout + kSecond);
  const js::InvocationId id = Only("silent");
  size_t read = 0;
  for (int i = 0; i < 10'000 && read < length; ++i) {
    read += Isolate("silent")->ReadBody(id, 100'000).size();
    Settle();
    if (written < length) written += io_->PeerWrite(peer, std::string_view(piece).substr(0, std::min(piece.size(), length - written)));
    Settle();
  }
  EXPECT_EQ(read, length);
  Isolate("silent")->Complete(id, 200, "all of it");
  Settle();
  EXPECT_EQ(Next(peer).body, "all of it");
}

TEST_F(SessionStreamTest, AnEarlyAnswerKeepsTheConnectionWhenLittleIsLeft) {
  const Peer peer = Connect();
  Send(peer, Length("/early", 1000));
  EXPECT_EQ(Next(peer).status, 401);
  Send(peer, std::string(1000, 'x') + Get("/hello"));
  EXPECT_EQ(Next(peer).body, "hello");
  Send(peer, Chunked("/early") + "3\r\nabc\r\n");
  EXPECT_EQ(Next(peer).status, 401);
  Send(peer, "0\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(Next(peer).body, "hello");
}

TEST_F(SessionStreamTest, AnEarlyAnswerEndsTheConnectionWhenMuchIsLeft) {
  const Peer peer = Connect();
  Send(peer, Length("/early", kBodyDiscardBytesMax + 1));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.Field("connection"), "close");
  Advance(kLingerTimeout);
  EXPECT_TRUE(Closed(peer));
  const Peer other = Connect();
  Send(other, Chunked("/early"));
  EXPECT_EQ(Next(other).status, 401);
  for (size_t sent = 0; sent <= kBodyDiscardBytesMax; sent += 0x4000) Send(other, "4000\r\n" + std::string(0x4000, 'x') + "\r\n");
  Advance(kLingerTimeout);
  EXPECT_TRUE(Closed(other));
}

TEST_F(SessionStreamTest, BackgroundWorkReadsOnBehindTheAnswer) {
  const Peer peer = Connect();
  Send(peer, Length("/background", 6) + "abc");
  EXPECT_EQ(Next(peer).body, "accepted");
  const js::InvocationId id = Only("background");
  EXPECT_EQ(Isolate("background")->ReadBody(id, 10), "abc");
  EXPECT_EQ(Isolate("background")->ReadBody(id, 10), "");
  Send(peer, "def" + Get("/hello"));
  EXPECT_EQ(Next(peer).body, "hello");  // the connection goes on once the body is there
  EXPECT_EQ(Isolate("background")->ReadBody(id, 10), "def");
  Isolate("background")->FinishBackground(id);
  EXPECT_EQ(Row("background").in_flight.Read(), 0u);
}

TEST_F(SessionStreamTest, APeerThatGoesInMidBodyAborts) {
  for (const bool resets : {true, false}) {
    const Peer peer = Connect();
    Send(peer, Length("/sink", 10) + "abc");
    EXPECT_EQ(Isolate("sink")->in_flight(), 1u);
    resets ? io_->PeerReset(peer) : io_->PeerFinish(peer);
    Settle();
    EXPECT_EQ(Isolate("sink")->in_flight(), 0u);
  }
  EXPECT_EQ(Isolate("sink")->abandoned().size(), 2u);
  EXPECT_EQ(in().aborted.Read(), 2u);
}

TEST_F(SessionStreamTest, ABodyThatStopsIsTimedOut) {
  const Peer peer = Connect();
  Send(peer, Length("/sink", 10) + "abc");
  Advance(kBodyIdleTimeout + 2 * kTimerTick);
  EXPECT_EQ(Next(peer).status, 408);
  EXPECT_EQ(Isolate("sink")->abandoned().size(), 1u);
  const Peer other = Connect();
  Send(other, Length("/through", 10) + "abc");
  Advance(kBodyIdleTimeout + kLingerTimeout + 2 * kTimerTick);
  EXPECT_EQ(shard_->connections(), 0u);
  EXPECT_EQ(Isolate("through")->abandoned().size(), 1u);
}

TEST_F(SessionStreamTest, ABodyThatIsMalformedIsRefused) {
  const Peer peer = Connect();
  Send(peer, Chunked("/sink") + "3\r\nabc\r\n");
  Send(peer, "zz\r\n");
  EXPECT_EQ(Next(peer).status, 400);
  EXPECT_EQ(Isolate("sink")->abandoned().size(), 1u);
  const Peer other = Connect();
  Send(other, Chunked("/through") + "3\r\nabc\r\n");
  Send(other, "3\nabc");
  EXPECT_EQ(Next(other).status, 0);
  EXPECT_EQ(Pending(other).find("0\r\n\r\n"), std::string::npos);
}

TEST_F(SessionStreamTest, ContinueIsSaidWhenTheFunctionWaits) {
  const Peer peer = Connect();
  const std::string expect = "Expect: 100-continue\r\n";
  Send(peer, Chunked("/silent", expect));
  EXPECT_EQ(Pending(peer), "");
  Isolate("silent")->ReadBody(Only("silent"), 10);
  Settle();
  EXPECT_EQ(Next(peer).status, 100);
  Send(peer, "0\r\n\r\n");
  Isolate("silent")->Complete(Only("silent"), 200, "done");
  Settle();
  EXPECT_EQ(Next(peer).body, "done");
  // A final answer comes alone, and the body that was not asked for may come or not: the connection ends.
  Send(peer, Length("/early", 10, expect));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.Field("connection"), "close");
}

}  // namespace
}  // namespace zts
