// libcurl's multi interface on an epoll of ours: sockets and time go in, finished transfers come out.
//
// Connections are pooled over all functions: what makes that safe is that no transfer begins on one before its own policy has seen the
// address (Exchange), and that no request is ever written but by libcurl from checked parts. One request at a time a connection,
// with HTTP/2 too: libcurl 7.88 stops all streams of a connection while one of them is paused, and a slow function must not slow others.
//
// Owner:    Egress, exactly one.
// Thread:   the egress process's only one.
// Life:     outlives all transfers.
#pragma once

#include <curl/curl.h>

#include "base/clock.h"

namespace zts::egress {

// Who has a transfer under way.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // The transfer is out of the multi; it may be added again, or its owner destroyed.
  virtual void OnTransferDone(CURLcode result) = 0;
};

class Multi {
 public:
  // Sockets are watched on `epoll` with `Token(fd)` as their data.
  Multi(int epoll, const Clock* clock);
  ~Multi();
  Multi(const Multi&) = delete;

  static uint64_t Token(int fd);
  // The descriptor of a token of ours; -1 for any other.
  static int FdOf(uint64_t token);

  // `easy` has been set up, except for its private pointer.
  void Add(CURL* easy, Transfer* transfer);
  // Gives a transfer up. Not from inside a callback of libcurl's.
  void Remove(CURL* easy);

  void OnSocket(int fd, uint32_t events);
  // To be called when due() has come; 0: not.
  void OnTime();
  Nanos due() const { return due_; }

 private:
  static int OnWatch(CURL* easy, curl_socket_t fd, int what, void* self, void* known);
  static int OnTimer(CURLM* multi, long timeout_ms, void* self);
  void Watch(int fd, int what);
  void Act(curl_socket_t fd, int events);
  void Reap();

  const int epoll_;
  const Clock* const clock_;
  CURLM* multi_;
  Nanos due_ = 0;
};

}  // namespace zts::egress
