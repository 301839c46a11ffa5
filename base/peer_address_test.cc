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

// The address of `family` and `text`, and its size.
socklen_t SocketAddress(int family, const char* text, in_port_t port, sockaddr_storage* out) {
  out->ss_family = static_cast<sa_family_t>(family);
  auto& v4 = reinterpret_cast<sockaddr_in&>(*out);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(*out);
  EXPECT_EQ(::inet_pton(family, text, family == AF_INET ? static_cast<void*>(&v4.sin_addr) : &v6.sin6_addr), 1);
  (family == AF_INET ? v4.sin_port : v6.sin6_port) = port;
  return family == AF_INET ? sizeof(v4) : sizeof(v6);
}

in_port_t OwnPort(int socket) {
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size), 0);
  return own.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(own).sin_port : reinterpret_cast<sockaddr_in6&>(own).sin6_port;
}

struct End {
  int family = AF_INET;
  const char* address = "";
};

// Whether the machine has such families; if so, a client that connects to its own address is known by that.
bool LooksLike(const End& listens, const End& client) {
  sockaddr_storage at{}, to{};
  const UniqueFd listener(::socket(listens.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd from(::socket(client.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.valid() || !from.valid()) return false;
  const socklen_t at_size = SocketAddress(listens.family, listens.address, 0, &at);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), at_size) != 0) return false;
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  const socklen_t to_size = SocketAddress(client.family, client.address, OwnPort(listener.get()), &to);
  EXPECT_EQ(::connect(from.get(), reinterpret_cast<sockaddr*>(&to), to_size), 0);
  const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const PeerAddress peer = PeerOf(accepted.get());
  EXPECT_EQ(TextOf(peer), client.address);
  EXPECT_EQ(peer.port, ntohs(OwnPort(from.get())));
  return true;
}

TEST(PeerAddressTest, SaysAddressesAsTheyAreWritten) {
  EXPECT_EQ(TextOf({}), "");
  EXPECT_EQ(TextOf({.bytes = {127, 0, 0, 1}, .size = 4}), "127.0.0.1");
  EXPECT_EQ(TextOf({.bytes = {'\xff', '\xff', '\xff', '\xff'}, .size = 4}), "255.255.255.255");
  EXPECT_EQ(TextOf(V6("::1")), "::1");
  EXPECT_EQ(TextOf(V6("2001:DB8:0:0:1:0:0:1")), "2001:db8::1:0:0:1");
  EXPECT_EQ(TextOf(V6("1111:2222:3333:4444:5555:6666:7777:8888")), "1111:2222:3333:4444:5555:6666:7777:8888");
}

TEST(PeerAddressTest, KnowsWhoIsConnected) {
  EXPECT_TRUE(LooksLike({AF_INET, "127.0.0.1"}, {AF_INET, "127.0.0.1"}));
  if (!LooksLike({AF_INET6, "::1"}, {AF_INET6, "::1"})) GTEST_SKIP() << "this machine has no IPv6: the rest is not tried";
  EXPECT_TRUE(LooksLike({AF_INET6, "::"}, {AF_INET, "127.0.0.1"}));  // an IPv4 peer of an IPv6 socket
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
