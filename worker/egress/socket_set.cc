#include "worker/egress/socket_set.h"

#include <sys/epoll.h>

#include <algorithm>

#include "base/check.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

constexpr uint64_t kConnectMark = uint64_t{1} << 61;  // sockets that libcurl is connecting
constexpr uint64_t kSocketMark = uint64_t{1} << 60;   // and those in use

// More than there can be: libcurl neither holds a connection back nor closes one to make room. Take() refuses before.
constexpr MultiOptions kOptions = {.token_mark = kConnectMark,
                                   .connections_per_host_max = 2 * kWebSocketsMax,
                                   .connections_max = 2 * kWebSocketsMax,
                                   .idle_connections_max = 2 * kWebSocketsMax};

}  // namespace

SocketSet::SocketSet(int epoll, const Clock* clock) : epoll_(epoll), clock_(clock), multi_(epoll, clock, kOptions) {}

bool SocketSet::Take(const std::string& host) {
  if (count_ >= kWebSocketsMax) return false;
  const auto of_host = hosts_.try_emplace(host, 0).first;
  if (of_host->second >= kWebSocketsPerHostMax) return false;
  ++of_host->second;
  ++count_;
  return true;
}

void SocketSet::GiveBack(const std::string& host) {
  const auto of_host = hosts_.find(host);
  ZTS_CHECK(of_host != hosts_.end());
  if (--of_host->second == 0) hosts_.erase(of_host);
  --count_;
}

bool SocketSet::Watch(int fd, SocketUser* user) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = kSocketMark | static_cast<uint64_t>(fd);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return false;
  users_[fd] = user;
  return true;
}

void SocketSet::Unwatch(int fd) {
  if (users_.erase(fd) > 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void SocketSet::SetAlarm(SocketUser* user, Nanos when) {
  const auto set = alarm_of_.find(user);
  if (set != alarm_of_.end()) {
    alarms_.erase({set->second, user});
    alarm_of_.erase(set);
  }
  if (when == 0) return;
  alarms_.insert({when, user});
  alarm_of_[user] = when;
}

bool SocketSet::OnEvent(uint64_t token, uint32_t events) {
  if (const int fd = multi_.FdOf(token); fd >= 0) {
    multi_.OnSocket(fd, events);
    return true;
  }
  if ((token & kSocketMark) == 0) return false;
  // It may have gone with an event before this one.
  const auto user = users_.find(static_cast<int>(token & ~kSocketMark));
  if (user != users_.end()) user->second->OnSocket();
  return true;
}

void SocketSet::OnTime() {
  const Nanos now = clock_->Now();
  if (multi_.due() != 0 && multi_.due() <= now) multi_.OnTime();
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    SocketUser* user = alarms_.begin()->second;
    SetAlarm(user, 0);
    user->OnAlarm();
  }
}

Nanos SocketSet::due() const {
  const Nanos alarm = alarms_.empty() ? 0 : alarms_.begin()->first;
  if (alarm == 0 || multi_.due() == 0) return std::max(alarm, multi_.due());
  return std::min(alarm, multi_.due());
}

}  // namespace zts::egress
