#include "cli/local/address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>

#include "base/bytes.h"
#include "base/unique_fd.h"

namespace zts::cli {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

SocketAddress ToSocket(const HostPort& address) {
  SocketAddress result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    result.length = sizeof *v4;
  } else if (::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    result.length = sizeof *v6;
  }
  return result;
}

}  // namespace

Result<HostPort> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  HostPort address;
  bool valid = colon != std::string_view::npos;
  if (valid) {
    std::string_view host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const auto port = ParseInteger<uint16_t>(text.substr(colon + 1));
    address = {std::string(host), port.value_or(0)};
    valid = port.has_value() && ToSocket(address).length > 0;
  }
  if (!valid)
    return Invalid("'" + std::string(text) + "' is no address: write ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:0");
  return address;
}

std::string FormatAddress(const HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Status CheckFree(const std::string& text) {
  ZTS_ASSIGN_OR_RETURN(const HostPort address, ParseAddress(text));
  const SocketAddress target = ToSocket(address);
  const UniqueFd fd(::socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::FromErrno("socket");
  // As servers do: connections of an earlier run in TIME_WAIT are no reason to refuse.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&target.storage), target.length) != 0) {
    return Error::FromErrno("listen on " + text);
  }
  return {};
}

std::string ReachableAddress(const std::string& text) {
  Result<HostPort> address = ParseAddress(text);
  if (!address.ok()) return text;
  if (address->host == "0.0.0.0") address->host = "127.0.0.1";
  if (address->host == "::") address->host = "::1";
  return FormatAddress(*address);
}

}  // namespace zts::cli
