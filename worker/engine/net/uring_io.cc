#include "worker/engine/net/uring_io.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/check.h"
#include "worker/engine/net/listen_socket.h"
#include "worker/engine/net/send_now.h"
#include "worker/engine/net/socket_errors.h"

namespace zts::net {
namespace {

constexpr size_t kSendBytesMax = size_t{1} << 30;  // an operation's length has 32 bits

constexpr int64_t kNoResult = std::numeric_limits<int64_t>::min();

// An operation that ended without a result of its own.
bool IsInterruption(int result) { return result == -ECANCELED || result == -EINTR || result == -EAGAIN; }

}  // namespace

Result<std::unique_ptr<UringIo>> UringIo::Create(const UringOptions& options) {
  // Blocking, because the ring reads it, and an operation on a non-blocking descriptor would not wait.
  UniqueFd wake(eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return Error::FromErrno("eventfd (raise the limit of open files: ulimit -n)");
  std::unique_ptr<UringIo> io(new UringIo(options, std::move(wake)));
  ZTS_RETURN_IF_ERROR(io->MakeRing(options));
  return io;
}

UringIo::UringIo(const UringOptions& options, UniqueFd wake) : wake_(std::move(wake)), lingering_(options.linger_timeout) {}

Status UringIo::MakeRing(const UringOptions& options) {
  ZTS_ASSIGN_OR_RETURN(uses_, ProbeUring(options.features));
  ZTS_RETURN_IF_ERROR(
      ring_.SetUp(options.submission_entries, options.completion_entries, Ring::Start::kDisabled, &uses_));
  ZTS_RETURN_IF_ERROR(buffers_.Register(&ring_, options.buffer_count, options.buffer_bytes));
  ZTS_RETURN_IF_ERROR(ring_.Restrict());
  features_.backend = "uring";
  for (const std::string& name : UringFeatures::Names()) features_.features.emplace_back(name, *uses_.Find(name));
  return {};
}

UringIo::~UringIo() {
  if (!ring_.made()) return;
  if (shard_thread_ == std::this_thread::get_id()) CancelAll();
  // Accepted, but never told of.
  for (Cqe cqe; NextCqe(&cqe);) {
    if (Token::Unpack(cqe.user_data).kind == TokenKind::kListener && cqe.result >= 0) ::close(cqe.result);
  }
  connections_.ForEach([](Handle handle, Connection& connection) {
    if (connection.state != Connection::State::kFree) ::close(handle);
  });
}

// Ends all operations, so that the kernel writes into none of our memory any more.
void UringIo::CancelAll() {
  io_uring_sqe* sqe = GetSqe();
  io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  sqe->user_data = Token{TokenKind::kCancel}.Pack();
  SaveCqes();
  // A round for each operation is more than enough; the ring's own end waits for what is left.
  for (size_t rounds = in_flight_; in_flight_ > 0 && rounds > 0; --rounds) {
    Enter(Wait::kYes, kSecond);
    SaveCqes();
  }
}

// The ring belongs to the thread that enables it; until then any may prepare it.
void UringIo::BecomeShardThread() {
  if (shard_thread_ != std::thread::id()) return;
  shard_thread_ = std::this_thread::get_id();
  ring_.Enable();
  if (uses_.registered_ring) (void)ring_.RegisterDescriptor();
  ArmWake();
}

// ---- submission ------------------------------------------------------------------------------------------

io_uring_sqe* UringIo::GetSqe() {
  for (;;) {
    io_uring_sqe* sqe = ring_.GetSqe();
    if (sqe != nullptr) return sqe;
    Enter(Wait::kNo, 0);
    // A kernel that holds completions which did not fit may refuse more work until there is room.
    SaveCqes();
  }
}

void UringIo::Mark(io_uring_sqe* sqe, const Token& token) {
  sqe->user_data = token.Pack();
  ++in_flight_;
}

void UringIo::Enter(Wait wait, Nanos timeout) {
  BecomeShardThread();
  buffers_.Publish();
  ++counters_.syscalls;
  const int result = ring_.Enter(wait == Wait::kYes ? 1 : 0, timeout);
  // EBUSY, EAGAIN: short of room or memory; what was not taken stays in the queue.
  ZTS_CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN);
}

Token UringIo::TokenOf(TokenKind kind, Handle handle, const Connection& connection) {
  return {kind, static_cast<uint32_t>(handle), connection.generation};
}

void UringIo::ArmWake() {
  io_uring_sqe* sqe = GetSqe();
  io_uring_prep_read(sqe, wake_.get(), &wake_value_, sizeof(wake_value_), 0);
  Mark(sqe, {TokenKind::kWake});
}

void UringIo::ArmAccept(size_t index) {
  Listener& listener = listeners_[index];
  io_uring_sqe* sqe = GetSqe();
  if (uses_.multishot_accept) {
    io_uring_prep_multishot_accept(sqe, listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  } else {
    io_uring_prep_accept(sqe, listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  }
  Mark(sqe, {TokenKind::kListener, static_cast<uint32_t>(index)});
  listener.armed = true;
}

void UringIo::ArmRecv(Handle handle, Connection* connection) {
  io_uring_sqe* sqe = GetSqe();
  if (uses_.multishot_recv) {
    io_uring_prep_recv_multishot(sqe, handle, nullptr, 0, 0);
  } else {
    io_uring_prep_recv(sqe, handle, nullptr, buffers_.buffer_bytes(), 0);
  }
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = BufferRing::kGroup;
  Mark(sqe, TokenOf(TokenKind::kRecv, handle, *connection));
  connection->recv_armed = true;
}

void UringIo::ArmSend(Handle handle, Connection* connection) {
  io_uring_sqe* sqe = GetSqe();
  // MSG_WAITALL: the kernel goes on by itself when the socket has taken a part.
  io_uring_prep_send(sqe, handle, connection->unsent.data(), std::min(connection->unsent.size(), kSendBytesMax),
                     MSG_NOSIGNAL | MSG_WAITALL);
  Mark(sqe, TokenOf(TokenKind::kSend, handle, *connection));
}

void UringIo::Cancel(const Token& target) {
  io_uring_sqe* sqe = GetSqe();
  io_uring_prep_cancel64(sqe, target.Pack(), 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = Token{TokenKind::kCancel}.Pack();
}

void UringIo::CancelRecv(Handle handle, Connection* connection) {
  if (!connection->recv_armed || std::exchange(connection->recv_cancelled, true)) return;
  Cancel(TokenOf(TokenKind::kRecv, handle, *connection));
}

// ---- Io --------------------------------------------------------------------------------------------------

Status UringIo::Listen(int listen_fd) {
  ZTS_RETURN_IF_ERROR(CheckListening(listen_fd));
  listeners_.push_back({.fd = listen_fd});
  ArmAccept(listeners_.size() - 1);
  return {};
}

size_t UringIo::StopListening(Queue queue) {
  std::vector<int> stopped(listeners_.size(), -1);
  for (size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i].armed) Cancel({TokenKind::kListener, static_cast<uint32_t>(i)});
    // The entry stays: a completion of it may be on its way.
    stopped[i] = std::exchange(listeners_[i].fd, -1);
    listeners_[i].retry_at = 0;
  }
  accept_retry_.Clear();
  Enter(Wait::kNo, 0);
  SaveCqes();
  for (size_t i = 0; queue == Queue::kTake && i < stopped.size(); ++i) {
    const uint64_t user_data = Token{TokenKind::kListener, static_cast<uint32_t>(i)}.Pack();
    if (stopped[i] < 0) continue;
    // As the ring would tell it.
    TakeQueue(stopped[i], SOCK_CLOEXEC, &counters_, [&](int fd) { saved_.push_back({user_data, fd, IORING_CQE_F_MORE}); });
  }
  // What was accepted by now is told first.
  const auto is_accept = [](const Cqe& cqe) { return Token::Unpack(cqe.user_data).kind == TokenKind::kListener; };
  const auto end = std::stable_partition(saved_.begin(), saved_.end(), is_accept);
  return static_cast<size_t>(std::count_if(saved_.begin(), end, [](const Cqe& cqe) { return cqe.result >= 0; }));
}

UringIo::Connection& UringIo::OpenEntry(Handle handle, SlotId slot) {
  Connection& connection = connections_.At(handle);
  ZTS_CHECK(connection.state == Connection::State::kOpen && connection.slot == slot);
  return connection;
}

Handle UringIo::Adopt(UniqueFd socket) {
  Connection& connection = connections_.At(socket.get());
  ZTS_CHECK(connection.state == Connection::State::kFree);
  connection.state = Connection::State::kAccepted;
  return socket.release();
}

UniqueFd UringIo::Release(Handle handle) {
  Connection& connection = connections_.At(handle);
  if (connection.state == Connection::State::kOpen) {
    ZTS_CHECK(connection.paused && !connection.quiescing && !connection.recv_armed && !connection.sending);
  } else {
    ZTS_CHECK(connection.state == Connection::State::kAccepted);
  }
  HandleTable<Connection>::Retire(&connection);
  return UniqueFd(handle);
}

void UringIo::Open(Handle handle, SlotId slot) {
  Connection& connection = connections_.At(handle);
  ZTS_CHECK(connection.state == Connection::State::kAccepted);
  connection.state = Connection::State::kOpen;
  connection.slot = slot;
  ArmRecv(handle, &connection);
}

void UringIo::PauseRecv(Handle handle, SlotId slot) {
  Connection& connection = OpenEntry(handle, slot);
  ZTS_CHECK(!connection.quiescing);
  connection.paused = true;
  CancelRecv(handle, &connection);
}

void UringIo::Quiesce(Handle handle, SlotId slot) {
  Connection& connection = OpenEntry(handle, slot);
  ZTS_CHECK(!connection.quiescing);
  connection.paused = true;
  connection.quiescing = true;
  CancelRecv(handle, &connection);
  TellIfQuiet(handle, &connection);
}

// Behind what has been received: that is in the batch, or told already.
void UringIo::TellIfQuiet(Handle handle, Connection* connection) {
  if (!connection->quiescing || connection->recv_armed || connection->state != Connection::State::kOpen) return;
  connection->quiescing = false;
  ready_.Push({Event::kQuiet, 0, handle, connection->generation, connection->slot});
}

void UringIo::ResumeRecv(Handle handle, SlotId slot) {
  Connection& connection = OpenEntry(handle, slot);
  ZTS_CHECK(!connection.quiescing);
  connection.paused = false;
  // One whose cancel is on its way is armed again when it has ended.
  RearmRecv(handle, &connection);
}

int64_t UringIo::TrySend(Handle handle, Bytes bytes) { return SendNow(handle, bytes, &counters_); }

int64_t UringIo::TrySendBoth(Handle handle, Bytes first, Bytes second) { return SendBothNow(handle, first, second, &counters_); }

// A send that must not wait ends while it is submitted, so its result stands in the queue right after the call.
void UringIo::TrySendAll(std::span<SendNowItem> items) {
  if (!uses_.batched_send || items.size() < kRingSendsMin || shard_thread_ == std::thread::id()) return Io::TrySendAll(items);
  sends_ = items;
  sends_left_ = items.size();
  ++sends_serial_;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].taken = kNoResult;
    io_uring_sqe* sqe = GetSqe();
    io_uring_prep_send(sqe, items[i].handle, items[i].bytes.data(), std::min(items[i].bytes.size(), kSendBytesMax),
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    Mark(sqe, {TokenKind::kSendNow, static_cast<uint32_t>(i), sends_serial_});
  }
  const unsigned before = ring_.CqEnd();
  ++counters_.syscalls;
  ring_.Submit();
  LookForSends(before);
  // Short of room, for submissions or for completions: rare, and slower.
  while (sends_left_ > 0) {
    Enter(Wait::kNo, 0);
    SaveCqes();
  }
  sends_ = {};
}

// Among the completions from `place` on. Those with others before them stay on the queue until their turn.
void UringIo::LookForSends(unsigned place) {
  for (const unsigned end = ring_.CqEnd(); place != end; ++place) {
    const Cqe cqe = ring_.PeekAt(place);
    const Token token = Token::Unpack(cqe.user_data);
    if (token.kind != TokenKind::kSendNow) continue;
    OnSentNow(token, cqe);
    if (place != ring_.CqBegin()) continue;
    ring_.TakeOne();
    --in_flight_;
  }
}

// One that has been looked at before is met again when its turn comes.
void UringIo::OnSentNow(const Token& token, const Cqe& cqe) {
  if (token.generation != sends_serial_ || token.index >= sends_.size()) return;
  SendNowItem& item = sends_[token.index];
  if (item.taken != kNoResult) return;
  --sends_left_;
  if (cqe.result == -EINTR) {
    item.taken = SendNow(item.handle, item.bytes, &counters_);
    return;
  }
  item.taken = cqe.result < 0 && WouldBlock(-cqe.result) ? 0 : cqe.result;
  if (cqe.result > 0) counters_.sent_bytes += static_cast<uint64_t>(cqe.result);
}

void UringIo::Send(Handle handle, SlotId slot, Bytes bytes) {
  Connection& connection = OpenEntry(handle, slot);
  ZTS_CHECK(!connection.sending);
  if (bytes.empty()) {
    ready_.Push({Event::kSent, 0, handle, connection.generation, slot});
    return;
  }
  connection.sending = true;
  connection.unsent = bytes;
  ArmSend(handle, &connection);
}

void UringIo::Close(Handle handle, SlotId slot, CloseMode mode) {
  Connection& connection = connections_.At(handle);
  ZTS_CHECK(connection.state == Connection::State::kAccepted ||
            (connection.state == Connection::State::kOpen && connection.slot == slot));
  connection.slot = slot;
  if (connection.sending) Cancel(TokenOf(TokenKind::kSend, handle, connection));
  // With the peer's end or an error seen there is nothing to wait for.
  if (mode == CloseMode::kAbort || connection.finished) {
    GiveUp(handle, &connection);
    return;
  }
  connection.state = Connection::State::kLingering;
  lingering_.Add(TokenOf(TokenKind::kConnection, handle, connection), clock_.Now());
  // A send under way has to end first: its bytes would come behind our end.
  if (!connection.sending) BeginLinger(handle, &connection);
}

void UringIo::BeginLinger(Handle handle, Connection* connection) {
  ++counters_.syscalls;
  if (::shutdown(handle, SHUT_WR) != 0) {
    GiveUp(handle, connection);
  } else {
    RearmRecv(handle, connection);
  }
}

void UringIo::GiveUp(Handle handle, Connection* connection) {
  connection->state = Connection::State::kClosing;
  CancelRecv(handle, connection);
  FinishIfIdle(handle, connection);
}

// The end of a connection is the end of its last operation.
void UringIo::FinishIfIdle(Handle handle, Connection* connection) {
  if (connection->state != Connection::State::kClosing || connection->recv_armed || connection->sending) return;
  const SlotId slot = connection->slot;
  const uint32_t generation = HandleTable<Connection>::Retire(connection);
  ++counters_.syscalls;
  ::close(handle);
  ready_.Push({Event::kClosed, 0, handle, generation, slot});
  // A descriptor is free again.
  if (accept_retry_.waits()) RetryAccepts(AcceptRetry::Which::kAll);
}

bool UringIo::WantsRecv(const Connection& connection) {
  if (connection.recv_armed || connection.starved || connection.finished) return false;
  return connection.state == Connection::State::kLingering ||
         (connection.state == Connection::State::kOpen && !connection.paused);
}

void UringIo::RearmRecv(Handle handle, Connection* connection) {
  if (WantsRecv(*connection)) ArmRecv(handle, connection);
}

void UringIo::ReturnBuffer(uint32_t buffer) {
  --leased_;
  buffers_.Add(buffer);
}

// As many as there are buffers: who finds none comes back to the end of the queue, and that one was taken by somebody else.
void UringIo::FeedStarved() {
  if (!CanFeed()) return;
  for (size_t turns = std::min(starved_.size(), buffers_.count() - leased_); turns > 0; --turns) {
    const Token token = starved_.front();
    starved_.pop_front();
    Connection* connection = connections_.Find(token);
    if (connection == nullptr) continue;
    connection->starved = false;
    RearmRecv(static_cast<Handle>(token.index), connection);
  }
}

size_t UringIo::Poll(std::span<Completion> out, Nanos timeout) {
  ++counters_.polls;
  RunDeadlines();
  FeedStarved();
  Batch batch{out};
  ready_.DeliverTo(&batch, &connections_);
  const bool something = batch.count > 0 || !saved_.empty() || ring_.HasCqe();
  const Nanos wait = something || CanFeed() ? 0 : WaitTime(timeout);
  if (wait != 0) {
    Enter(Wait::kYes, wait);
  } else if (!something || ring_.NeedsSubmit() || ring_.Overflown()) {
    Enter(Wait::kNo, 0);
  }
  for (Cqe cqe; !batch.full() && NextCqe(&cqe);) OnCqe(cqe, &batch);
  ready_.DeliverTo(&batch, &connections_);
  return batch.count;
}

void UringIo::RunDeadlines() {
  if (lingering_.empty() && !accept_retry_.waits()) return;
  const Nanos now = clock_.Now();
  while (const auto token = lingering_.TakeDue(now)) {
    Connection* connection = connections_.Find(*token);
    if (connection != nullptr && connection->state == Connection::State::kLingering) {
      GiveUp(static_cast<Handle>(token->index), connection);
    }
  }
  if (accept_retry_.waits()) RetryAccepts(AcceptRetry::Which::kDue);
}

Nanos UringIo::WaitTime(Nanos timeout) {
  if (timeout == 0 || (lingering_.empty() && !accept_retry_.waits())) return timeout;
  Nanos due = accept_retry_.next_due(listeners_);
  if (!lingering_.empty()) due = std::min(due, lingering_.next_due());
  const Nanos wait = std::max<Nanos>(due - clock_.Now(), 0);
  return timeout < 0 ? wait : std::min(wait, timeout);
}

void UringIo::Wake() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof(one));
}

// ---- completion ------------------------------------------------------------------------------------------

bool UringIo::NextCqe(Cqe* cqe) {
  if (saved_.empty()) {
    if (!ring_.NextCqe(cqe)) return false;
    // Counted when it leaves the ring, so that in_flight_ is what the kernel still has.
    if ((cqe->flags & IORING_CQE_F_MORE) == 0 && Token::Unpack(cqe->user_data).kind != TokenKind::kCancel) --in_flight_;
    return true;
  }
  *cqe = saved_.front();
  saved_.pop_front();
  return true;
}

void UringIo::SaveCqes() {
  for (Cqe cqe; ring_.NextCqe(&cqe);) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0 && Token::Unpack(cqe.user_data).kind != TokenKind::kCancel) --in_flight_;
    const Token token = Token::Unpack(cqe.user_data);
    if (token.kind == TokenKind::kSendNow) {
      OnSentNow(token, cqe);
    } else {
      saved_.push_back(cqe);
    }
  }
}

void UringIo::OnCqe(const Cqe& cqe, Batch* batch) {
  const Token token = Token::Unpack(cqe.user_data);
  switch (token.kind) {
    case TokenKind::kWake:
      ArmWake();
      break;
    case TokenKind::kListener:
      OnAccept(token, cqe, batch);
      break;
    case TokenKind::kRecv:
      OnRecv(token, cqe, batch);
      break;
    case TokenKind::kSend:
      OnSend(token, cqe);
      break;
    case TokenKind::kSendNow:     // told already
    case TokenKind::kCancel:      // its target had ended by itself
    case TokenKind::kConnection:  // not an operation of the ring
      break;
  }
}

void UringIo::OnAccept(const Token& token, const Cqe& cqe, Batch* batch) {
  Listener& listener = listeners_[token.index];
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) listener.armed = false;
  if (cqe.result >= 0) {
    ++counters_.accepts;
    connections_.At(cqe.result).state = Connection::State::kAccepted;
    batch->Add({.event = Event::kAccept, .handle = cqe.result});
  } else if (!IsInterruption(cqe.result) && !ConcernsOneConnection(-cqe.result)) {
    batch->Add({.event = Event::kAccept, .error = cqe.result});
    BackOff(&listener);
    return;
  }
  if (!listener.armed && listener.fd >= 0) ArmAccept(token.index);
}

void UringIo::BackOff(Listener* listener) {
  if (listener->fd < 0) return;
  accept_retry_.Rest(listener, clock_.Now());
}

void UringIo::RetryAccepts(AcceptRetry::Which which) {
  accept_retry_.Try(which, clock_.Now(), &listeners_, [this](size_t index) {
    if (!listeners_[index].armed) ArmAccept(index);
    return true;
  });
}

void UringIo::OnRecv(const Token& token, const Cqe& cqe, Batch* batch) {
  Connection* connection = connections_.Find(token);
  // The descriptor closes only after this operation has ended.
  ZTS_CHECK(connection != nullptr);
  const Handle handle = static_cast<Handle>(token.index);
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) connection->recv_armed = connection->recv_cancelled = false;
  const bool has_buffer = (cqe.flags & IORING_CQE_F_BUFFER) != 0;
  const uint32_t buffer = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
  if (has_buffer && cqe.result > 0) {
    OnBytes(handle, connection, buffer, static_cast<size_t>(cqe.result), batch);
  } else if (has_buffer) {
    buffers_.Add(buffer);
  }
  if (cqe.result == -ENOBUFS) {
    ++counters_.recv_starved;
    if (!std::exchange(connection->starved, true)) starved_.push_back(token);
  } else if (cqe.result <= 0 && !IsInterruption(cqe.result)) {
    OnRecvEnd(handle, connection, cqe.result, batch);
  }
  RearmRecv(handle, connection);
  TellIfQuiet(handle, connection);
  FinishIfIdle(handle, connection);
}

void UringIo::OnBytes(Handle handle, Connection* connection, uint32_t buffer, size_t size, Batch* batch) {
  if (connection->state != Connection::State::kOpen) {
    buffers_.Add(buffer);
    return;
  }
  ++leased_;
  counters_.recv_bytes += size;
  batch->Add({.event = Event::kRecv, .handle = handle, .slot = connection->slot,
              .lease = Lease(this, buffer, buffers_.At(buffer).first(size))});
}

void UringIo::OnRecvEnd(Handle handle, Connection* connection, int32_t error, Batch* batch) {
  connection->finished = true;
  if (connection->state == Connection::State::kOpen) {
    batch->Add({.event = Event::kRecv, .error = error, .handle = handle, .slot = connection->slot});
  } else {
    connection->state = Connection::State::kClosing;
  }
}

void UringIo::OnSend(const Token& token, const Cqe& cqe) {
  Connection* connection = connections_.Find(token);
  ZTS_CHECK(connection != nullptr && connection->sending);
  const Handle handle = static_cast<Handle>(token.index);
  if (cqe.result > 0) {
    counters_.sent_bytes += static_cast<uint64_t>(cqe.result);
    connection->unsent = connection->unsent.subspan(static_cast<size_t>(cqe.result));
  }
  const bool open = connection->state == Connection::State::kOpen;
  if (open && !connection->unsent.empty() && (cqe.result > 0 || IsInterruption(cqe.result))) {
    ArmSend(handle, connection);
    return;
  }
  connection->sending = false;
  connection->unsent = {};
  if (open) {
    // Nothing taken of something, without an error, is an end as well.
    const int32_t error = cqe.result == 0 ? -EPIPE : std::min(cqe.result, 0);
    ready_.Push({Event::kSent, error, handle, connection->generation, connection->slot});
  } else if (connection->state == Connection::State::kLingering) {
    BeginLinger(handle, connection);
  } else {
    FinishIfIdle(handle, connection);
  }
}

}  // namespace zts::net
