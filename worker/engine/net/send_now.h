// What the socket takes at once, the same for every Io.
//
// Thread:   the Io's.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

#include "base/bytes.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/socket_errors.h"

namespace zts::net {

// How many bytes `send`, a system call, has given to the kernel: 0 where it takes none now, or -errno.
template <typename SystemCall>
int64_t SentBy(SystemCall&& send, IoCounters* counters) {
  for (;;) {
    ++counters->syscalls;
    const ssize_t sent = send();
    if (sent >= 0) {
      counters->sent_bytes += static_cast<uint64_t>(sent);
      return sent;
    }
    if (errno == EINTR) continue;
    return WouldBlock(errno) ? 0 : -errno;
  }
}

inline int64_t SendNow(Handle handle, Bytes bytes, IoCounters* counters) {
  return SentBy([&] { return ::send(handle, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); }, counters);
}

// Of two pieces, one behind the other.
inline int64_t SendBothNow(Handle handle, Bytes first, Bytes second, IoCounters* counters) {
  iovec pieces[] = {{const_cast<std::byte*>(first.data()), first.size()}, {const_cast<std::byte*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = std::size(pieces);
  return SentBy([&] { return ::sendmsg(handle, &message, MSG_DONTWAIT | MSG_NOSIGNAL); }, counters);
}

}  // namespace zts::net
