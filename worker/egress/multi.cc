#include "worker/egress/multi.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace zts::egress {

Multi::Multi(int epoll, const Clock* clock, const MultiOptions& options)
    : epoll_(epoll), clock_(clock), token_mark_(options.token_mark), multi_(curl_multi_init()) {
  ZTS_CHECK(multi_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::OnWatch);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, options.connections_per_host_max);
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connections_max);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, options.idle_connections_max);
}

Multi::~Multi() { curl_multi_cleanup(multi_); }

uint64_t Multi::Token(int fd) const { return token_mark_ | static_cast<uint64_t>(fd); }

int Multi::FdOf(uint64_t token) const { return (token & token_mark_) != 0 ? static_cast<int>(token & ~token_mark_) : -1; }

void Multi::Add(CURL* easy, Transfer* transfer) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  ZTS_CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
}

void Multi::Remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

void Multi::OnSocket(int fd, uint32_t events) {
  int what = 0;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP)) != 0) what |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
  if ((events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
  Act(fd, what);
}

void Multi::OnTime() {
  due_ = 0;
  Act(CURL_SOCKET_TIMEOUT, 0);
}

void Multi::Act(curl_socket_t fd, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, events, &running);
  Reap();
}

void Multi::Reap() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode result = message->data.result;
    char* owner = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    auto* transfer = reinterpret_cast<Transfer*>(owner);
    if (result != CURLE_OK || !transfer->keeps_connection()) curl_multi_remove_handle(multi_, easy);
    transfer->OnTransferDone(result);
  }
}

int Multi::OnWatch(CURL*, curl_socket_t fd, int what, void* self, void*) {
  static_cast<Multi*>(self)->Watch(fd, what);
  return 0;
}

void Multi::Watch(int fd, int what) {
  if (what == CURL_POLL_REMOVE) {
    // A descriptor that is closed already has left the epoll by itself.
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    return;
  }
  epoll_event event{};
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  event.data.u64 = Token(fd);
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0) return;
  // The kernel's limit of watches: the transfer's time limits end it.
  if (errno == ENOENT) ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

int Multi::OnTimer(CURLM*, long timeout_ms, void* self) {
  auto* multi = static_cast<Multi*>(self);
  multi->due_ = timeout_ms < 0 ? 0 : std::max<Nanos>(multi->clock_->Now() + timeout_ms * kMillisecond, 1);
  return 0;
}

}  // namespace zts::egress
