#include "bench/load/response_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace zts {
namespace {

using Verdict = ResponseReader::Verdict;

struct Seen : ResponseReader::Sink {
  void OnResponse(Verdict verdict, bool last) override { responses.emplace_back(verdict, last); }
  std::vector<std::pair<Verdict, bool>> responses;
};

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";

std::vector<std::pair<Verdict, bool>> Read(std::string_view bytes, size_t cut, int expectations, bool* good = nullptr) {
  Seen seen;
  ResponseReader reader(seen);
  for (int i = 0; i < expectations; ++i) reader.Expect("hello");
  const bool taken = reader.Take(bytes.substr(0, cut)) && reader.Take(bytes.substr(cut));
  if (good != nullptr) *good = taken;
  return seen.responses;
}

TEST(ResponseReader, ReadsResponsesAtEveryCut) {
  const std::string bytes = kHello + kChunked + "HTTP/1.1 100 Continue\r\n\r\n" + kHello;
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto seen = Read(bytes, cut, 3);
    ASSERT_EQ(seen.size(), 3u) << cut;
    for (const auto& [verdict, last] : seen) {
      EXPECT_EQ(verdict, Verdict::kGood) << cut;
      EXPECT_FALSE(last) << cut;
    }
  }
}

TEST(ResponseReader, TellsWhatIsWrong) {
  EXPECT_EQ(Read("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nhello", 0, 1).at(0).first, Verdict::kWrongStatus);
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhellO", 0, 1).at(0).first, Verdict::kWrongBody);
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhell", 0, 1).at(0).first, Verdict::kWrongBody);
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello!", 0, 1).at(0).first, Verdict::kWrongBody);
  // One wrong answer does not make the next one wrong.
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhell" + kHello, 0, 2).at(1).first, Verdict::kGood);
}

TEST(ResponseReader, KnowsTheLastResponse) {
  EXPECT_TRUE(Read("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", 0, 1).at(0).second);
}

TEST(ResponseReader, RefusesWhatIsNotHttpOrNotAskedFor) {
  bool good = true;
  EXPECT_TRUE(Read("SSH-2.0-something\r\n", 0, 1, &good).empty());
  EXPECT_FALSE(good);
  Read(kHello + kHello, 0, 1, &good);
  EXPECT_FALSE(good);
}

TEST(ResponseReader, EndsABodyWithTheConnection) {
  Seen seen;
  ResponseReader reader(seen);
  reader.Expect("hello");
  EXPECT_TRUE(reader.Take("HTTP/1.1 200 OK\r\n\r\nhel"));
  EXPECT_TRUE(reader.Take("lo"));
  EXPECT_TRUE(seen.responses.empty());
  EXPECT_TRUE(reader.TakeEnd());
  ASSERT_EQ(seen.responses.size(), 1u);
  EXPECT_EQ(seen.responses[0].first, Verdict::kGood);
  // In the middle of a counted body it is none.
  ResponseReader other(seen);
  other.Expect("hello");
  EXPECT_TRUE(other.Take("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"));
  EXPECT_FALSE(other.TakeEnd());
}

}  // namespace
}  // namespace zts
