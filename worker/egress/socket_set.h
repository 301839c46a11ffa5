// The connections of WebSockets: how they are made, their sockets on the epoll, their alarms, how many there may be.
//
// A connection is made by libcurl, in a multi of its own, and then used directly. Its socket is watched edge-triggered: who is told reads
// until there is nothing more, or comes back by itself.
//
// Owner:    Egress, exactly one.
// Thread:   the egress process's only one.
// Life:     outlives all WebSockets. From OnEvent and OnTime on a user may be destroyed at any time.
// Limits:   kWebSocketsMax, kWebSocketsPerHostMax.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "worker/egress/multi.h"

namespace zts::egress {

class SocketUser {
 public:
  virtual ~SocketUser() = default;
  virtual void OnSocket() = 0;
  virtual void OnAlarm() = 0;
};

class SocketSet {
 public:
  SocketSet(int epoll, const Clock* clock);
  SocketSet(const SocketSet&) = delete;

  Multi& multi() { return multi_; }

  // Whether there may be one more to this host; to be given back.
  bool Take(const std::string& host);
  void GiveBack(const std::string& host);

  // False: the kernel does not watch it.
  bool Watch(int fd, SocketUser* user);
  void Unwatch(int fd);

  // One alarm a user; 0: none.
  void SetAlarm(SocketUser* user, Nanos when);

  // Whether the token of an event is one of ours, which is then dealt with.
  bool OnEvent(uint64_t token, uint32_t events);
  // To be called when due() has come; 0: not.
  void OnTime();
  Nanos due() const;

 private:
  const int epoll_;
  const Clock* const clock_;
  Multi multi_;
  std::map<std::string, size_t> hosts_;
  size_t count_ = 0;
  std::map<int, SocketUser*> users_;  // by descriptor
  std::set<std::pair<Nanos, SocketUser*>> alarms_;
  std::map<SocketUser*, Nanos> alarm_of_;
};

}  // namespace zts::egress
