#include "base/peer_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "base/unique_fd.h"

namespace zts {
namespace {

std::string TextOf(const PeerAddress& peer) {
  char text[PeerAddress::kTextBytesMax + 1];
  return std::string(peer.Text(text));
}

PeerAddress V6(const char* text) {
  PeerAddress peer;
  EXPECT_EQ(::inet_pton(AF_INET6, text, peer.bytes), 1);
  peer.size = sizeof(in6_addr);
  return peer;
}

// A listener on `address`, and what it sees of a client that connects to `to`; false where the machine has no such family.
struct Connection {
  UniqueFd listener, client, accepted;
  uint16_t client_port = 0;

  bool Make(const char* address, int client_family) {
    listener.reset(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.valid()) return false;
    const int off = 0;
    EXPECT_EQ(::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
    sockaddr_in6 bound{};
    bound.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, address, &bound.sin6_addr), 1);
    socklen_t size = sizeof(bound);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&bound), size) != 0) return false;
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);
    return Connect(client_family, bound.sin6_port);
  }

  bool Connect(int family, in_port_t port) {
    client.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = port;
    v6.sin6_addr = in6addr_loopback;
    const bool is_v4 = family == AF_INET;
    const auto* to = is_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    EXPECT_EQ(::connect(client.get(), to, is_v4 ? sizeof(v4) : sizeof(v6)), 0);
    accepted.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    sockaddr_storage own{};
    socklen_t size = sizeof(own);
    EXPECT_EQ(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size), 0);
    client_port = ntohs(is_v4 ? reinterpret_cast<sockaddr_in&>(own).sin_port : reinterpret_cast<sockaddr_in6&>(own).sin6_port);
    return accepted.valid();
  }
};

TEST(PeerAddressTest, SaysAddressesAsTheyAreWritten) {
  EXPECT_EQ(TextOf({}), "");
  EXPECT_EQ(TextOf({.bytes = {127, 0, 0, 1}, .size = 4}), "127.0.0.1");
  EXPECT_EQ(TextOf({.bytes = {'\xff', '\xff', '\xff', '\xff'}, .size = 4}), "255.255.255.255");
  EXPECT_EQ(TextOf(V6("::1")), "::1");
  EXPECT_EQ(TextOf(V6("2001:DB8:0:0:1:0:0:1")), "2001:db8::1:0:0:1");
  EXPECT_EQ(TextOf(V6("1111:2222:3333:4444:5555:6666:7777:8888")), "1111:2222:3333:4444:5555:6666:7777:8888");
}

TEST(PeerAddressTest, KnowsWhoIsConnected) {
  Connection connection;
  if (!connection.Make("::1", AF_INET6)) GTEST_SKIP() << "no IPv6 here";
  const PeerAddress peer = PeerOf(connection.accepted.get());
  EXPECT_EQ(TextOf(peer), "::1");
  EXPECT_EQ(peer.port, connection.client_port);
}

TEST(PeerAddressTest, AnIpv4PeerOfAnIpv6SocketIsAnIpv4Peer) {
  Connection connection;
  if (!connection.Make("::", AF_INET)) GTEST_SKIP() << "no IPv6 here";
  const PeerAddress peer = PeerOf(connection.accepted.get());
  EXPECT_EQ(TextOf(peer), "127.0.0.1");
  EXPECT_EQ(peer.port, connection.client_port);
}

TEST(PeerAddressTest, WhatHasNoAddressIsNotKnown) {
  EXPECT_FALSE(PeerOf(-1).known());
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd one(ends[0]), other(ends[1]);
  EXPECT_FALSE(PeerOf(one.get()).known());
}

}  // namespace
}  // namespace zts
