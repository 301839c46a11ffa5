// Listening sockets of one address for all shards: the kernel spreads new connections over them (SO_REUSEPORT).
//
// The supervisor makes them and keeps them, so that connections wait in the kernel's queue while an engine restarts. The
// address is taken exclusively first and shared only then: a second worker on the same port is an error, and does not quietly
// take half of the connections.
//
// Thread:   any.
// Limits:   kListenBacklog connections waiting a socket, and not more than net.core.somaxconn.
// Errors:   name the address and what to do.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace zts::net {

// A burst of a few thousand clients that connect at once fits while a shard is in one pass.
inline constexpr int kListenBacklog = 4096;

// A numeric address and a port.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  bool is_ipv6() const { return storage.ss_family == AF_INET6; }
  uint16_t port() const;
  void set_port(uint16_t port);
  // "127.0.0.1:8080", "[::1]:8080".
  std::string ToString() const;
};

// "127.0.0.1:0", "0.0.0.0:80", "[::1]:8080". Names are not resolved, except "localhost", which is 127.0.0.1.
Result<SocketAddress> ParseSocketAddress(std::string_view text);

struct ListenerSet {
  SocketAddress address;  // with the port the kernel gave where 0 was asked for
  std::vector<UniqueFd> sockets;
};

// `count` non-blocking sockets, bound and listening, with TCP_NODELAY for all they accept.
Result<ListenerSet> OpenListeners(const SocketAddress& address, size_t count);

}  // namespace zts::net
