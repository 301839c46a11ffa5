#include "base/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace zts {
namespace {

void Set(PeerAddress* peer, const void* address, size_t size, in_port_t port) {
  std::memcpy(peer->bytes, address, size);
  peer->size = static_cast<uint8_t>(size);
  peer->port = ntohs(port);
}

}  // namespace

std::string_view PeerAddress::Text(char (&out)[kTextBytesMax + 1]) const {
  if (!known()) return {};
  return ::inet_ntop(size == sizeof(in_addr) ? AF_INET : AF_INET6, bytes, out, sizeof(out)) == nullptr ? std::string_view() : out;
}

PeerAddress PeerOf(int socket) {
  PeerAddress peer;
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return peer;
  if (storage.ss_family == AF_INET) {
    const auto& of = reinterpret_cast<const sockaddr_in&>(storage);
    Set(&peer, &of.sin_addr, sizeof(of.sin_addr), of.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& of = reinterpret_cast<const sockaddr_in6&>(storage);
    constexpr size_t kPrefix = sizeof(in6_addr) - sizeof(in_addr);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&of.sin6_addr);
    Set(&peer, of.sin6_addr.s6_addr + (mapped ? kPrefix : 0), mapped ? sizeof(in_addr) : sizeof(in6_addr), of.sin6_port);
  }
  return peer;
}

}  // namespace zts
