// The other end of a connection: its IP address and port.
//
// An IPv4 peer of an IPv6 socket (::ffff:a.b.c.d, RFC 4291 2.5.5.2) is an IPv4 peer: how the listener was opened makes no difference.
//
// Thread:   any; a value. Nothing here allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zts {

struct PeerAddress {
  static constexpr size_t kTextBytesMax = 45;  // of "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"

  char bytes[16] = {};   // in network order
  uint8_t size = 0;      // of the address: 4 or 16; 0: not known
  uint16_t port = 0;
  bool known() const { return size > 0; }
  std::string_view address() const { return {bytes, size}; }
  // The address as text (RFC 5952), written to `out`; "" when it is not known.
  std::string_view Text(char (&out)[kTextBytesMax + 1]) const;
};

// The peer of a connected socket, as the kernel knows it (getpeername); not known for what has none, such as a pair of local sockets.
PeerAddress PeerOf(int socket);

}  // namespace zts
