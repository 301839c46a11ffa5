// What the socket takes at once, the same for every Io.
//
// Thread:   the Io's.
#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "base/bytes.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/socket_errors.h"

namespace zts::net {

// How many bytes the kernel took, 0 where it takes none now, or -errno.
inline int64_t SendNow(Handle handle, Bytes bytes, IoCounters* counters) {
  for (;;) {
    ++counters->syscalls;
    const ssize_t sent = ::send(handle, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      counters->sent_bytes += static_cast<uint64_t>(sent);
      return sent;
    }
    if (errno == EINTR) continue;
    return WouldBlock(errno) ? 0 : -errno;
  }
}

}  // namespace zts::net
