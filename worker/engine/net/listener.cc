#include "worker/engine/net/listener.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "worker/engine/limits.h"

namespace zts::net {
namespace {

Error BadAddress(std::string_view text) {
  return Invalid("\"" + std::string(text) + "\" is no address to listen on; write 127.0.0.1:8080, 0.0.0.0:80 or [::1]:8080");
}

Error BindError(const SocketAddress& address, int error) {
  const std::string name = address.ToString();
  const std::string port = std::to_string(address.port());
  switch (error) {
    case EADDRINUSE:
      return {ErrorCode::kUnavailable, name + " is in use by another process; see which with `ss -ltnp 'sport = :" + port +
                                           "'`, or choose another port"};
    case EACCES:
    case EPERM:
      return {ErrorCode::kDenied, name + ": port " + port +
                                      " needs the right to bind low ports: run as root, give the binary "
                                      "CAP_NET_BIND_SERVICE, or set "
                                      "`sysctl -w net.ipv4.ip_unprivileged_port_start=" + port + "`"};
    case EADDRNOTAVAIL:
      return {ErrorCode::kInvalid, name + ": no interface of this machine has that address; `ip addr` lists those it has"};
    default:
      return Error::FromErrno("listening on " + name, error);
  }
}

Result<UniqueFd> MakeSocket(const SocketAddress& address) {
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid() && errno == EAFNOSUPPORT) {
    return Error{ErrorCode::kUnsupported, address.ToString() + ": this machine has IPv6 switched off; use an IPv4 address"};
  }
  if (!fd.valid()) return Error::FromErrno("socket for " + address.ToString());
  const int on = 1;
  // Connections of an earlier run in TIME_WAIT do not stand in the way; a listener does.
  ZTS_CHECK(setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
  // Accepted sockets inherit it: responses are written whole, so waiting to fill a segment only delays them.
  ZTS_CHECK(setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
  // Accepted sockets inherit this too: the kernel takes a response only as far as it can soon send it. Without it a slow peer's
  // megabytes vanish into the send buffer at once, and its progress cannot be told from a standstill for longer than a time limit.
  const int unsent_bytes = kUnsentBytesMax;
  ZTS_CHECK(setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof(unsent_bytes)) == 0);
  // TCP_DEFER_ACCEPT stays off: it hides silent connections from our own time-outs and limits, and saves one wake-up only.
  // "[::]" is IPv6 alone; who wants both families listens twice, and reads so in the configuration.
  if (address.is_ipv6()) ZTS_CHECK(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
  return fd;
}

int Bind(const UniqueFd& fd, const SocketAddress& address) {
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 ? 0 : errno;
}

void SharePort(const UniqueFd& fd) {
  const int on = 1;
  ZTS_CHECK(setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0);
}

}  // namespace

uint16_t SocketAddress::port() const {
  return ntohs(is_ipv6() ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                         : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

void SocketAddress::set_port(uint16_t port) {
  if (is_ipv6()) {
    reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
  }
}

std::string SocketAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "?";
  if (is_ipv6()) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + std::to_string(port());
  }
  inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof(text));
  return std::string(text) + ":" + std::to_string(port());
}

Result<SocketAddress> ParseSocketAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return BadAddress(text);
  const auto port = ParseInteger<uint16_t>(text.substr(colon + 1));
  if (!port) return BadAddress(text);
  std::string host(text.substr(0, colon));
  SocketAddress address;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) != 1) return BadAddress(text);
    v6->sin6_family = AF_INET6;
    address.size = sizeof(sockaddr_in6);
  } else {
    if (host == "localhost") host = "127.0.0.1";
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return BadAddress(text);
    v4->sin_family = AF_INET;
    address.size = sizeof(sockaddr_in);
  }
  address.set_port(*port);
  return address;
}

Result<ListenerSet> OpenListeners(const SocketAddress& address, size_t count) {
  ZTS_CHECK(count > 0);
  ListenerSet set{.address = address};
  for (size_t i = 0; i < count; ++i) {
    ZTS_ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket(address));
    // The first takes the port for itself, and only then opens it to the others, which are bound to what it got.
    if (i > 0) SharePort(fd);
    if (const int error = Bind(fd, set.address); error != 0) return BindError(set.address, error);
    if (i == 0) {
      SharePort(fd);
      set.address.size = sizeof(set.address.storage);
      ZTS_CHECK(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&set.address.storage), &set.address.size) == 0);
    }
    set.sockets.push_back(std::move(fd));
  }
  for (const UniqueFd& fd : set.sockets) {
    if (::listen(fd.get(), kListenBacklog) != 0) return BindError(set.address, errno);
  }
  return set;
}

}  // namespace zts::net
