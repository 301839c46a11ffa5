#include "jsruntime/ops/plain_url.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace zts::js {
namespace {

// What ada makes of it: false for no URL; `canonical` says that the href is the input.
bool AskAda(const std::string& input, ada_url_components* parts, bool* canonical) {
  ada_url url = ada_parse(input.data(), input.size());
  const bool valid = ada_is_valid(url);
  if (valid) {
    const ada_string href = ada_get_href(url);
    *canonical = std::string_view(href.data, href.length) == input;
    *parts = *ada_get_components(url);
  }
  ada_free(url);
  return valid;
}

// Whether the plain parser takes it; whenever it does, ada must agree to the last offset.
bool AcceptsLikeAda(const std::string& input) {
  ada_url_components plain;
  if (!ParsePlainUrl(input, &plain)) return false;
  ada_url_components full;
  bool canonical = false;
  EXPECT_TRUE(AskAda(input, &full, &canonical)) << input;
  EXPECT_TRUE(canonical) << input;
  EXPECT_EQ(std::memcmp(&plain, &full, sizeof(plain)), 0) << input;
  return true;
}

TEST(PlainUrlTest, TakesWhatFunctionsSee) {
  for (const char* input : {
      "http://localhost:8080/", "https://hello.example.com/a/b.html?x=1&y=%20#top", "http://h/", "http://h/?",
      "http://h/#", "http://h/?#", "http://h:8443/%41/x%2F", "https://h:80/", "http://h:443/",
      "http://127.0.0.1:3000/x", "http://a.b-c.d1/x:y@z!$&'()*+,;=", "http://h//", "http://h/a//b"}) {
    EXPECT_TRUE(AcceptsLikeAda(input)) << input;
  }
}

TEST(PlainUrlTest, LeavesTheUnusualToAda) {
  for (const char* input : {
      "", "http://", "http:///", "http://h", "HTTP://h/", "http://H/", "ftp://h/", "http://u@h/", "http://h:80/",
      "https://h:443/", "http://h:/", "http://h:080/", "http://h:65536/", "http://h:123456/", "http://h:0/",
      "http://1/", "http://h.1/", "http://0x1/", "http://1.2.3.256/", "http://01.2.3.4/", "http://1.2.3.4.5/",
      "http://1.2.3/", "http://xn--a/", "http://a..b/", "http://.a/", "http://a./", "http://h/.", "http://h/..",
      "http://h/./x", "http://h/.x", "http://h/%2e", "http://h/a/%2E%2e/", "http://h/a b", "http://h/a\\b",
      "http://h/\x01", "http://h/\xc3\xa9", "http://h/\"", "http://h/?'", "http://h/#`", "http://h/^",
      "http://[::1]/", " http://h/", "http://h/ ", "http://h/\t", "http://h_/", "http://h%41/"}) {
    ada_url_components parts;
    EXPECT_FALSE(ParsePlainUrl(input, &parts)) << input;
  }
}

TEST(PlainUrlTest, AgreesWithAdaOnEveryMutation) {
  static constexpr const char* kPieces[] = {
      "a", "b.c", "example.com", "1", ".", "..", "/", "//", "?", "#", "%2e", "%2E", "%20", "%", "@", ":", "80",
      "443", "8080", "65536", "xn--", "-", "--", "_", "A", "\xc3\xa9", "\\", "|", "^", "{", "\"", "'", "`", "<",
      "~", "!", "&", "=", "+", ";", "[", "]", " ", "\t", "0x1", "127.0.0.1", "10.0.0.256", "1.2.3.04", "x1", ".1",
      ":0", ":08", "/./", "/../", "/.a", "\x7f", "*", "(", ",", "$"};
  static constexpr const char* kStarts[] = {
      "http://h", "https://h", "http://", "https://a-b.c1/", "http://h.de:81/x", "http://h/"};
  std::mt19937 random(20261120);
  int accepted = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string input = kStarts[random() % std::size(kStarts)];
    for (unsigned n = random() % 7; n > 0; --n) input += kPieces[random() % std::size(kPieces)];
    if (AcceptsLikeAda(input)) ++accepted;
  }
  EXPECT_GT(accepted, 5000);
}

}  // namespace
}  // namespace zts::js
