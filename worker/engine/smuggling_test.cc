// Requests whose end two readers could see in different places (request smuggling): each ends with one refusal and the connection, and no
// function hears of it or of what stands behind it, however the bytes are cut. What the parser makes of each byte is parser_test's affair.
//
// Source:   RFC 9110, RFC 9112; the section of each rule stands beside it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/engine/limits.h"
#include "worker/engine/http/parser.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

struct Rule {
  const char* name;
  const char* section;
  std::string bytes;
  int status;
};

const std::string kPost = "POST /echo HTTP/1.1\r\nHost: a\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Rule> Rules() {
  return {
      // Two framings.
      {"a length, then chunks", "9112 6.1", kPost + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunks, then a length", "9112 6.1", kPost + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
      {"two lengths", "9112 6.3", kPost + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
      {"the same length twice", "9110 8.6", kPost + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nxx", 400},
      {"a list of lengths", "9110 8.6", kPost + "Content-Length: 2, 2\r\n\r\nxx", 400},
      {"a length with a sign", "9110 8.6", kPost + "Content-Length: +2\r\n\r\nxx", 400},
      {"a length in hexadecimal", "9110 8.6", kPost + "Content-Length: 0x2\r\n\r\nxx", 400},
      {"a length beyond 64 bits", "9110 8.6", kPost + "Content-Length: 18446744073709551618\r\n\r\nxx", 400},
      {"no length", "9110 8.6", kPost + "Content-Length: \r\n\r\nxx", 400},
      {"chunked is not last", "9112 6.3", kPost + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
      {"chunked twice", "9112 6.1", kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"an unknown coding", "9112 6.1", kPost + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501},
      {"what looks like chunked", "9112 6.1", kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"a coding with a vertical tab", "9110 5.5", kPost + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400},
      {"a coding in HTTP/1.0", "9112 6.1", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      // Lines that end in two ways.
      {"a bare LF behind the request line", "9112 2.2", "GET /echo HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"a bare LF behind a field", "9112 2.2", kPost + "X: y\nContent-Length: 2\r\n\r\nxx", 400},
      {"a bare LF at the end of the head", "9112 2.2", "GET /echo HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"a bare CR in a value", "9112 2.2", kPost + "X: y\rContent-Length: 2\r\n\r\nxx", 400},
      {"NUL in a value", "9110 5.5", kPost + std::string("X: y\0z\r\n\r\n", 10), 400},
      {"a blank in front of the colon", "9112 5.1", kPost + "Content-Length : 2\r\n\r\nxx", 400},
      {"a tab in front of the colon", "9112 5.1", kPost + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a blank in front of the first field", "9112 2.2", "POST /echo HTTP/1.1\r\n Host: a\r\nContent-Length: 2\r\n\r\nxx", 400},
      {"a folded length", "9112 5.2", kPost + "Content-Length:\r\n 2\r\n\r\nxx", 400},
      {"a folded coding", "9112 5.2", kPost + "Transfer-Encoding: chunked,\r\n\tidentity\r\n\r\n0\r\n\r\n", 400},
      {"a name that is no token", "9110 5.1", kPost + "Content Length: 2\r\n\r\nxx", 400},
      {"a line without a colon", "9112 5", kPost + "Content-Length\r\n\r\nxx", 400},
      // Chunks.
      {"a bare LF behind a size", "9112 7.1", kChunked + "2\nxx\r\n0\r\n\r\n", 400},
      {"a bare LF behind the data", "9112 7.1", kChunked + "2\r\nxx\n0\r\n\r\n", 400},
      {"a bare LF in an extension", "9112 7.1.1", kChunked + "2;a\nb\r\nxx\r\n0\r\n\r\n", 400},
      {"a size beyond 64 bits", "9112 7.1", kChunked + "10000000000000002\r\nxx\r\n0\r\n\r\n", 400},
      {"a size with a prefix", "9112 7.1", kChunked + "0x2\r\nxx\r\n0\r\n\r\n", 400},
      {"a negative size", "9112 7.1", kChunked + "-2\r\nxx\r\n0\r\n\r\n", 400},
      {"a blank behind the size", "9112 7.1", kChunked + "2 \r\nxx\r\n0\r\n\r\n", 400},
      {"no size", "9112 7.1", kChunked + "\r\nxx\r\n0\r\n\r\n", 400},
      {"more data than the size says", "9112 7.1", kChunked + "2\r\nxxx\r\n0\r\n\r\n", 400},
      {"an endless extension", "9112 7.1.1", kChunked + "2;" + std::string(http::kChunkLineBytesMax, 'x') + "\r\nxx\r\n0\r\n\r\n", 400},
      {"a folded trailer", "9112 5.2", kChunked + "0\r\nA: b\r\n c\r\n\r\n", 400},
      {"a trailer that is no field", "9112 7.1.2", kChunked + "0\r\nGET / HTTP/1.1\r\n\r\n", 400},
      {"endless trailers", "9110 6.5.1", kChunked + "0\r\nA: " + std::string(http::kTrailerBytesMax, 'x') + "\r\n\r\n", 431},
      // Who is asked.
      {"no Host", "9112 3.2", "GET /echo HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "9112 3.2", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"the same Host twice", "9112 3.2", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"a Host that is none", "9110 7.2", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a Host of two names", "9110 7.2", "GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"an absolute target without Host", "9112 3.2", "GET http://a/echo HTTP/1.1\r\n\r\n", 400},
      {"an absolute target with user information", "9110 4.2.4", "GET http://a@b/echo HTTP/1.1\r\nHost: b\r\n\r\n", 400},
      {"another scheme", "9110 4.2", "GET ftp://a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT", "9110 9.3.6", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"CONNECT with a path", "9112 3.2.3", "CONNECT /echo HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"an asterisk for another method", "9112 3.2.4", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a fragment", "9112 3.2.1", "GET /echo#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a blank in the target", "9112 3.2", "GET /echo x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two blanks in the request line", "9112 3", "GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      // Versions.
      {"HTTP/0.9", "9112 2.3", "GET /echo\r\n\r\n", 505},
      {"the preface of HTTP/2", "9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"a minor version nobody has defined", "9110 2.5", "GET /echo HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      // Too much of anything.
      {"a long target", "9110 15.5.15", "GET /" + std::string(kTargetBytesMax, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"a large head", "6585 5", kPost + "X: " + std::string(kHeadBytesMax, 'x') + "\r\n\r\n", 431},
      {"many fields", "6585 5", [] {
         std::string head = "GET /echo HTTP/1.1\r\nHost: a\r\n";
         for (size_t i = 0; i < kHeaderCountMax; ++i) head += "X: y\r\n";
         return head + "\r\n";
       }(), 431},
      {"empty lines without end", "9112 2.2", std::string(2 * http::kEmptyLinesMax, '\r') + "\n", 400},
  };
}

constexpr std::string_view kSmuggled = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

class SmugglingTest : public ShardFixture {
 protected:
  SmugglingTest() { Deploy({{"hello", "respond 200 hello"}, {"echo", "echo"}}); }

  // The bytes in two pieces (byte by byte: `cut` is npos), a request behind them.
  void Refuses(const Rule& rule, size_t cut) {
    SCOPED_TRACE(std::string(rule.name) + " (RFC " + rule.section + "), cut at " + std::to_string(cut));
    const uint64_t served = Served();
    const std::string bytes = rule.bytes + std::string(kSmuggled);
    const Peer peer = Connect();
    if (cut == std::string::npos) {
      for (const char c : bytes) Send(peer, std::string_view(&c, 1));
    } else {
      Send(peer, bytes.substr(0, cut));
      Send(peer, bytes.substr(cut));
    }
    const Reply reply = Next(peer);
    EXPECT_EQ(reply.status, rule.status);
    EXPECT_EQ(reply.Field("connection"), "close");
    EXPECT_NE(reply.Field("x-zts-error"), "");
    EXPECT_EQ(Next(peer).status, 0) << "an answer behind the refusal";
    EXPECT_EQ(Served(), served) << "a function was reached";
    Advance(kLingerTimeout);
    EXPECT_TRUE(Closed(peer));
  }

  // Answers that functions have given.
  uint64_t Served() {
    uint64_t served = 0;
    for (const char* name : {"hello", "echo"}) {
      served += Row(name).outcomes[static_cast<int>(js::OutcomeKind::kOk)].Read();
    }
    return served;
  }
};

TEST_F(SmugglingTest, NothingAmbiguousReachesAFunction) {
  for (const Rule& rule : Rules()) {
    Refuses(rule, 0);
    Refuses(rule, std::string::npos);
    for (size_t cut = 1; cut <= rule.bytes.size(); ++cut) {
      // Of what is long for its length alone, the ends and a sample.
      if (cut > 120 && rule.bytes.size() - cut > 40 && cut % 4099 != 0) continue;
      Refuses(rule, cut);
    }
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace zts
