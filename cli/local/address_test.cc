#include "cli/local/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace zts::cli {
namespace {

TEST(AddressTest, ReadsAndWritesBothFamilies) {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:65535"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(FormatAddress(*address), text);
  }
}

TEST(AddressTest, RefusesAllElse) {
  for (const char* text : {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "127.0.0.1: 80", "localhost:80", "300.0.0.1:80", "[::1]", "http://127.0.0.1:80"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
}

TEST(AddressTest, KnowsWhetherSomebodyListens) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  // Even a listener that would share its port is in the way.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd.get(), 1), 0);
  socklen_t length = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  const std::string taken = FormatAddress({"127.0.0.1", ntohs(address.sin_port)});
  const Status checked = CheckFree(taken);
  ASSERT_FALSE(checked.ok());
  EXPECT_NE(checked.error().message.find(taken), std::string::npos);
  EXPECT_TRUE(CheckFree("127.0.0.1:0").ok());
  EXPECT_FALSE(CheckFree("nonsense").ok());
}

TEST(AddressTest, AllAddressesAreReachedByLoopback) {
  EXPECT_EQ(ReachableAddress("0.0.0.0:80"), "127.0.0.1:80");
  EXPECT_EQ(ReachableAddress("[::]:80"), "[::1]:80");
  EXPECT_EQ(ReachableAddress("10.1.2.3:80"), "10.1.2.3:80");
}

}  // namespace
}  // namespace zts::cli
