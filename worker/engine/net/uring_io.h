// Io over io_uring: one system call a pass submits all that was asked for and brings all that has happened.
//
// Accepting and receiving are armed once and complete many times (multishot); the kernel picks receive buffers from a ring of
// ours. Sends go out at once: several together through the ring, in one system call that ends them (none waits for its socket), a few by
// send(2). Besides, the ring carries what a full socket refuses. A connection's descriptor is closed when each of its operations has ended,
// so that no completion comes late.
//
// Owner:    Loop.
// Thread:   Create: any. The first Poll makes its thread the shard's; everything else is for that thread (Listen and Open may
//           come before). Wake: any. Destruction: the shard's thread, or any after it has ended.
// Limits:   a full submission queue is submitted and gone on with; completions beyond the queue are kept by the kernel.
// Errors:   Create names cause and fix when the kernel, a container or a limit refuses. What is merely missing is done without,
//           see features().
// Needs:    Linux 5.19 (buffer rings); better from 6.1 (deferred task work) on.
#pragma once

#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/ring_queue.h"
#include "base/unique_fd.h"
#include "worker/engine/limits.h"
#include "worker/engine/net/accept_retry.h"
#include "worker/engine/net/handle_table.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/linger_queue.h"
#include "worker/engine/net/ready_queue.h"
#include "worker/engine/net/uring_ring.h"

namespace zts::net {

struct UringOptions {
  size_t buffer_count = kRecvBufferCount;  // a power of two
  size_t buffer_bytes = kRecvBufferBytes;
  Nanos linger_timeout = kLingerTimeout;
  // Two operations a completion of a pass; the completion queue has room for a pass and a burst behind it.
  unsigned submission_entries = 2 * kCompletionsPerPass;
  unsigned completion_entries = 8 * kCompletionsPerPass;
  UringFeatures features;
};

class UringIo final : public Io {
 public:
  static Result<std::unique_ptr<UringIo>> Create(const UringOptions& options = {});
  ~UringIo() override;

  Status Listen(int listen_fd) override;
  size_t StopListening(Queue queue) override;
  Handle Adopt(UniqueFd socket) override;
  UniqueFd Release(Handle handle) override;
  PeerAddress PeerOf(Handle handle) const override { return zts::PeerOf(handle); }
  void Open(Handle handle, SlotId slot) override;
  void PauseRecv(Handle handle, SlotId slot) override;
  void ResumeRecv(Handle handle, SlotId slot) override;
  void Quiesce(Handle handle, SlotId slot) override;
  int64_t TrySend(Handle handle, Bytes bytes) override;
  int64_t TrySendBoth(Handle handle, Bytes first, Bytes second) override;
  void TrySendAll(std::span<SendNowItem> items) override;
  void Send(Handle handle, SlotId slot, Bytes bytes) override;
  void Close(Handle handle, SlotId slot, CloseMode mode) override;
  size_t Poll(std::span<Completion> out, Nanos timeout) override;
  void Wake() override;
  const IoFeatures& features() const override { return features_; }
  const IoCounters& counters() const override { return counters_; }

 protected:
  void ReturnBuffer(uint32_t buffer) override;

 private:
  struct Connection {
    enum class State : uint8_t { kFree, kAccepted, kOpen, kLingering, kClosing };
    State state = State::kFree;
    bool recv_armed = false;
    bool recv_cancelled = false;  // a cancel is on its way
    bool starved = false;         // stands in starved_
    bool paused = false;
    bool quiescing = false;       // paused, and kQuiet is still to come
    bool finished = false;        // end or error was seen
    bool sending = false;
    uint32_t generation = 1;
    SlotId slot;
    Bytes unsent;
  };
  struct Listener {
    int fd = -1;  // -1: stopped
    bool armed = false;
    Nanos retry_at = 0;
    uint32_t generation = 1;
  };
  enum class Wait : uint8_t { kNo, kYes };

  UringIo(const UringOptions& options, UniqueFd wake);
  Status MakeRing(const UringOptions& options);
  void BecomeShardThread();

  // Submission.
  io_uring_sqe* GetSqe();
  void Mark(io_uring_sqe* sqe, const Token& token);
  void Enter(Wait wait, Nanos timeout);
  void ArmWake();
  void ArmAccept(size_t index);
  void ArmRecv(Handle handle, Connection* connection);
  void ArmSend(Handle handle, Connection* connection);
  void Cancel(const Token& target);
  void CancelRecv(Handle handle, Connection* connection);
  static Token TokenOf(TokenKind kind, Handle handle, const Connection& connection);

  // Completion.
  bool NextCqe(Cqe* cqe);
  void SaveCqes();
  void OnCqe(const Cqe& cqe, Batch* batch);
  void OnAccept(const Token& token, const Cqe& cqe, Batch* batch);
  void OnRecv(const Token& token, const Cqe& cqe, Batch* batch);
  void OnBytes(Handle handle, Connection* connection, uint32_t buffer, size_t size, Batch* batch);
  void OnRecvEnd(Handle handle, Connection* connection, int32_t error, Batch* batch);
  void OnSend(const Token& token, const Cqe& cqe);
  void LookForSends(unsigned place);
  void OnSentNow(const Token& token, const Cqe& cqe);

  Connection& OpenEntry(Handle handle, SlotId slot);
  static bool WantsRecv(const Connection& connection);
  void RearmRecv(Handle handle, Connection* connection);
  void TellIfQuiet(Handle handle, Connection* connection);
  bool CanFeed() const { return !starved_.empty() && leased_ < buffers_.count(); }
  void FeedStarved();
  void BeginLinger(Handle handle, Connection* connection);
  void GiveUp(Handle handle, Connection* connection);
  void FinishIfIdle(Handle handle, Connection* connection);
  void BackOff(Listener* listener);
  void RetryAccepts(AcceptRetry::Which which);
  void RunDeadlines();
  Nanos WaitTime(Nanos timeout);
  void CancelAll();

  UniqueFd wake_;
  uint64_t wake_value_ = 0;
  SystemClock clock_;
  UringFeatures uses_;
  BufferRing buffers_;
  Ring ring_;
  std::thread::id shard_thread_;  // none before the first Poll
  size_t leased_ = 0;
  size_t in_flight_ = 0;          // operations the kernel has
  std::span<SendNowItem> sends_;  // within TrySendAll
  uint32_t sends_serial_ = 0;     // how often it was called
  size_t sends_left_ = 0;         // of sends_, those without a result
  HandleTable<Connection> connections_;
  std::vector<Listener> listeners_;
  AcceptRetry accept_retry_;
  RingQueue<Token> starved_;
  ReadyQueue ready_;
  std::deque<Cqe> saved_;  // taken off the queue before their turn
  LingerQueue lingering_;
  IoFeatures features_;
  IoCounters counters_;
};

}  // namespace zts::net
