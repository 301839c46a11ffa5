// libcurl's multi interface on an epoll of ours: sockets and time go in, finished transfers come out.
//
// Connections are pooled over all functions: what makes that safe is that no transfer begins on one before its own policy has seen the
// address (Exchange), and that no request is ever written but by libcurl from checked parts. One request at a time a connection,
// with HTTP/2 too: libcurl 7.88 stops all streams of a connection while one of them is paused, and a slow function must not slow others.
//
// Owner:    Egress: one for requests, one for the connections of WebSockets, which are never pooled and must not push out those that are.
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
  // The transfer is out of the multi, unless it has succeeded and keeps its connection; it may be added again, or its owner destroyed.
  virtual void OnTransferDone(CURLcode result) = 0;
  // It has made a connection (CURLOPT_CONNECT_ONLY) that goes on until Remove.
  virtual bool keeps_connection() const { return false; }
};

struct MultiOptions {
  uint64_t token_mark;  // one bit
  long connections_per_host_max;
  long connections_max;
  long idle_connections_max;
};

class Multi {
 public:
  // Sockets are watched on `epoll` with `Token(fd)` as their data.
  Multi(int epoll, const Clock* clock, const MultiOptions& options);
  ~Multi();
  Multi(const Multi&) = delete;

  uint64_t Token(int fd) const;
  // The descriptor of a token of ours; -1 for any other.
  int FdOf(uint64_t token) const;

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
  const uint64_t token_mark_;
  CURLM* multi_;
  Nanos due_ = 0;
};

}  // namespace zts::egress
