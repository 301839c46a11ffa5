#include "base/host_pattern.h"

#include <gtest/gtest.h>

namespace zts {
namespace {

TEST(IpAddressTest, ParsesBothFamilies) {
  EXPECT_EQ(IpAddress::Parse("127.0.0.1")->ToString(), "127.0.0.1");
  EXPECT_EQ(IpAddress::Parse("::ffff:10.1.2.3")->ToString(), "10.1.2.3");
  EXPECT_EQ(IpAddress::Parse("2001:0DB8::1")->ToString(), "2001:db8::1");
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "0x7f.1", "[::1]", "::1%eth0", "127.1"}) {
    EXPECT_FALSE(IpAddress::Parse(text).ok()) << text;
  }
}

struct Case {
  const char* pattern;
  const char* host;
  const char* address;
  uint16_t port;
  bool matches;
};

TEST(HostPatternTest, WhatFollowsAByteZeroIsNotOverlooked) {
  for (const std::string_view text :
       {std::string_view("10.0.0.1\0.example", 17), std::string_view("::1\0", 4), std::string_view("\0", 1)}) {
    EXPECT_FALSE(IpAddress::Parse(text).ok());
    EXPECT_FALSE(HostPattern::Parse(text).ok());
  }
  EXPECT_FALSE(HostPattern::Parse(std::string_view("[::1\0]", 6)).ok());
}

TEST(HostPatternTest, Matches) {
  const Case cases[] = {
      {"127.0.0.1", "127.0.0.1", "127.0.0.1", 8080, true},
      {"127.0.0.1", "localhost", "127.0.0.1", 8080, true},  // by address, whatever the name
      {"127.0.0.1", "127.0.0.2", "127.0.0.2", 8080, false},
      {"127.0.0.1", "x", "::ffff:127.0.0.1", 80, true},
      {"127.0.0.1", "x", "::1", 80, false},
      {"127.0.0.1:81", "x", "127.0.0.1", 80, false},
      {"127.0.0.1:80", "x", "127.0.0.1", 80, true},
      {"10.0.0.0/8", "x", "10.255.0.1", 1, true},
      {"10.0.0.0/8", "x", "11.0.0.1", 1, false},
      {"10.0.0.0/8:443", "x", "10.0.0.1", 443, true},
      {"10.0.0.0/8:443", "x", "10.0.0.1", 80, false},
      {"10.128.0.0/9", "x", "10.127.255.255", 1, false},
      {"10.128.0.0/9", "x", "10.200.0.1", 1, true},
      {"0.0.0.0/0", "x", "169.254.169.254", 80, true},
      {"0.0.0.0/0", "x", "::1", 80, false},
      {"[::1]", "::1", "::1", 80, true},
      {"[fd00::]/8:443", "x", "fd12::1", 443, true},
      {"[fd00::]/8:443", "x", "fe80::1", 443, false},
      {"db.internal", "db.internal", "10.0.0.7", 5432, true},
      {"DB.internal", "db.internal", "10.0.0.7", 5432, true},
      {"db.internal", "evil-db.internal", "10.0.0.7", 5432, false},
      {"db.internal", "db.internal.evil.example", "10.0.0.7", 5432, false},
      {"db.internal:5432", "db.internal", "10.0.0.7", 5433, false},
      {"my_service", "my_service", "172.18.0.3", 80, true},
  };
  for (const Case& c : cases) {
    const auto pattern = HostPattern::Parse(c.pattern);
    ASSERT_TRUE(pattern.ok()) << c.pattern << ": " << pattern.error().message;
    EXPECT_EQ(pattern->Matches(c.host, *IpAddress::Parse(c.address), c.port), c.matches)
        << c.pattern << " " << c.host << " " << c.address << " " << c.port;
  }
}

TEST(HostPatternTest, Refuses) {
  for (const char* text : {"", ":80", "a:", "a:0", "a:65536", "a:b", "a b", "-a", "a-", "a..b", "http://a", "a/8", "10.0.0.0/33",
                           "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8:", "[::1", "::1", "[10.0.0.1]", "[::]/129", "[db.internal]", "*",
                           "*.a", "a/", "1.2.3.4.5", "300.1.1.1", "127.1", "a\n", "[::1]x", "a:80:81"}) {
    const auto pattern = HostPattern::Parse(text);
    ASSERT_FALSE(pattern.ok()) << text;
    EXPECT_NE(pattern.error().message.find("write HOST"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace zts
