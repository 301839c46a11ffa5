#include "worker/engine/http/writer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

namespace {

// Counts every allocation of this program, malloc's own callers (realloc of OutBuffer) aside: those show as a changed capacity.
int allocations = 0;

}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace zts::http {
namespace {

constexpr std::string_view kDate = "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n";

std::string Head(const ResponseHead& head) {
  OutBuffer out;
  EXPECT_TRUE(AppendHead(out, head));
  return std::string(out.text());
}

TEST(AppendHeadTest, WritesTheseBytes) {
  const HeaderField fields[] = {{"content-type", "text/plain"}, {"x-empty", ""}};
  EXPECT_EQ(Head({.status = 200, .fields = fields, .content_length = 1234, .date_line = kDate}),
            "HTTP/1.1 200 OK\r\n"
            "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
            "content-length: 1234\r\n"
            "content-type: text/plain\r\n"
            "x-empty: \r\n"
            "\r\n");
}

TEST(AppendHeadTest, TellsWhetherTheConnectionStays) {
  EXPECT_EQ(Head({.keep_alive = true}), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(Head({.keep_alive = false}), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  EXPECT_EQ(Head({.keep_alive = true, .minor_version = 0}),
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_EQ(Head({.keep_alive = false, .minor_version = 0}),
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

TEST(AppendHeadTest, GivesNoLengthWhereThereIsNoBody) {
  EXPECT_EQ(Head({.status = 204, .content_length = 5}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(Head({.status = 304, .content_length = 5}), "HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(Head({.status = 103, .content_length = 5}), "HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(Head({.status = 205, .content_length = 5}), "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n");
  for (const int status : {100, 101, 199, 204, 205, 304}) EXPECT_FALSE(StatusHasBody(status)) << status;
  for (const int status : {200, 206, 300, 404, 500, 599}) EXPECT_TRUE(StatusHasBody(status)) << status;
}

TEST(AppendHeadTest, WritesEveryStatus) {
  EXPECT_EQ(Head({.status = 299}), "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(Head({.status = 511}), "HTTP/1.1 511 Network Authentication Required\r\ncontent-length: 0\r\n\r\n");
  for (int status = 100; status < 600; ++status) {
    const std::string head = Head({.status = status});
    EXPECT_TRUE(head.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << head;
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
    EXPECT_EQ(head.find('\0'), std::string::npos);
  }
}

TEST(AppendHeadTest, RefusesWhatIsNoStatusAndWritesNothing) {
  OutBuffer out;
  for (const int status : {-1, 0, 99, 600, 1000}) EXPECT_FALSE(AppendHead(out, {.status = status}));
  EXPECT_EQ(out.size(), 0u);
}

TEST(AppendHeadTest, RefusesAHeadBeyondTheLimit) {
  const std::string large(kResponseHeadBytesMax - 1000, 'x');
  const std::string larger(kResponseHeadBytesMax, 'x');
  OutBuffer out;
  const HeaderField fits[] = {{"a", large}};
  EXPECT_TRUE(AppendHead(out, {.fields = fits}));
  const size_t size = out.size();
  const HeaderField too_large[] = {{"a", larger}};
  EXPECT_FALSE(AppendHead(out, {.fields = too_large}));
  EXPECT_EQ(out.size(), size);
}

TEST(AppendHeadTest, WritesTheLargestLength) {
  EXPECT_EQ(Head({.content_length = SIZE_MAX}), "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n");
}

TEST(AppendHeadTest, AllocatesNothingInSteadyState) {
  const HeaderField fields[] = {{"content-type", "application/json"}, {"x-request-id", "0123456789abcdef"}};
  OutBuffer out;
  DateCache date;
  const auto respond = [&](Nanos now) {
    AppendHead(out, {.fields = fields, .content_length = 13, .date_line = date.Line(now)});
    out.Append("Hello, world!");
    AppendError(out, {.status = 404, .error_name = "unknown-route", .message = "no"}, date.Line(now));
    AppendContinue(out);
  };
  respond(0);
  const size_t capacity = out.capacity();
  const int before = allocations;
  for (int i = 0; i < 1000; ++i) {
    out.Clear();
    respond(i * kSecond);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(out.capacity(), capacity);
}

TEST(AppendErrorTest, WritesTheseBytes) {
  OutBuffer out;
  AppendError(out,
              {.status = 503, .error_name = "overloaded", .message = "Try again.", .extra_line = "retry-after: 1\r\n"}, kDate);
  EXPECT_EQ(out.text(),
            "HTTP/1.1 503 Service Unavailable\r\n"
            "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
            "content-length: 11\r\n"
            "connection: close\r\n"
            "content-type: text/plain; charset=utf-8\r\n"
            "x-zts-error: overloaded\r\n"
            "retry-after: 1\r\n"
            "\r\n"
            "Try again.\n");
}

TEST(AppendErrorTest, LeavesTheBodyOutForHead) {
  OutBuffer out;
  AppendError(out,
              {.status = 404, .error_name = "x", .message = "m", .keep_alive = true, .with_body = false, .minor_version = 0}, "");
  EXPECT_EQ(out.text(),
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: keep-alive\r\n"
            "content-type: text/plain; charset=utf-8\r\nx-zts-error: x\r\n\r\n");
}

TEST(AppendContinueTest, WritesTheseBytes) {
  OutBuffer out;
  AppendContinue(out);
  EXPECT_EQ(out.text(), "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(DateCacheTest, WritesTheFormOfRfc9110) {
  DateCache date;
  // The example of RFC 9110 5.6.7.
  EXPECT_EQ(date.Line(784'111'777 * kSecond), "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(date.Line(0), "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  EXPECT_EQ(date.Line(951'782'400 * kSecond), "date: Tue, 29 Feb 2000 00:00:00 GMT\r\n");
  EXPECT_EQ(date.Line(4'107'542'399 * kSecond + kSecond - 1), "date: Sun, 28 Feb 2100 23:59:59 GMT\r\n");
  EXPECT_EQ(date.Line(4'107'542'400 * kSecond), "date: Mon, 01 Mar 2100 00:00:00 GMT\r\n");
  EXPECT_EQ(date.Line(-5), "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
}

TEST(DateCacheTest, AgreesWithTheLibraryOverDecades) {
  DateCache date;
  for (time_t t = 0; t < 5'000'000'000; t += 1'234'567) {
    tm parts{};
    gmtime_r(&t, &parts);
    char expected[64];
    strftime(expected, sizeof(expected), "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    ASSERT_EQ(date.Line(t * kSecond), expected);
  }
}

TEST(OutBufferTest, KeepsItsContentWhileItGrows) {
  OutBuffer out;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    out.Append("abcdefg");
    expected += "abcdefg";
  }
  EXPECT_EQ(out.text(), expected);
  out.Append("");
  EXPECT_EQ(out.text(), expected);
}

TEST(OutBufferTest, ReservesAndCommits) {
  OutBuffer out;
  char* at = out.Reserve(3);
  at[0] = 'a';
  out.Commit(1);
  EXPECT_EQ(out.text(), "a");
  out.Append("bcd");
  out.Uncommit(2);
  EXPECT_EQ(out.text(), "ab");
  out.Append("cd");
  out.Drop(1);
  EXPECT_EQ(out.text(), "bcd");
  out.Drop(3);
  EXPECT_EQ(out.text(), "");
  out.Drop(0);
  out.Append("e");
  EXPECT_EQ(out.text(), "e");
}

TEST(OutBufferTest, GivesMemoryBackButNoContent) {
  OutBuffer out;
  out.Append(std::string(100'000, 'x'));
  out.ShrinkTo(1000);
  EXPECT_EQ(out.size(), 100'000u);
  EXPECT_EQ(out.capacity(), 100'000u);
  out.Clear();
  out.ShrinkTo(1000);
  EXPECT_EQ(out.capacity(), 1000u);
  out.ShrinkTo(0);
  EXPECT_EQ(out.capacity(), 0u);
  out.Append("still good");
  EXPECT_EQ(out.text(), "still good");
}

TEST(OutBufferTest, Moves) {
  OutBuffer a;
  a.Append("text");
  OutBuffer b(std::move(a));
  EXPECT_EQ(b.text(), "text");
  EXPECT_EQ(a.size(), 0u);
  a.Append("other");
  b = std::move(a);
  EXPECT_EQ(b.text(), "other");
}

}  // namespace
}  // namespace zts::http
