#include "bench/load/generator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"
#include "bench/load/response_reader.h"

namespace zts {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr int kEventsPerPass = 512;

class Generator;

struct Pending {
  Nanos due;
  Nanos sent;
};

// One connection with what is under way on it.
class Connection final : public ResponseReader::Sink {
 public:
  explicit Connection(Generator& generator) : generator_(generator) {}

  Status Connect(uint16_t port);
  void Send(const Target& target, Nanos due, Nanos now);
  // All that the socket has; `ended`: the server has closed behind it. False: the connection is over.
  bool Receive(Nanos now, bool ended);
  bool Flush();
  void OnResponse(ResponseReader::Verdict verdict, bool last) override;

  int fd() const { return fd_.get(); }
  size_t pending() const { return pending_.size(); }
  const std::deque<Pending>& under_way() const { return pending_; }
  bool closing() const { return closing_; }
  Nanos free_since = 0;

 private:
  Generator& generator_;
  UniqueFd fd_;
  std::optional<ResponseReader> reader_;
  std::deque<Pending> pending_;
  std::string unsent_;  // behind what the socket took
  Nanos now_ = 0;
  bool closing_ = false;
};

class Generator {
 public:
  explicit Generator(const LoadOptions& options) : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadBytes, '\0') {}

  Result<LoadReport> Run();

  std::string& buffer() { return buffer_; }
  LoadReport& report() { return report_; }
  bool open_loop() const { return options_.rate > 0; }

 private:
  Status ConnectAll();
  Status Register(Connection& connection);
  Nanos DueAt(uint64_t n) const { return start_ + static_cast<Nanos>(static_cast<double>(n) * 1e9 / options_.rate); }
  const Target& NextTarget() { return options_.targets[next_target_++ % options_.targets.size()]; }
  void StartAll();
  void SendDue();
  void SendBatch(Connection& connection, Nanos now);
  bool Done() const;
  Status Wait();
  Status Serve(Connection& connection, uint32_t events);
  void GiveUp();

  const LoadOptions& options_;
  const SystemClock clock_;
  UniqueFd epoll_;
  std::string buffer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> free_;  // open loop: oldest first, so that all are in use
  LoadReport report_;
  size_t next_target_ = 0;
  uint64_t arrivals_ = 0;  // open loop: how many there are in all, and how many have been sent
  uint64_t sent_ = 0;
  Nanos start_ = 0;
  Nanos end_ = 0;
};

Status Connection::Connect(uint16_t port) {
  fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Blocking until it stands: that is loopback's own time, and no part of a request.
  if (!fd_.valid() || ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Error::FromErrno("connect to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  reader_.emplace(*this);
  pending_.clear();
  unsent_.clear();
  closing_ = false;
  return {};
}

void Connection::Send(const Target& target, Nanos due, Nanos now) {
  pending_.push_back({due, now});
  reader_->Expect(target.body);
  unsent_ += target.request;
}

bool Connection::Flush() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    unsent_.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

bool Connection::Receive(Nanos now, bool ended) {
  now_ = now;
  while (true) {
    std::string& buffer = generator_.buffer();
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return !closing_;
    if (got <= 0) {
      reader_->TakeEnd();
      return false;
    }
    generator_.report().bytes += static_cast<uint64_t>(got);
    if (!reader_->Take({buffer.data(), static_cast<size_t>(got)})) return false;
    if (static_cast<size_t>(got) < buffer.size() && !ended) return !closing_;
  }
}

void Connection::OnResponse(ResponseReader::Verdict verdict, bool last) {
  LoadReport& report = generator_.report();
  const Pending of = pending_.front();
  pending_.pop_front();
  closing_ = closing_ || last;
  free_since = now_;
  report.latency.Record(static_cast<uint64_t>(now_ - of.due));
  report.service.Record(static_cast<uint64_t>(now_ - of.sent));
  report.good += verdict == ResponseReader::Verdict::kGood;
  report.wrong_status += verdict == ResponseReader::Verdict::kWrongStatus;
  report.wrong_body += verdict == ResponseReader::Verdict::kWrongBody;
}

Status Generator::Register(Connection& connection) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &connection}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd(), &event) != 0) return Error::FromErrno("epoll_ctl");
  return {};
}

Status Generator::ConnectAll() {
  for (int i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(*this));
    if (Status connected = connections_.back()->Connect(options_.port); !connected) return connected;
    if (Status added = Register(*connections_.back()); !added) return added;
  }
  return {};
}

void Generator::StartAll() {
  start_ = clock_.Now();
  end_ = start_ + static_cast<Nanos>(options_.seconds * 1e9);
  arrivals_ = open_loop() ? static_cast<uint64_t>(std::floor(options_.seconds * options_.rate)) : 0;
  for (const auto& connection : connections_) {
    connection->free_since = start_;
    if (open_loop()) {
      free_.push_back(connection.get());
    } else {
      SendBatch(*connection, start_);
    }
  }
}

void Generator::SendBatch(Connection& connection, Nanos now) {
  for (int i = 0; i < options_.depth; ++i) connection.Send(NextTarget(), now, now);
  sent_ += static_cast<uint64_t>(options_.depth);
  connection.Flush();  // what fails shows as the end of the connection
}

// Everything that is due, as far as there are connections.
void Generator::SendDue() {
  while (sent_ < arrivals_ && !free_.empty()) {
    const Nanos now = clock_.Now();
    const Nanos due = DueAt(sent_);
    if (due > now) return;
    Connection& connection = *free_.front();
    free_.pop_front();
    report_.lag.Record(static_cast<uint64_t>(now - std::max(due, connection.free_since)));
    connection.Send(NextTarget(), due, now);
    ++sent_;
    connection.Flush();
  }
}

bool Generator::Done() const {
  const Nanos now = clock_.Now();
  if (now >= end_ + kDrainNs) return true;
  if (open_loop() ? sent_ < arrivals_ : now < end_) return false;
  return std::all_of(connections_.begin(), connections_.end(), [](const auto& c) { return c->pending() == 0; });
}

// Until something happens or the next request is due.
Status Generator::Wait() {
  const Nanos now = clock_.Now();
  Nanos until = now < end_ ? end_ : end_ + kDrainNs;
  if (sent_ < arrivals_ && !free_.empty()) until = std::min(until, DueAt(sent_));
  const Nanos left = std::max<Nanos>(0, until - now);
  const timespec timeout{.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
  epoll_event events[kEventsPerPass];
  const int count = ::epoll_pwait2(epoll_.get(), events, kEventsPerPass, &timeout, nullptr);
  if (count < 0 && errno != EINTR) return Error::FromErrno("epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    if (Status served = Serve(*static_cast<Connection*>(events[i].data.ptr), events[i].events); !served) return served;
  }
  return {};
}

Status Generator::Serve(Connection& connection, uint32_t events) {
  const size_t before = connection.pending();
  bool alive = connection.Flush();
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    alive = connection.Receive(clock_.Now(), (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) && alive;
  }
  if (!alive) {
    report_.lost += connection.pending();
    for (const Pending& of : connection.under_way()) report_.latency.Record(static_cast<uint64_t>(clock_.Now() - of.due));
    ++report_.reconnects;
    if (Status connected = connection.Connect(options_.port); !connected) return connected;
    if (Status added = Register(connection); !added) return added;
  } else if (before == connection.pending()) {
    return {};
  }
  if (connection.pending() > 0) return {};
  if (open_loop()) {
    // An idle connection that the server closed is in the list already.
    if (before > 0) free_.push_back(&connection);
    SendDue();
  } else if (const Nanos now = clock_.Now(); now < end_) {
    SendBatch(connection, now);
  }
  return {};
}

// What has no response counts as errors, with the time it has waited.
void Generator::GiveUp() {
  const Nanos now = clock_.Now();
  for (const auto& connection : connections_) {
    report_.unanswered += connection->pending();
    for (const Pending& of : connection->under_way()) report_.latency.Record(static_cast<uint64_t>(now - of.due));
  }
  for (; sent_ < arrivals_; ++sent_, ++report_.unanswered) report_.latency.Record(static_cast<uint64_t>(now - DueAt(sent_)));
}

Result<LoadReport> Generator::Run() {
  // The kernel otherwise rounds each timeout up by 50 us.
  ::prctl(PR_SET_TIMERSLACK, 1);
  if (Status connected = ConnectAll(); !connected) return connected.error();
  StartAll();
  while (!Done()) {
    SendDue();
    if (Status waited = Wait(); !waited) return waited.error();
  }
  report_.took = clock_.Now() - start_;
  GiveUp();
  return std::move(report_);
}

}  // namespace

Result<LoadReport> RunLoad(const LoadOptions& options) { return Generator(options).Run(); }

}  // namespace zts
