#include "worker/egress/web_socket_handshake.h"

#include <gtest/gtest.h>

#include <string>

#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

using State = WebSocketHandshake::State;

// Of RFC 6455 1.3.
constexpr char kKey[] = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr char kAccept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string Answer(const std::string& fields, const std::string& status = "101 Switching Protocols") {
  return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n";
}
const std::string kGood = "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Accept: " + std::string(kAccept) + "\r\n";

// The answer to all of it, at every cut; "" where it is accepted with what is behind it untouched.
std::string Refusal(const std::string& answer, const std::string& protocols = "") {
  std::string first;
  for (size_t cut = 0; cut <= answer.size(); ++cut) {
    WebSocketHandshake handshake(protocols, kKey);
    const std::string bytes = answer + "\x81\x01x";
    WebSocketHandshake::Step step = handshake.Take(std::string_view(bytes).substr(0, cut));
    size_t used = step.used;
    if (step.state == State::kMore) {
      EXPECT_EQ(used, cut);
      step = handshake.Take(std::string_view(bytes).substr(cut));
      used += step.used;
    }
    std::string why = step.state == State::kRefused ? handshake.fail().message : "";
    if (step.state == State::kMore) why = "more";
    EXPECT_TRUE(step.state != State::kAccepted || used == answer.size()) << "cut at " << cut << ": " << used;
    if (cut == 0) first = why;
    EXPECT_EQ(why, first) << "cut at " << cut;
  }
  return first;
}

TEST(WebSocketHandshakeTest, KnowsTheExampleOfTheStandard) { EXPECT_EQ(WebSocketHandshake::AcceptOf(kKey), kAccept); }

TEST(WebSocketHandshakeTest, AsksAsTheStandardWants) {
  const std::string request = WebSocketHandshake("a, b", kKey).Request("h:81", "/p?q");
  EXPECT_TRUE(request.starts_with("GET /p?q HTTP/1.1\r\nHost: h:81\r\n")) << request;
  for (const char* line : {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: a, b"}) {
    EXPECT_NE(request.find("\r\n" + std::string(line) + "\r\n"), std::string::npos) << line;
  }
  EXPECT_NE(request.find("Sec-WebSocket-Key: " + std::string(kKey)), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\n"));
  EXPECT_EQ(WebSocketHandshake("", kKey).Request("h", "/").find("Protocol"), std::string::npos);
  // A key is never used twice.
  EXPECT_NE(WebSocketHandshake("").Request("h", "/"), WebSocketHandshake("").Request("h", "/"));
}

TEST(WebSocketHandshakeTest, AcceptsWhatAgrees) {
  EXPECT_EQ(Refusal(Answer(kGood)), "");
  EXPECT_EQ(Refusal(Answer(kGood + "Sec-WebSocket-Protocol: b\r\n"), "a, b"), "");
  EXPECT_EQ(Refusal("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + Answer(kGood)), "");
  WebSocketHandshake handshake("", kKey);
  EXPECT_EQ(handshake.Take(Answer(kGood + "X-One: 1\r\nEmpty:\r\n")).state, State::kAccepted);
  const WebSocketHandshake::Fields expected = {{"upgrade", "WebSocket"}, {"connection", "keep-alive, upgrade"},
                                               {"sec-websocket-accept", kAccept}, {"x-one", "1"}, {"empty", ""}};
  EXPECT_EQ(handshake.fields(), expected);
}

TEST(WebSocketHandshakeTest, SaysWhyNot) {
  const std::string accept = "Sec-WebSocket-Accept: " + std::string(kAccept) + "\r\n";
  EXPECT_EQ(Refusal(Answer("Content-Length: 2\r\n", "403 Forbidden")),
            "the server answered 403 Forbidden instead of switching to WebSocket");
  EXPECT_EQ(Refusal(Answer("Location: http://elsewhere/\r\n", "302 Found")),
            "the server answered 302 Found instead of switching to WebSocket");
  EXPECT_EQ(Refusal(Answer("Upgrade: h2c\r\nConnection: upgrade\r\n" + accept)), "the server switched to something else than WebSocket");
  EXPECT_EQ(Refusal(Answer("Upgrade: websocket\r\nConnection: close\r\n" + accept)), "the server's answer has no connection: upgrade");
  EXPECT_EQ(Refusal(Answer("Upgrade: websocket\r\nConnection: upgrade\r\n")),
            "the server's sec-websocket-accept does not belong to this handshake");
  EXPECT_EQ(Refusal(Answer("Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: AAAA\r\n")),
            "the server's sec-websocket-accept does not belong to this handshake");
  EXPECT_EQ(Refusal(Answer(kGood + "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
            "the server uses an extension that was not asked for");
  EXPECT_EQ(Refusal(Answer(kGood), "a"), "the server chose none of the protocols a");
  EXPECT_EQ(Refusal(Answer(kGood + "Sec-WebSocket-Protocol: A\r\n"), "a"), "the server chose a protocol that was not asked for");
  EXPECT_EQ(Refusal(Answer(kGood + "Sec-WebSocket-Protocol: a\r\n")), "the server chose a protocol that was not asked for");
  EXPECT_EQ(Refusal("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "the server's answer is not HTTP");
}

TEST(WebSocketHandshakeTest, BoundsTheAnswer) {
  std::string many, large = "X: " + std::string(ipc::kResponseHeadBytesMax, 'x') + "\r\n";
  for (size_t i = 0; i <= kResponseFieldsMax; ++i) many += "X: 1\r\n";
  for (const std::string& fields : {many, large}) {
    WebSocketHandshake handshake("", kKey);
    EXPECT_EQ(handshake.Take(Answer(kGood + fields)).state, State::kRefused);
    EXPECT_EQ(handshake.fail().result, ipc::FetchResult::kLimit);
  }
}

}  // namespace
}  // namespace zts::egress
