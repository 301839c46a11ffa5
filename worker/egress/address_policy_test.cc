#include "worker/egress/address_policy.h"

#include <gtest/gtest.h>

namespace zts::egress {
namespace {

struct Case {
  const char* address;
  const char* kind;  // empty: public
};

TEST(AddressPolicyTest, SpecialPurpose) {
  const Case cases[] = {
      // IPv4, at both ends of each block and just beyond.
      {"0.0.0.0", "unspecified"}, {"0.255.255.255", "unspecified"}, {"1.0.0.0", ""}, {"9.255.255.255", ""},
      {"10.0.0.0", "private"}, {"10.255.255.255", "private"}, {"11.0.0.0", ""},
      {"100.63.255.255", ""}, {"100.64.0.0", "shared"}, {"100.127.255.255", "shared"}, {"100.128.0.0", ""},
      {"126.255.255.255", ""}, {"127.0.0.1", "loopback"}, {"127.255.255.254", "loopback"}, {"128.0.0.0", ""},
      {"169.253.255.255", ""}, {"169.254.0.0", "link-local"}, {"169.254.169.254", "link-local"}, {"169.255.0.0", ""},
      {"172.15.255.255", ""}, {"172.16.0.0", "private"}, {"172.31.255.255", "private"}, {"172.32.0.0", ""},
      {"192.0.0.1", "reserved"}, {"192.0.1.0", ""}, {"192.0.2.1", "documentation"}, {"192.88.99.1", "reserved"},
      {"192.167.255.255", ""}, {"192.168.0.1", "private"}, {"192.169.0.0", ""},
      {"198.17.255.255", ""}, {"198.18.0.0", "reserved"}, {"198.19.255.255", "reserved"}, {"198.20.0.0", ""},
      {"198.51.100.7", "documentation"}, {"203.0.113.7", "documentation"}, {"223.255.255.255", ""},
      {"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"}, {"240.0.0.1", "reserved"}, {"255.255.255.255", "reserved"},
      {"8.8.8.8", ""},
      // IPv6.
      {"::", "unspecified"}, {"::1", "loopback"}, {"::2", "reserved"}, {"::7f00:1", "reserved"},
      {"fe80::1", "link-local"}, {"febf::1", "link-local"}, {"fec0::1", "private"},
      {"fc00::1", "private"}, {"fdff:ffff::1", "private"}, {"fd00:ec2::254", "private"}, {"ff02::1", "multicast"},
      {"2001:db8::1", "documentation"}, {"3fff::1", "documentation"}, {"2001::1", "reserved"}, {"2001:20::1", "reserved"},
      {"2606:4700:4700::1111", ""}, {"2a00:1450::1", ""}, {"2001:4860:4860::8888", ""}, {"4000::1", "reserved"},
      // IPv4 in other clothes.
      {"::ffff:127.0.0.1", "loopback"}, {"::ffff:a9fe:a9fe", "link-local"}, {"::ffff:8.8.8.8", ""},
      {"64:ff9b::127.0.0.1", "loopback"}, {"64:ff9b::169.254.169.254", "link-local"}, {"64:ff9b::8.8.8.8", ""},
      {"64:ff9b:1::8.8.8.8", "private"}, {"64:ff9b::1:0:0", "reserved"},
      {"2002:7f00:1::", "loopback"}, {"2002:a9fe:a9fe::1", "link-local"}, {"2002:c0a8:101::1", "private"}, {"2002:808:808::1", ""},
  };
  for (const Case& c : cases) {
    const auto address = IpAddress::Parse(c.address);
    ASSERT_TRUE(address.ok()) << c.address;
    EXPECT_EQ(SpecialPurpose(*address), c.kind) << c.address;
  }
}

TEST(AddressPolicyTest, AllowListOpensWhatItNames) {
  const Policy none;
  const Policy some({*HostPattern::Parse("127.0.0.1:8080"), *HostPattern::Parse("db.internal"), *HostPattern::Parse("10.1.0.0/16")});
  const auto refusal = [](const Policy& policy, const char* host, const char* address, uint16_t port) {
    return policy.Refusal(host, *IpAddress::Parse(address), port);
  };
  EXPECT_EQ(refusal(none, "example.com", "93.184.216.34", 443), "");
  EXPECT_EQ(refusal(none, "127.0.0.1", "127.0.0.1", 8080), "loopback");
  EXPECT_EQ(refusal(some, "example.com", "93.184.216.34", 443), "");
  EXPECT_EQ(refusal(some, "127.0.0.1", "127.0.0.1", 8080), "");
  EXPECT_EQ(refusal(some, "127.0.0.1", "127.0.0.1", 8081), "loopback");
  EXPECT_EQ(refusal(some, "rebound.example", "169.254.169.254", 80), "link-local");
  EXPECT_EQ(refusal(some, "db.internal", "192.168.5.5", 5432), "");
  EXPECT_EQ(refusal(some, "other.internal", "192.168.5.5", 5432), "private");
  EXPECT_EQ(refusal(some, "other.internal", "10.1.9.9", 80), "");
  EXPECT_EQ(refusal(some, "other.internal", "10.2.9.9", 80), "private");
}

TEST(AddressPolicyTest, BadPorts) {
  for (const uint16_t port : {0, 1, 21, 22, 25, 53, 110, 6000, 6667, 10080}) EXPECT_TRUE(IsBadPort(port)) << port;
  for (const uint16_t port : {80, 443, 8080, 3000, 5432, 65535}) EXPECT_FALSE(IsBadPort(port)) << port;
}

}  // namespace
}  // namespace zts::egress
