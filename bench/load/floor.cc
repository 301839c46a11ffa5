// The floor: what the kernel's TCP costs when a server does next to nothing.
//
//   floor [PORT [BODY]]     prints "PORT <number>" when it serves; port 0 or none: any
//
// One thread, epoll, edge-triggered: read until the buffer is not full, count the ends of requests ("\r\n\r\n", also across
// reads), send that many times one constant response at once. No parsing, no routing, no date, no time-outs. What a real server
// costs above this is its own.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"

namespace zts {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
// Copies of the response that lie ready one behind the other: one send answers a pipeline this deep.
constexpr size_t kCopies = 64;
constexpr int kEventsPerPass = 512;
constexpr int kBacklog = 4096;

struct Connection {
  UniqueFd fd;
  int matched = 0;         // bytes of "\r\n\r\n" seen at the end of the last read
  uint64_t owed = 0;       // responses not yet begun
  size_t sent_of_one = 0;  // bytes of the first owed one that are out
};

class Floor {
 public:
  Floor(UniqueFd listener, std::string_view body) : listener_(std::move(listener)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    const std::string one = "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) +
                            "\r\ncontent-type: text/plain;charset=UTF-8\r\n\r\n" + std::string(body);
    one_bytes_ = one.size();
    for (size_t i = 0; i < kCopies; ++i) copies_ += one;
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
  }

  int Run() {
    epoll_event events[kEventsPerPass];
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events, kEventsPerPass, -1);
      if (count < 0 && errno != EINTR) return 1;
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == nullptr) {
          AcceptAll();
        } else if (auto* connection = static_cast<Connection*>(events[i].data.ptr); !Serve(*connection, events[i].events)) {
          delete connection;
        }
      }
    }
  }

 private:
  void AcceptAll() {
    while (true) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd.valid()) return;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      auto connection = std::make_unique<Connection>();
      connection->fd = std::move(fd);
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = connection.get()}};
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), &event) == 0) connection.release();
    }
  }

  // False when the connection is over.
  bool Serve(Connection& c, uint32_t events) {
    while (true) {
      const ssize_t got = ::recv(c.fd.get(), buffer_, sizeof(buffer_), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
      if (got > 0) Count(c, {buffer_, static_cast<size_t>(got)});
      if (!Send(c)) return false;
      // Less than a full buffer is all there was, unless the end came with it; the edge comes again for more.
      if (got < 0 || (got < static_cast<ssize_t>(sizeof(buffer_)) && (events & EPOLLRDHUP) == 0)) return true;
    }
  }

  static void Count(Connection& c, std::string_view bytes) {
    // Between requests whole ends are looked for at once; what remains is a body or an end that is cut.
    while (c.matched == 0) {
      const size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) break;
      ++c.owed;
      bytes.remove_prefix(end + 4);
    }
    if (c.matched == 0 && bytes.size() > 3) bytes.remove_prefix(bytes.size() - 3);
    for (const char b : bytes) {
      if (b == (c.matched % 2 == 0 ? '\r' : '\n')) {
        if (++c.matched == 4) {
          ++c.owed;
          c.matched = 0;
        }
      } else {
        c.matched = b == '\r' ? 1 : 0;
      }
    }
  }

  bool Send(Connection& c) {
    while (c.owed > 0) {
      const size_t copies = c.owed < kCopies ? static_cast<size_t>(c.owed) : kCopies;
      const std::string_view out = std::string_view(copies_).substr(c.sent_of_one, copies * one_bytes_ - c.sent_of_one);
      const ssize_t sent = ::send(c.fd.get(), out.data(), out.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      const size_t done = c.sent_of_one + static_cast<size_t>(sent);
      c.owed -= done / one_bytes_;
      c.sent_of_one = done % one_bytes_;
    }
    return true;
  }

  UniqueFd listener_;
  UniqueFd epoll_;
  std::string copies_;
  size_t one_bytes_ = 0;
  char buffer_[kReadBytes];
};

UniqueFd Listen(uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
  if (::listen(fd.get(), kBacklog) != 0) return {};
  return fd;
}

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

int Main(int argc, char** argv) {
  const auto port = argc > 1 ? ParseInteger<uint16_t>(argv[1]) : std::optional<uint16_t>(0);
  if (!port || argc > 3) {
    std::fprintf(stderr, "usage: floor [PORT [BODY]]\n");
    return 2;
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  UniqueFd listener = Listen(*port);
  if (!listener.valid()) {
    std::fprintf(stderr, "floor: cannot listen on 127.0.0.1:%d: %s\n", *port, std::strerror(errno));
    return 1;
  }
  std::printf("PORT %d\n", PortOf(listener.get()));
  std::fflush(stdout);
  const auto server = std::make_unique<Floor>(std::move(listener), argc > 2 ? argv[2] : "Hello, world!");
  return server->Run();
}

}  // namespace
}  // namespace zts

int main(int argc, char** argv) { return zts::Main(argc, argv); }
