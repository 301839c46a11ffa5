// Every case of testdata/*.md: whole, byte by byte, and at every two-way cut. And what only code can ask.
#include "worker/engine/http/parser.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "worker/engine/http/testing/transcript.h"

namespace zts::http {
namespace {

struct Case {
  std::string file;
  std::string title;
  std::string input;
  std::string events;
};

// "\r \n \t \0 \\ \xHH"; in events only what repeats is unfolded, their escapes are the transcript's own.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case '0': out += '\0'; break;
      case '\\': out += '\\'; break;
      case 'x':
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default: ADD_FAILURE() << "no such escape: " << text.substr(i - 1, 2);
    }
  }
  return out;
}

// "{9*x}" is nine times x.
std::string Repeat(const std::string& text) {
  std::string out;
  size_t at = 0;
  for (size_t open; (open = text.find('{', at)) != std::string::npos;) {
    const size_t star = text.find('*', open);
    const size_t close = text.find('}', open);
    out += text.substr(at, open - at);
    const std::string what = Unescape(text.substr(star + 1, close - star - 1));
    const auto times = ParseInteger<int>(std::string_view(text).substr(open + 1, star - open - 1));
    EXPECT_TRUE(times.has_value()) << text.substr(open, close - open);
    for (int n = times.value_or(0); n > 0; --n) out += what;
    at = close + 1;
  }
  return out + text.substr(at);
}

std::vector<Case> LoadCases() {
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::directory_iterator("worker/engine/http/testdata")) {
    std::ifstream in(entry.path());
    std::string block;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("## ")) {
        cases.push_back({.file = entry.path().filename().string(), .title = line.substr(3)});
      } else if (line.starts_with("```")) {
        block = line.substr(3);
      } else if (block == "http") {
        cases.back().input += line;
      } else if (block == "events") {
        cases.back().events += line + '\n';
      }
    }
  }
  for (Case& c : cases) {
    c.input = Unescape(Repeat(c.input));
    c.events = Repeat(c.events);
  }
  return cases;
}

std::string Whole(std::string_view input) {
  const std::string_view pieces[] = {input};
  return Transcript(pieces);
}

std::string ByteByByte(std::string_view input) {
  std::vector<std::string_view> pieces;
  for (size_t i = 0; i < input.size(); ++i) pieces.push_back(input.substr(i, 1));
  return Transcript(pieces);
}

std::string CutAt(std::string_view input, size_t at) {
  const std::string_view pieces[] = {input.substr(0, at), input.substr(at)};
  return Transcript(pieces);
}

TEST(ParserTest, AnswersEveryCaseHoweverItIsCut) {
  const std::vector<Case> cases = LoadCases();
  ASSERT_GT(cases.size(), 100u);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.file + ": " + c.title);
    EXPECT_EQ(Whole(c.input), c.events);
    EXPECT_EQ(ByteByByte(c.input), c.events);
    for (size_t at = 0; at <= c.input.size(); ++at) {
      // Of what is long for its length alone, the ends and a sample.
      if (at > 300 && c.input.size() - at > 300 && at % 997 != 0) continue;
      EXPECT_EQ(CutAt(c.input, at), c.events) << "cut at " << at;
      if (HasFailure()) break;
    }
  }
}

constexpr std::string_view kGet = "GET /path?q HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n";

TEST(ParserTest, ViewsPointIntoTheBytesOfAWholeHead) {
  Parser parser;
  const auto step = parser.Parse(kGet);
  ASSERT_EQ(step.state, ParseState::kHead);
  EXPECT_EQ(step.used, kGet.size());
  EXPECT_EQ(parser.head().method.data(), kGet.data());
  EXPECT_EQ(parser.head().target.data(), kGet.data() + 4);
  EXPECT_EQ(parser.head().headers()[1].value.data(), kGet.data() + kGet.size() - 5);
}

TEST(ParserTest, PinnedHeadOutlivesItsBytes) {
  Parser parser;
  std::string bytes(kGet);
  ASSERT_EQ(parser.Parse(bytes).state, ParseState::kHead);
  parser.PinHead();
  const char* const pinned = parser.head().method.data();
  parser.PinHead();
  EXPECT_EQ(parser.head().method.data(), pinned);
  bytes.assign(bytes.size(), '#');
  EXPECT_EQ(parser.head().method, "GET");
  EXPECT_EQ(parser.head().target, "/path?q");
  EXPECT_EQ(parser.head().authority, "a.example");
  EXPECT_EQ(parser.head().headers()[1].value, "y");
}

TEST(ParserTest, LooksAtNoByteBehindTheRequest) {
  Parser parser;
  const std::string bytes = std::string(kGet) + "\x01 not HTTP at all";
  ASSERT_EQ(parser.Parse(bytes).state, ParseState::kHead);
  const auto end = parser.Parse(std::string_view(bytes).substr(kGet.size()));
  EXPECT_EQ(end.state, ParseState::kComplete);
  EXPECT_EQ(end.used, 0u);
  EXPECT_EQ(parser.Parse(std::string_view(bytes).substr(kGet.size())).state, ParseState::kRefused);
}

TEST(ParserTest, BodyIsAViewIntoTheBytes) {
  Parser parser;
  const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const size_t head = parser.Parse(bytes).used;
  ASSERT_EQ(parser.Parse(std::string_view(bytes).substr(head)).state, ParseState::kBody);
  EXPECT_EQ(parser.body(), "abc");
  EXPECT_EQ(parser.body().data(), bytes.data() + head + 3);
}

TEST(ParserTest, KnowsWhenItIsInARequest) {
  Parser parser;
  EXPECT_FALSE(parser.mid_request());
  parser.Parse("\r");
  EXPECT_TRUE(parser.mid_request());
  parser.Parse("\n");
  EXPECT_FALSE(parser.mid_request());
  parser.Parse("GET / HT");
  EXPECT_TRUE(parser.mid_request());
  parser.Parse("TP/1.0\r\n\r\n");
  EXPECT_TRUE(parser.mid_request());
  EXPECT_EQ(parser.Parse("").state, ParseState::kComplete);
  EXPECT_FALSE(parser.mid_request());
  EXPECT_EQ(parser.head().target, "/");
}

TEST(ParserTest, StaysRefusedUntilReset) {
  Parser parser;
  EXPECT_EQ(parser.Parse("?").state, ParseState::kRefused);
  EXPECT_EQ(parser.Parse(kGet).state, ParseState::kRefused);
  parser.Reset();
  EXPECT_EQ(parser.refusal(), Refusal::kNone);
  EXPECT_EQ(parser.Parse(kGet).state, ParseState::kHead);
}

TEST(ParserTest, AnIdleParserIsSmall) {
  EXPECT_LE(sizeof(Parser), 64u);
  Parser parser;
  EXPECT_EQ(parser.head().field_count, 0u);
  parser.PinHead();  // nothing to pin is no mistake
}

TEST(RefusalTest, EachHasItsStatusNameAndHint) {
  for (int i = 1; i < kRefusals; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_GE(RefusalStatus(refusal), 400);
    EXPECT_LT(RefusalStatus(refusal), 600);
    EXPECT_FALSE(RefusalName(refusal).empty());
    EXPECT_FALSE(RefusalHint(refusal).empty());
    for (int j = 1; j < i; ++j) EXPECT_NE(RefusalName(refusal), RefusalName(static_cast<Refusal>(j)));
  }
}

}  // namespace
}  // namespace zts::http
