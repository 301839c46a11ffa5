// Nanoseconds to parse a request, and to write the head of a response.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "base/check.h"
#include "worker/engine/http/parser.h"
#include "worker/engine/http/writer.h"

namespace zts::http {
namespace {

// The least, a tool, a browser: 40, 192 and 474 bytes.
constexpr std::string_view kLeast =
    "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr std::string_view kTool =
    "GET /api/v1/items?limit=10&offset=20 HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: example-client/2.31.0 (linux)\r\n"
    "Accept: application/json\r\n"
    "Authorization: Bearer 0123456789abcdef01234567890\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /shop/cart HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Referer: https://www.example.com/shop/\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=0123456789abcdef0123456789abcd; theme=dark4u99\r\n"
    "DNT: 1\r\n\r\n";
static_assert(kLeast.size() == 40 && kTool.size() == 192 && kBrowser.size() == 474);

uint64_t checksum = 0;

void TakeRequest(Parser& parser, std::string_view bytes) {
  ZTS_CHECK(parser.Parse(bytes).state == ParseState::kHead);
  checksum += parser.head().field_count + parser.head().authority.size();
  ZTS_CHECK(parser.Parse({}).state == ParseState::kComplete);
}

// One connection with its requests one behind the other.
void BM_Parse(benchmark::State& state, std::string_view bytes) {
  Parser parser;
  for (auto _ : state) TakeRequest(parser, bytes);
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK_CAPTURE(BM_Parse, least, kLeast);
BENCHMARK_CAPTURE(BM_Parse, tool, kTool);
BENCHMARK_CAPTURE(BM_Parse, browser, kBrowser);

// 256 connections in turns, each idle between its requests.
void BM_ParseOnManyConnections(benchmark::State& state, std::string_view bytes) {
  Parser parsers[256];
  size_t next = 0;
  for (auto _ : state) {
    Parser& parser = parsers[next++ % 256];
    TakeRequest(parser, bytes);
    parser.Reset();
  }
}
BENCHMARK_CAPTURE(BM_ParseOnManyConnections, least, kLeast);
BENCHMARK_CAPTURE(BM_ParseOnManyConnections, browser, kBrowser);

void BM_ParseCutInTwo(benchmark::State& state, std::string_view bytes) {
  Parser parser;
  const std::string_view first = bytes.substr(0, bytes.size() / 2);
  const std::string_view second = bytes.substr(first.size());
  for (auto _ : state) {
    ZTS_CHECK(parser.Parse(first).state == ParseState::kNeedMore);
    TakeRequest(parser, second);
  }
}
BENCHMARK_CAPTURE(BM_ParseCutInTwo, browser, kBrowser);

void BM_ParseAndPin(benchmark::State& state, std::string_view bytes) {
  Parser parser;
  for (auto _ : state) {
    ZTS_CHECK(parser.Parse(bytes).state == ParseState::kHead);
    parser.PinHead();
    checksum += parser.head().target.size();
    ZTS_CHECK(parser.Parse({}).state == ParseState::kComplete);
  }
}
BENCHMARK_CAPTURE(BM_ParseAndPin, browser, kBrowser);

// A body of 64 KiB in chunks of 1 KiB.
void BM_ParseChunks(benchmark::State& state) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body;
  for (int i = 0; i < 64; ++i) body += "400\r\n" + std::string(1024, 'x') + "\r\n";
  body += "0\r\n\r\n";
  Parser parser;
  for (auto _ : state) {
    ZTS_CHECK(parser.Parse(head).state == ParseState::kHead);
    std::string_view rest = body;
    while (true) {
      const Parser::Step step = parser.Parse(rest);
      rest.remove_prefix(step.used);
      if (step.state == ParseState::kComplete) break;
      ZTS_CHECK(step.state == ParseState::kBody);
      checksum += parser.body().size();
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 65'536);
}
BENCHMARK(BM_ParseChunks);

void BM_AppendHead(benchmark::State& state) {
  const HeaderField fields[] = {{"content-type", "text/plain;charset=UTF-8"}, {"x-zts-request-id", "0123456789abcdef"}};
  OutBuffer out;
  DateCache date;
  Nanos now = 0;
  for (auto _ : state) {
    out.Clear();
    ZTS_CHECK(AppendHead(out, {.fields = fields, .content_length = 13, .date_line = date.Line(now += kMicrosecond)}));
    out.Append("Hello, world!");
    checksum += out.size();
  }
}
BENCHMARK(BM_AppendHead);

}  // namespace
}  // namespace zts::http
