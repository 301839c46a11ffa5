#include "worker/engine/session.h"

#include <gtest/gtest.h>

#include <string>

#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

std::string Get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}
std::string Post(const std::string& target, const std::string& body, const std::string& more = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more +
         "\r\n" + body;
}

// More than all buffers on the way together.
constexpr size_t kLargeBody = size_t{8} << 20;

class SessionTest : public ShardFixture {
 protected:
  SessionTest() {
    Deploy({{"hello", "respond 200 hello world"},
            {"echo", "echo"},
            {"sink", "sink"},
            {"slow", "timer 20 200 later"},
            {"silent", "pending"},
            {"throw", "throw oops"},
            {"bomb", "oom"},
            {"empty", "respond 204 "},
            {"peer", "peer"},
            {"field", "header x-made-by zts\nrespond 201 made"}});
  }
};

// ---- answers ----------------------------------------------------------------------------------------------------------------

TEST_F(SessionTest, AnswersARequest) {
  const Peer peer = Connect();
  Send(peer, Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello world");
  EXPECT_EQ(reply.Field("content-type"), "text/plain;charset=UTF-8");
  EXPECT_EQ(reply.Field("date").size(), 29u);
  EXPECT_EQ(reply.Field("connection"), "");
  EXPECT_FALSE(Closed(peer));
  EXPECT_EQ(counters_->requests_total.Read(), 1u);
  EXPECT_EQ(Row("hello").requests[1].Read(), 1u);
  EXPECT_EQ(Row("hello").outcomes[0].Read(), 1u);
}

TEST_F(SessionTest, FunctionsKnowWhoAsks) {
  const Peer peer = Connect(), other = Connect();
  ASSERT_NE(io_->PeerPort(peer), io_->PeerPort(other));
  for (const Peer each : {peer, other, peer, other}) {
    Send(each, Get("/peer"));
    EXPECT_EQ(Next(each).body, "192.0.2.1 " + std::to_string(io_->PeerPort(each)));
  }
}

TEST_F(SessionTest, KeepsAConnectionForManyRequests) {
  const Peer peer = Connect();
  for (int i = 0; i < 100; ++i) {
    Send(peer, Get("/hello"));
    ASSERT_EQ(Next(peer).status, 200);
  }
  EXPECT_EQ(counters_->connections_total.Read(), 1u);
  EXPECT_EQ(shard_->borrowed(), 0u);  // idle, it holds nothing
}

TEST_F(SessionTest, AnswersPipelinedRequestsInTheirOrder) {
  const Peer peer = Connect();
  Send(peer, Get("/hello") + Get("/slow") + Get("/field") + Get("/nowhere") + Post("/echo", "abc"));
  EXPECT_EQ(Next(peer).body, "hello world");
  EXPECT_EQ(Next(peer).status, 0);  // the slow one holds the others up
  Advance(20 * kMillisecond);
  EXPECT_EQ(Next(peer).body, "later");
  EXPECT_EQ(Next(peer).status, 201);
  EXPECT_EQ(Next(peer).status, 404);
  EXPECT_EQ(Next(peer).body, "POST http://localhost/echo\nabc");
}

TEST_F(SessionTest, AnswersInputThatComesByteByByte) {
  const Peer peer = Connect();
  const std::string text = Post("/echo", "body", "X-A: b\r\n") + Get("/hello");
  for (const char c : text) Send(peer, std::string_view(&c, 1));
  EXPECT_EQ(Next(peer).body, "POST http://localhost/echo\nbody");
  EXPECT_EQ(Next(peer).body, "hello world");
}

TEST_F(SessionTest, AnswersInputCutInTwoAnywhere) {
  const std::string text = Post("/echo", "body") + Get("/hello");
  for (size_t cut = 1; cut < text.size(); ++cut) {
    const Peer peer = Connect();
    Send(peer, text.substr(0, cut));
    Send(peer, text.substr(cut));
    ASSERT_EQ(Next(peer).body, "POST http://localhost/echo\nbody") << cut;
    ASSERT_EQ(Next(peer).body, "hello world") << cut;
  }
}

TEST_F(SessionTest, AnAnswerMayComeLater) {
  const Peer peer = Connect();
  Send(peer, Post("/slow", "kept while it waits"));
  EXPECT_EQ(Next(peer).status, 0);
  Advance(20 * kMillisecond);
  EXPECT_EQ(Next(peer).body, "later");
  EXPECT_EQ(Row("slow").in_flight.Read(), 0u);
}

TEST_F(SessionTest, HeadHasTheHeadOnly) {
  const Peer peer = Connect();
  Send(peer, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/hello"));
  const Reply reply = Next(peer, Of::kHead);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Field("content-length"), "11");
  EXPECT_EQ(Next(peer).body, "hello world");
  Send(peer, "HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(Next(peer, Of::kHead).status, 404);
  EXPECT_EQ(Next(peer).body, "hello world");
}

TEST_F(SessionTest, NoContentHasNoBody) {
  const Peer peer = Connect();
  Send(peer, Get("/empty") + Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.Field("content-length"), "");
  EXPECT_EQ(Next(peer).body, "hello world");
}

TEST_F(SessionTest, ConnectionCloseEndsIt) {
  const Peer peer = Connect();
  Send(peer, Get("/hello", "Connection: close\r\n") + Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Field("connection"), "close");
  EXPECT_EQ(Next(peer).status, 0);  // what came behind the last request is not answered
  EXPECT_TRUE(Closed(peer));
}

TEST_F(SessionTest, Http10ClosesUnlessAsked) {
  const Peer peer = Connect();
  Send(peer, "GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(Next(peer).Field("connection"), "close");
  EXPECT_TRUE(Closed(peer));
  const Peer other = Connect();
  Send(other, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(Next(other).Field("connection"), "keep-alive");
  Send(other, "GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(Next(other).status, 200);
  EXPECT_TRUE(Closed(other));
}

TEST_F(SessionTest, OptionsStarAsksTheServer) {
  const Peer peer = Connect();
  Send(peer, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(Next(peer).status, 204);
  EXPECT_EQ(Next(peer).status, 200);
}

TEST_F(SessionTest, AHalfClosedPeerIsStillAnswered) {
  const Peer peer = Connect();
  Send(peer, Get("/slow") + Get("/hello"));
  io_->PeerFinish(peer);
  Settle();
  EXPECT_EQ(Next(peer).status, 0);
  Advance(20 * kMillisecond);
  EXPECT_EQ(Next(peer).body, "later");
  EXPECT_EQ(Next(peer).body, "hello world");
  EXPECT_TRUE(Closed(peer));
}

// ---- bodies -----------------------------------------------------------------------------------------------------------------

TEST_F(SessionTest, TakesAChunkedBody) {
  const Peer peer = Connect();
  Send(peer, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n");
  EXPECT_EQ(Next(peer).status, 0);
  Send(peer, "0\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(Next(peer).body, "POST http://localhost/echo\nabcde");
  EXPECT_EQ(Next(peer).body, "hello world");
}

TEST_F(SessionTest, TakesALargeBodyButNoneBeyondTheLimit) {
  const Peer peer = Connect();
  Send(peer, Post("/echo", std::string(kLargeBody, 'x')));
  EXPECT_EQ(Next(peer).body.size(), kLargeBody + std::string("POST http://localhost/echo\n").size());
  Send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kBodyBytesMax + 1) + "\r\n\r\n");
  EXPECT_EQ(Next(peer).status, 413);
  Advance(kLingerTimeout);
  EXPECT_TRUE(Closed(peer));
}

TEST_F(SessionTest, AChunkedBodyIsBoundedToo) {
  const Peer peer = Connect();
  Send(peer, "POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (size_t sent = 0; sent <= kBodyBytesMax; sent += 0x10000) Send(peer, chunk);
  EXPECT_EQ(Next(peer).status, 413);
  EXPECT_EQ(Refusals(http::Refusal::kBodyTooLarge), 1u);
}

TEST_F(SessionTest, SaysContinueWhenTheBodyIsWaitedFor) {
  const Peer peer = Connect();
  Send(peer, "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(Next(peer).status, 100);
  Send(peer, "abc");
  EXPECT_EQ(Next(peer).body, "POST http://localhost/echo\nabc");
}

TEST_F(SessionTest, SaysNoContinueToABodyThatIsThereOrNotWanted) {
  const Peer peer = Connect();
  Send(peer, Post("/echo", "abc", "Expect: 100-continue\r\n"));
  EXPECT_EQ(Next(peer).status, 200);
  Send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n");
  EXPECT_EQ(Next(peer).status, 413);
  const Peer other = Connect();
  Send(other, "POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(Next(other).status, 404);
  const Peer third = Connect();
  Send(third, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(Next(third).status, 417);
}

// ---- refusals ---------------------------------------------------------------------------------------------------------------

struct Refused {
  http::Refusal refusal;
  std::string input;
};

class RefusalTest : public SessionTest, public testing::WithParamInterface<Refused> {};

TEST_P(RefusalTest, IsAnsweredCountedAndClosed) {
  const Peer peer = Connect();
  Send(peer, GetParam().input);
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, http::RefusalStatus(GetParam().refusal));
  EXPECT_EQ(reply.Field("x-zts-error"), http::RefusalName(GetParam().refusal));
  EXPECT_EQ(reply.Field("connection"), "close");
  EXPECT_EQ(reply.body, std::string(http::RefusalHint(GetParam().refusal)) + "\n");
  EXPECT_EQ(Refusals(GetParam().refusal), 1u);
  EXPECT_EQ(counters_->requests_total.Read(), 1u);
  Advance(kLingerTimeout);
  EXPECT_TRUE(Closed(peer));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    testing::Values(Refused{http::Refusal::kMalformed, Get("/hello", "no colon\r\n")},
                    Refused{http::Refusal::kNotImplemented, "NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n"},
                    Refused{http::Refusal::kSmuggling,
                            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
                    Refused{http::Refusal::kNoHost, "GET / HTTP/1.1\r\n\r\n"},
                    Refused{http::Refusal::kUriTooLong, Get("/" + std::string(kTargetBytesMax, 'a'))},
                    Refused{http::Refusal::kHeadersTooLarge, Get("/", "X: " + std::string(kHeadBytesMax, 'a') + "\r\n")},
                    Refused{http::Refusal::kVersionNotSupported, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"},
                    Refused{http::Refusal::kUnknownRoute, Post("/nowhere", "body")}),
    [](const auto& info) {
      std::string name(http::RefusalName(info.param.refusal));
      std::erase(name, '-');
      return name;
    });

TEST_F(SessionTest, AnUnknownRouteWithoutABodyKeepsTheConnection) {
  const Peer peer = Connect();
  Send(peer, Get("/nowhere") + Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.Field("x-zts-error"), "unknown-route");
  EXPECT_EQ(Next(peer).body, "hello world");
}

TEST_F(SessionTest, AnswersBeforeARefusalAreSent) {
  const Peer peer = Connect();
  Send(peer, Get("/hello") + Get("/hello", "no colon\r\n"));
  EXPECT_EQ(Next(peer).status, 200);
  EXPECT_EQ(Next(peer).status, 400);
}

// ---- functions that fail ----------------------------------------------------------------------------------------------------

TEST_F(SessionTest, AnExceptionIsNamedAndNotTold) {
  const Peer peer = Connect();
  Send(peer, Get("/throw"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.Field("x-zts-error"), "exception");
  EXPECT_EQ(reply.Field("x-zts-request-id").size(), 16u);
  EXPECT_EQ(reply.body.find("oops"), std::string::npos);
  EXPECT_FALSE(Closed(peer));
  EXPECT_EQ(Row("throw").outcomes[static_cast<int>(js::OutcomeKind::kThrew)].Read(), 1u);
  EXPECT_EQ(Row("throw").requests[4].Read(), 1u);
  const auto logs = logs_.Pop(1 << 20);
  ASSERT_EQ(logs.size(), 1u);
  EXPECT_EQ(logs[0].message, "Error: oops");
  EXPECT_EQ(logs[0].request_id, reply.Field("x-zts-request-id"));
}

TEST_F(SessionTest, TheMemoryLimitCostsTheIsolateAndNothingElse) {
  const Peer waiting = Connect();
  Send(waiting, Get("/silent"));
  const Peer peer = Connect();
  Send(peer, Get("/bomb"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.Field("x-zts-error"), "memory-limit");
  Send(peer, Get("/hello"));
  EXPECT_EQ(Next(peer).status, 200);
  EXPECT_EQ(counters_->isolates_lost.Read(), 1u);
}

TEST_F(SessionTest, ASilentFunctionMeetsTheWallLimit) {
  const Peer peer = Connect();
  Send(peer, Get("/silent") + Get("/hello"));
  Advance(js::Limits().wall_per_request);
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(reply.Field("x-zts-error"), "wall-limit");
  EXPECT_EQ(Next(peer).status, 200);
}

TEST_F(SessionTest, AColdQueueThatIsFullRefuses) {
  DeployCold({{"cold", "respond 200 hi"}});
  std::vector<Peer> peers;
  for (size_t i = 0; i <= kColdQueueMax; ++i) {
    peers.push_back(Connect());
    io_->PeerWrite(peers.back(), Get("/cold"));
  }
  Pass();  // the warm-up does not come to it
  Pass();
  int refused = 0;
  int served = 0;
  Settle();
  for (const Peer peer : peers) {
    const Reply reply = Next(peer);
    served += reply.status == 200;
    if (reply.status != 503) continue;
    ++refused;
    EXPECT_EQ(reply.Field("x-zts-error"), "overloaded");
    EXPECT_EQ(reply.Field("retry-after"), "1");
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(served, static_cast<int>(kColdQueueMax));
}

TEST_F(SessionTest, AColdStartIsShownByAFunctionThatAsksForIt) {
  const Peer peer = Connect();
  DeployCold({{"cold", "respond 200 hi"}});
  Send(peer, Get("/cold"));
  EXPECT_EQ(Next(peer).Field("server-timing"), "");
  env_ = {{"ZTS_SERVER_TIMING", "1"}};
  DeployCold({{"shown", "timer 20 200 later"}});
  Send(peer, Get("/shown"));
  Advance(20 * kMillisecond);
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.body, "later");
  const std::string times(reply.Field("server-timing"));
  EXPECT_EQ(times.find("route;dur="), 0u) << times;
  EXPECT_NE(times.find("total;desc="), std::string::npos) << times;
  EXPECT_NE(times.find("handler;dur=20.000, gc;dur=0.000"), std::string::npos) << times;
  // Nobody waits any more.
  Send(peer, Get("/shown"));
  Advance(20 * kMillisecond);
  EXPECT_EQ(Next(peer).Field("server-timing"), "");
}

TEST_F(SessionTest, AFunctionThatDoesNotLoadSaysSo) {
  DeployCold({{"broken", "load-error syntax-error Unexpected token"}});
  const Peer peer = Connect();
  Send(peer, Get("/broken"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.Field("x-zts-error"), "syntax-error");
  EXPECT_EQ(reply.body.find("token"), std::string::npos);
}

TEST_F(SessionTest, AResponseHeadHasALimit) {
  Deploy({{"big", "header x-big " + std::string(kResponseHeadBytesMax, 'x') + "\nrespond 200 hi"}});
  const Peer peer = Connect();
  Send(peer, Get("/big"));
  EXPECT_EQ(Next(peer).Field("x-zts-error"), "response-head-too-large");
  EXPECT_EQ(Row("big").outcomes[static_cast<int>(js::OutcomeKind::kHeadTooLarge)].Read(), 1u);
  const std::vector<LogRecord> records = logs_.Pop(kLogQueueBytesMax);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].severity, js::LogSeverity::kException);
  EXPECT_EQ(records[0].message.find("response-head-too-large: "), 0u) << records[0].message;
}

TEST_F(SessionTest, AResponseBodyHasALimit) {
  Deploy({{"big", "respond 200 " + std::string(kResponseBodyBytesMax + 1, 'x')}});
  const Peer peer = Connect();
  Send(peer, Get("/big"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.Field("x-zts-error"), "response-too-large");
  EXPECT_EQ(Row("big").outcomes[static_cast<int>(js::OutcomeKind::kBodyTooLarge)].Read(), 1u);
  EXPECT_EQ(Row("big").outcomes[static_cast<int>(js::OutcomeKind::kThrew)].Read(), 0u);
  const std::vector<LogRecord> records = logs_.Pop(kLogQueueBytesMax);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].request_id, reply.Field("x-zts-request-id"));
  EXPECT_NE(records[0].message.find(std::to_string(kResponseBodyBytesMax)), std::string::npos) << records[0].message;
}

// ---- upgrades (RFC 9110 7.8) ------------------------------------------------------------------------------------------------

TEST_F(SessionTest, AWebSocketHandshakeIsRefusedInWords) {
  const Peer peer = Connect();
  const std::string handshake = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  Send(peer, Get("/hello", handshake) + Get("/hello"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 501);
  EXPECT_EQ(reply.Field("x-zts-error"), "websocket-not-supported");
  EXPECT_EQ(reply.Field("upgrade"), "");
  EXPECT_EQ(Refusals(http::Refusal::kWebSocket), 1u);
  EXPECT_EQ(Next(peer).body, "hello world");  // the connection goes on as it was
  Send(peer, Get("/nowhere", handshake));
  EXPECT_EQ(Next(peer).status, 404);
}

TEST_F(SessionTest, OtherUpgradesAreIgnored) {
  const Peer peer = Connect();
  Send(peer, Get("/hello", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"));
  const Reply reply = Next(peer);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.head.find("HTTP/1.1 200"), 0u);
  EXPECT_EQ(reply.Field("upgrade"), "");
  // RFC 9110 7.8: without Connection, or in HTTP/1.0, the field is not for us.
  Send(peer, Get("/hello", "Upgrade: websocket\r\n"));
  EXPECT_EQ(Next(peer).status, 200);
  Send(peer, "GET /hello HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(Next(peer).status, 200);
}

// ---- time -------------------------------------------------------------------------------------------------------------------

TEST_F(SessionTest, AHeadMustArriveInTime) {
  const Peer peer = Connect();
  Send(peer, "GET /hello HTTP/1.1\r\n");
  Advance(kHeadTimeout / 2);
  Send(peer, "Host: a\r\n");  // a byte now and then does not help
  Advance(kHeadTimeout / 2 - kTimerTick);
  EXPECT_EQ(Next(peer).status, 0);
  Advance(2 * kTimerTick);
  EXPECT_EQ(Next(peer).status, 408);
  EXPECT_EQ(Refusals(http::Refusal::kTimeout), 1u);
}

TEST_F(SessionTest, ABodyMustMakeProgress) {
  const Peer peer = Connect();
  Send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab");
  Advance(kBodyIdleTimeout - kTimerTick);
  Send(peer, "c");
  Advance(kBodyIdleTimeout - kTimerTick);
  EXPECT_EQ(Next(peer).status, 0);
  Advance(2 * kTimerTick);
  EXPECT_EQ(Next(peer).status, 408);
}

TEST_F(SessionTest, ABodyMustEndInTime) {
  const Peer peer = Connect();
  Send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  Nanos passed = 0;
  while (Next(peer).status == 0 && passed < 2 * kBodyTimeout) {
    Send(peer, "x");
    Advance(kBodyIdleTimeout / 2);
    passed += kBodyIdleTimeout / 2;
  }
  EXPECT_GE(passed, kBodyTimeout);
  EXPECT_LE(passed, kBodyTimeout + kBodyIdleTimeout);
}

TEST_F(SessionTest, AnIdleConnectionEnds) {
  const Peer peer = Connect();
  Send(peer, Get("/hello"));
  Next(peer);
  Advance(kIdleTimeout - kTimerTick);
  EXPECT_FALSE(Closed(peer));
  Send(peer, Get("/hello"));
  EXPECT_EQ(Next(peer).status, 200);
  Advance(kIdleTimeout + kTimerTick + kLingerTimeout);
  EXPECT_TRUE(Closed(peer));
}

TEST_F(SessionTest, APeerThatDoesNotReadIsCut) {
  const Peer peer = Connect();
  const std::string body(kLargeBody, 'x');
  Send(peer, Post("/echo", body));
  Advance(kSendTimeout - kTimerTick);
  EXPECT_EQ(shard_->connections(), 1u);
  Advance(2 * kTimerTick);
  EXPECT_EQ(shard_->connections(), 0u);
}

TEST_F(SessionTest, APeerThatReadsSlowlyIsServed) {
  const Peer peer = Connect();
  Send(peer, Post("/echo", std::string(kLargeBody, 'x')) + Get("/hello"));
  // 64 KiB a second: all of it takes longer than kSendTimeout, a piece does not.
  size_t received = 0;
  for (;;) {
    const std::string more = io_->PeerRead(peer, 64 * 1024);
    if (more.empty()) break;
    received += more.size();
    Settle();
    Advance(kSecond);
  }
  EXPECT_GT(received, kLargeBody);
  EXPECT_FALSE(io_->PeerSawReset(peer));
  EXPECT_EQ(Row("hello").requests[1].Read(), 1u);
}

// ---- peers that go ----------------------------------------------------------------------------------------------------------

TEST_F(SessionTest, APeerThatResetsCancelsItsRequest) {
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  EXPECT_EQ(Row("silent").in_flight.Read(), 1u);
  io_->PeerReset(peer);
  Settle();
  EXPECT_EQ(Row("silent").in_flight.Read(), 0u);
  EXPECT_EQ(Isolate("silent")->in_flight(), 0u);
  EXPECT_EQ(shard_->connections(), 0u);
}

TEST_F(SessionTest, APeerThatGoesInMidRequestLeavesNothing) {
  for (const std::string& text : {std::string("GET /he"), std::string("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")}) {
    const Peer peer = Connect();
    Send(peer, text);
    io_->PeerFinish(peer);
    Settle();
    EXPECT_TRUE(Closed(peer));
    const Peer other = Connect();
    Send(other, text);
    io_->PeerReset(other);
    Settle();
  }
  EXPECT_EQ(shard_->connections(), 0u);
  EXPECT_EQ(shard_->borrowed(), 0u);
}

TEST_F(SessionTest, FurtherRequestsOfAPendingOneAreKeptUpToABound) {
  const Peer peer = Connect();
  Send(peer, Get("/silent"));
  const std::string request = Get("/hello");
  size_t written = 0;
  for (int i = 0; i < 100'000; ++i) {
    const size_t taken = io_->PeerWrite(peer, request);
    written += taken;
    if (taken < request.size()) break;
    if (i % 16 == 0) Pass();
  }
  // The rest stays with the peer: the bound, a pass's worth, and what the network holds.
  EXPECT_LT(written, kUnreadBytesMax + 4 * 64 * 1024);
  Isolate("silent")->Complete(Isolate("silent")->in_flight_ids()[0], 200, "at last");
  Settle();
  EXPECT_EQ(Next(peer).body, "at last");
  size_t answered = 0;
  while (Next(peer).status == 200) ++answered;
  EXPECT_EQ(answered, written / request.size());
}

}  // namespace
}  // namespace zts
