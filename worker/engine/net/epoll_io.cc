#include "worker/engine/net/epoll_io.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "worker/engine/net/listen_socket.h"
#include "worker/engine/net/send_now.h"
#include "worker/engine/net/socket_errors.h"

namespace zts::net {
namespace {

constexpr size_t kEventsPerWait = kCompletionsPerPass;
// One turn of throwing away what a lingering peer still sends.
constexpr size_t kDrainBytes = 256 * 1024;

}  // namespace

Result<std::unique_ptr<EpollIo>> EpollIo::Create(const EpollOptions& options) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Error::FromErrno("epoll_create1 (raise the limit of open files: ulimit -n)");
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return Error::FromErrno("eventfd (raise the limit of open files: ulimit -n)");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = Token{TokenKind::kWake}.Pack();
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) return Error::FromErrno("epoll_ctl");
  ZTS_ASSIGN_OR_RETURN(BufferPool buffers, BufferPool::Create(options.buffer_count, options.buffer_bytes));
  return std::unique_ptr<EpollIo>(
      new EpollIo(std::move(epoll), std::move(wake), std::move(buffers), options.linger_timeout));
}

EpollIo::EpollIo(UniqueFd epoll, UniqueFd wake, BufferPool buffers, Nanos linger_timeout)
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      buffers_(std::move(buffers)),
      lingering_(linger_timeout),
      events_(kEventsPerWait) {
  features_.backend = "epoll";
  features_.features = {{"edge_triggered", true}};
}

EpollIo::~EpollIo() {
  connections_.ForEach([](Handle handle, Connection& connection) {
    if (connection.state != Connection::State::kFree) ::close(handle);
  });
}

Status EpollIo::Listen(int listen_fd) {
  ZTS_RETURN_IF_ERROR(CheckListening(listen_fd));
  // The accept loop ends at EAGAIN, which a blocking socket never says.
  const int flags = fcntl(listen_fd, F_GETFL);
  if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0) return Error::FromErrno("listening socket");
  listeners_.push_back({.fd = listen_fd});
  Status watched = WatchListener(listeners_.size() - 1);
  if (!watched.ok()) listeners_.pop_back();
  return watched;
}

Status EpollIo::WatchListener(size_t index) {
  epoll_event event{};
  event.events = EPOLLIN;  // level-triggered: what one Poll leaves in the queue, the next is told of again
  event.data.u64 = Token{TokenKind::kListener, static_cast<uint32_t>(index)}.Pack();
  ++counters_.syscalls;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listeners_[index].fd, &event) == 0) return {};
  return Error::FromErrno("watching the listening socket");
}

size_t EpollIo::StopListening(Queue queue) {
  const size_t before = ready_.size();
  for (const Listener& listener : listeners_) {
    if (listener.retry_at == 0) ZTS_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd, nullptr) == 0);
    if (queue == Queue::kLeave) continue;
    TakeQueue(listener.fd, SOCK_NONBLOCK | SOCK_CLOEXEC, &counters_, [this](int fd) {
      ++counters_.accepts;
      connections_.At(fd).state = Connection::State::kAccepted;
      ready_.Push({Event::kAccept, 0, fd, 0, {}});
    });
  }
  listeners_.clear();
  accept_retry_.Clear();
  return ready_.size() - before;
}

EpollIo::Connection& EpollIo::OpenEntry(Handle handle, SlotId slot) {
  Connection& connection = connections_.At(handle);
  ZTS_CHECK(connection.state == Connection::State::kOpen && connection.slot == slot);
  return connection;
}

Token EpollIo::TokenOf(Handle handle, const Connection& connection, TokenKind kind) const {
  return {kind, static_cast<uint32_t>(handle), connection.generation};
}

void EpollIo::Watch(Handle handle, Connection* connection) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = TokenOf(handle, *connection, TokenKind::kConnection).Pack();
  ++counters_.syscalls;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, handle, &event) == 0) return;
  // The kernel's limit of watches: the connection is told as broken, the rest goes on.
  connection->finished = true;
  ready_.Push({Event::kRecv, -errno, handle, connection->generation, connection->slot});
}

Handle EpollIo::Adopt(UniqueFd socket) {
  Connection& connection = connections_.At(socket.get());
  ZTS_CHECK(connection.state == Connection::State::kFree);
  connection.state = Connection::State::kAccepted;
  return socket.release();
}

UniqueFd EpollIo::Release(Handle handle) {
  Connection& connection = connections_.At(handle);
  if (connection.state == Connection::State::kOpen) {
    ZTS_CHECK(connection.paused && !connection.sending);
    ++counters_.syscalls;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, handle, nullptr);  // where watching it has failed there is nothing to end
  } else {
    ZTS_CHECK(connection.state == Connection::State::kAccepted);
  }
  HandleTable<Connection>::Retire(&connection);
  // As Adopt wants it. A socket that refuses cannot be one of ours.
  ++counters_.syscalls;
  ZTS_CHECK(fcntl(handle, F_SETFL, 0) == 0);
  return UniqueFd(handle);
}

void EpollIo::Open(Handle handle, SlotId slot) {
  Connection& connection = connections_.At(handle);
  ZTS_CHECK(connection.state == Connection::State::kAccepted);
  connection.state = Connection::State::kOpen;
  connection.slot = slot;
  Watch(handle, &connection);
}

void EpollIo::PauseRecv(Handle handle, SlotId slot) { OpenEntry(handle, slot).paused = true; }

// Only Poll reads, and not from a paused one.
void EpollIo::Quiesce(Handle handle, SlotId slot) {
  Connection& connection = OpenEntry(handle, slot);
  connection.paused = true;
  ready_.Push({Event::kQuiet, 0, handle, connection.generation, slot});
}

void EpollIo::ResumeRecv(Handle handle, SlotId slot) {
  Connection& connection = OpenEntry(handle, slot);
  connection.paused = false;
  if (connection.readable) QueueRead(handle, &connection);
}

void EpollIo::QueueRead(Handle handle, Connection* connection) {
  if (connection->queued || connection->finished) return;
  connection->queued = true;
  readable_.push_back(TokenOf(handle, *connection, TokenKind::kRecv));
}

int64_t EpollIo::TrySend(Handle handle, Bytes bytes) { return SendNow(handle, bytes, &counters_); }

int64_t EpollIo::TrySendBoth(Handle handle, Bytes first, Bytes second) { return SendBothNow(handle, first, second, &counters_); }

void EpollIo::Send(Handle handle, SlotId slot, Bytes bytes) {
  Connection& connection = OpenEntry(handle, slot);
  ZTS_CHECK(!connection.sending);
  connection.sending = true;
  connection.unsent = bytes;
  ContinueSend(handle, &connection);
}

void EpollIo::ContinueSend(Handle handle, Connection* connection) {
  int32_t error = 0;
  while (!connection->unsent.empty()) {
    const int64_t sent = TrySend(handle, connection->unsent);
    if (sent == 0) return;  // an edge comes when there is room
    if (sent < 0) {
      error = static_cast<int32_t>(sent);
      break;
    }
    connection->unsent = connection->unsent.subspan(static_cast<size_t>(sent));
  }
  connection->sending = false;
  connection->unsent = {};
  ready_.Push({Event::kSent, error, handle, connection->generation, connection->slot});
}

void EpollIo::Close(Handle handle, SlotId slot, CloseMode mode) {
  Connection& connection = connections_.At(handle);
  const bool opened = connection.state == Connection::State::kOpen;
  ZTS_CHECK(opened ? connection.slot == slot : connection.state == Connection::State::kAccepted);
  connection.slot = slot;
  connection.sending = false;
  connection.unsent = {};
  // With the peer's end or an error seen there is nothing to wait for.
  if (mode == CloseMode::kAbort || connection.finished || ::shutdown(handle, SHUT_WR) != 0) {
    Finish(handle, &connection);
    return;
  }
  connection.state = Connection::State::kLingering;
  lingering_.Add(TokenOf(handle, connection, TokenKind::kConnection), clock_.Now());
  if (!opened) Watch(handle, &connection);
  if (connection.finished) {
    Finish(handle, &connection);
  } else {
    Drain(handle, &connection);
  }
}

// Throws away what the peer still sends; ends the connection when the peer has ended it.
void EpollIo::Drain(Handle handle, Connection* connection) {
  for (size_t drained = 0; drained < kDrainBytes;) {
    ++counters_.syscalls;
    // TCP drops the bytes without copying them.
    const ssize_t got = ::recv(handle, nullptr, kDrainBytes, MSG_DONTWAIT | MSG_TRUNC);
    if (got > 0) {
      drained += static_cast<size_t>(got);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && WouldBlock(errno)) return;
    Finish(handle, connection);
    return;
  }
  connection->readable = true;
  QueueRead(handle, connection);
}

void EpollIo::Finish(Handle handle, Connection* connection) {
  const SlotId slot = connection->slot;
  const uint32_t generation = HandleTable<Connection>::Retire(connection);
  ++counters_.syscalls;
  ::close(handle);
  ready_.Push({Event::kClosed, 0, handle, generation, slot});
  // A descriptor is free again.
  if (accept_retry_.waits()) RetryListeners(AcceptRetry::Which::kAll);
}

size_t EpollIo::Poll(std::span<Completion> out, Nanos timeout) {
  ++counters_.polls;
  Batch batch{out};
  RunDeadlines();
  ready_.DeliverTo(&batch, &connections_);
  const bool idle = batch.count == 0 && !CanRead();
  WaitForEvents(idle ? WaitTime(timeout) : 0, &batch);
  ready_.DeliverTo(&batch, &connections_);
  ReadSome(&batch);
  ready_.DeliverTo(&batch, &connections_);
  return batch.count;
}

void EpollIo::RunDeadlines() {
  if (lingering_.empty() && !accept_retry_.waits()) return;
  const Nanos now = clock_.Now();
  while (const auto token = lingering_.TakeDue(now)) {
    Connection* connection = connections_.Find(*token);
    if (connection != nullptr) Finish(static_cast<Handle>(token->index), connection);
  }
  if (accept_retry_.waits()) RetryListeners(AcceptRetry::Which::kDue);
}

Nanos EpollIo::WaitTime(Nanos timeout) {
  if (timeout == 0 || (lingering_.empty() && !accept_retry_.waits())) return timeout;
  Nanos due = accept_retry_.next_due(listeners_);
  if (!lingering_.empty()) due = std::min(due, lingering_.next_due());
  const Nanos wait = std::max<Nanos>(due - clock_.Now(), 0);
  return timeout < 0 ? wait : std::min(wait, timeout);
}

void EpollIo::WaitForEvents(Nanos timeout, Batch* batch) {
  // Rounded up: a wait that ends before its timer is due would be followed by another.
  const int64_t milliseconds = timeout < 0 ? -1 : std::min<int64_t>((timeout + kMillisecond - 1) / kMillisecond, INT32_MAX);
  ++counters_.syscalls;
  const int count =
      epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), static_cast<int>(milliseconds));
  ZTS_CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) OnEvent(events_[static_cast<size_t>(i)], batch);
}

void EpollIo::OnEvent(const epoll_event& event, Batch* batch) {
  const Token token = Token::Unpack(event.data.u64);
  if (token.kind == TokenKind::kWake) return;  // edge-triggered: the counter need not be read
  if (token.kind == TokenKind::kListener) {
    if (token.index < listeners_.size()) AcceptSome(&listeners_[token.index], batch);
    return;
  }
  Connection* connection = connections_.Find(token);
  if (connection != nullptr) OnConnectionEvent(static_cast<Handle>(token.index), connection, event.events);
}

void EpollIo::OnConnectionEvent(Handle handle, Connection* connection, uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection->hung_up = true;
  if (connection->sending && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) ContinueSend(handle, connection);
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
  connection->readable = true;
  if (!connection->paused || connection->state == Connection::State::kLingering) QueueRead(handle, connection);
}

void EpollIo::AcceptSome(Listener* listener, Batch* batch) {
  for (int i = 0; i < kAcceptsPerPoll && !batch->full(); ++i) {
    ++counters_.syscalls;
    const int fd = accept4(listener->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      ++counters_.accepts;
      connections_.At(fd).state = Connection::State::kAccepted;
      batch->Add({.event = Event::kAccept, .handle = fd});
      continue;
    }
    const int error = errno;
    if (WouldBlock(error)) return;
    if (ConcernsOneConnection(error)) continue;
    batch->Add({.event = Event::kAccept, .error = -error});
    BackOff(listener);
    return;
  }
}

void EpollIo::BackOff(Listener* listener) {
  accept_retry_.Rest(listener, clock_.Now());
  ++counters_.syscalls;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener->fd, nullptr);
}

void EpollIo::RetryListeners(AcceptRetry::Which which) {
  accept_retry_.Try(which, clock_.Now(), &listeners_, [this](size_t index) { return WatchListener(index).ok(); });
}

void EpollIo::ReadSome(Batch* batch) {
  // Each connection has one turn; those with more to read stand at the end for the next Poll.
  for (size_t turns = readable_.size(); turns > 0 && !batch->full(); --turns) {
    const Token token = readable_.front();
    Connection* connection = connections_.Find(token);
    if (connection != nullptr && connection->state == Connection::State::kOpen && !connection->paused &&
        buffers_.free_count() == 0) {
      ++counters_.recv_starved;
      return;
    }
    readable_.pop_front();
    if (connection == nullptr) continue;
    connection->queued = false;
    if (connection->state == Connection::State::kLingering) {
      Drain(static_cast<Handle>(token.index), connection);
    } else if (!connection->paused) {
      ReadOne(static_cast<Handle>(token.index), connection, batch);
    }
  }
}

void EpollIo::ReadOne(Handle handle, Connection* connection, Batch* batch) {
  for (int reads = 0; reads < kReadsPerTurn && !batch->full();) {
    const auto buffer = buffers_.Take();
    if (!buffer) break;
    const MutableBytes space = buffers_.At(*buffer);
    ++counters_.syscalls;
    const ssize_t got = ::recv(handle, space.data(), space.size(), MSG_DONTWAIT);
    const int error = errno;
    if (got > 0) {
      ++reads;
      counters_.recv_bytes += static_cast<uint64_t>(got);
      const size_t size = static_cast<size_t>(got);
      batch->Add({.event = Event::kRecv, .handle = handle, .slot = connection->slot,
                  .lease = Lease(this, *buffer, space.first(size))});
      // Less than was asked for: the socket was empty, and new bytes make a new edge.
      if (size == space.size() || connection->hung_up) continue;
      connection->readable = false;
      return;
    }
    buffers_.Return(*buffer);
    if (got < 0 && error == EINTR) continue;
    connection->readable = false;
    if (got < 0 && WouldBlock(error)) return;
    connection->finished = true;
    batch->Add({.event = Event::kRecv, .error = got == 0 ? 0 : -error, .handle = handle, .slot = connection->slot});
    return;
  }
  QueueRead(handle, connection);
}

void EpollIo::Wake() {
  const uint64_t one = 1;
  // A full counter is a wake that is already under way.
  (void)!::write(wake_.get(), &one, sizeof(one));
}

}  // namespace zts::net
