#include "worker/engine/net/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace zts::net {
namespace {

SocketAddress Parsed(std::string_view text) {
  auto address = ParseSocketAddress(text);
  EXPECT_TRUE(address.ok()) << text;
  return *address;
}

UniqueFd ConnectTo(const SocketAddress& address) {
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size), 0);
  return fd;
}

TEST(ListenerTest, ReadsAddressesStrictly) {
  for (const char* text : {"127.0.0.1:0", "0.0.0.0:80", "[::1]:8080", "[::]:65535", "10.1.2.3:1"}) {
    EXPECT_EQ(Parsed(text).ToString(), text);
  }
  EXPECT_EQ(Parsed("localhost:81").ToString(), "127.0.0.1:81");
  for (const char* text : {"", ":", "80", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 80",
                           "127.0.0.1:80x", "::1:80", "[::1]", "[::1:80", "[]:80", "example.com:80", "127.0.0:80",
                           "[127.0.0.1]:80"}) {
    auto address = ParseSocketAddress(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_NE(address.error().message.find("127.0.0.1:8080"), std::string::npos);
  }
}

TEST(ListenerTest, PortZeroIsResolvedOnceForAll) {
  auto set = OpenListeners(Parsed("127.0.0.1:0"), 4);
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->sockets.size(), 4u);
  EXPECT_NE(set->address.port(), 0);
  for (const UniqueFd& fd : set->sockets) {
    SocketAddress bound;
    bound.size = sizeof(bound.storage);
    ASSERT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size), 0);
    EXPECT_EQ(bound.ToString(), set->address.ToString());
    EXPECT_NE(fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(ListenerTest, ConnectionsSpreadOverTheSocketsAndInheritNoDelay) {
  auto set = OpenListeners(Parsed("127.0.0.1:0"), 2);
  ASSERT_TRUE(set.ok());
  std::vector<UniqueFd> clients;
  size_t used[2] = {0, 0};
  for (int i = 0; i < 64; ++i) clients.push_back(ConnectTo(set->address));
  for (size_t accepted = 0; accepted < clients.size();) {
    pollfd watched[2] = {{set->sockets[0].get(), POLLIN, 0}, {set->sockets[1].get(), POLLIN, 0}};
    ASSERT_GT(poll(watched, 2, -1), 0);
    for (size_t i = 0; i < 2; ++i) {
      UniqueFd fd(accept(watched[i].fd, nullptr, nullptr));
      if (!fd.valid()) continue;
      ++accepted;
      ++used[i];
      int no_delay = 0;
      socklen_t size = sizeof(no_delay);
      ASSERT_EQ(getsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
      EXPECT_NE(no_delay, 0);
    }
  }
  EXPECT_GT(used[0], 0u);
  EXPECT_GT(used[1], 0u);
}

TEST(ListenerTest, APortInUseIsAnErrorEvenForTheSameUser) {
  auto first = OpenListeners(Parsed("127.0.0.1:0"), 2);
  ASSERT_TRUE(first.ok());
  auto second = OpenListeners(first->address, 2);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().message.find(first->address.ToString()), std::string::npos);
  EXPECT_NE(second.error().message.find("in use by another process"), std::string::npos);
}

TEST(ListenerTest, APortIsFreeAgainAtOnceThoughOldConnectionsLinger) {
  auto first = OpenListeners(Parsed("127.0.0.1:0"), 1);
  ASSERT_TRUE(first.ok());
  UniqueFd client = ConnectTo(first->address);
  pollfd watched{first->sockets[0].get(), POLLIN, 0};
  ASSERT_EQ(poll(&watched, 1, -1), 1);
  UniqueFd accepted(accept(first->sockets[0].get(), nullptr, nullptr));
  ASSERT_TRUE(accepted.valid());
  accepted.reset();  // our side closes first: it is the one in TIME_WAIT
  const SocketAddress address = first->address;
  first->sockets.clear();
  EXPECT_TRUE(OpenListeners(address, 2).ok());
}

TEST(ListenerTest, AnAddressOfAnotherMachineIsNamed) {
  auto set = OpenListeners(Parsed("192.0.2.1:0"), 1);  // RFC 5737: in no network
  ASSERT_FALSE(set.ok());
  EXPECT_NE(set.error().message.find("192.0.2.1"), std::string::npos);
  EXPECT_NE(set.error().message.find("ip addr"), std::string::npos);
}

}  // namespace
}  // namespace zts::net
