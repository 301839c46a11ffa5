// The two ends of a listening socket's use, the same for every Io.
//
// Thread:   the Io's.
#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "base/result.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/socket_errors.h"

namespace zts::net {

// An error unless the socket listens.
inline Status CheckListening(int listen_fd) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  if (getsockopt(listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) return Error::FromErrno("listening socket");
  if (listening == 0) return Internal("the socket to accept from does not listen");
  return {};
}

// Accepts what the kernel has queued, with accept4's `flags`, and calls `on_accept` with each descriptor; then shuts the socket down,
// also for other processes that hold it. The kernel's backlog bounds what is queued; a client that connects meanwhile may be among it.
template <typename OnAccept>
void TakeQueue(int listen_fd, int flags, IoCounters* counters, OnAccept on_accept) {
  for (;;) {
    ++counters->syscalls;
    const int fd = ::accept4(listen_fd, nullptr, nullptr, flags);
    if (fd >= 0) {
      on_accept(fd);
    } else if (!ConcernsOneConnection(errno)) {
      break;  // none left, or no descriptors left for them
    }
  }
  ++counters->syscalls;
  // Fails only when somebody has shut it down already.
  (void)::shutdown(listen_fd, SHUT_RDWR);
}

}  // namespace zts::net
