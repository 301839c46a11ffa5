// Which errno values of socket calls mean what to an Io.
//
// Thread:   pure functions.
#pragma once

#include <cerrno>

namespace zts::net {

constexpr bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// accept(2): errors of the network are passed to the accepting call; they concern one connection, not the listener.
constexpr bool ConcernsOneConnection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace zts::net
