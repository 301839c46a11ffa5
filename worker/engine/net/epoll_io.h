// Io over epoll: edge-triggered, reads until the socket is empty, sends at once and waits for room only for the rest.
//
// The back end for kernels and containers that refuse io_uring. It emulates completions: readiness is an internal list, and
// Poll turns it into finished receives and sends.
//
// Owner:    Loop.
// Thread:   the shard's; Wake: any. Create: any.
// Limits:   kReadsPerTurn buffers a connection and Poll, so that one fast sender does not hold the pass; kAcceptsPerPoll.
// Errors:   Create fails when descriptors or memory run out.
#pragma once

#include <sys/epoll.h>

#include <memory>
#include <span>
#include <vector>

#include "base/ring_queue.h"
#include "base/unique_fd.h"
#include "worker/engine/limits.h"
#include "worker/engine/net/accept_retry.h"
#include "worker/engine/net/buffer_pool.h"
#include "worker/engine/net/handle_table.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/linger_queue.h"
#include "worker/engine/net/ready_queue.h"

namespace zts::net {

struct EpollOptions {
  size_t buffer_count = kRecvBufferCount;
  size_t buffer_bytes = kRecvBufferBytes;
  Nanos linger_timeout = kLingerTimeout;
};

class EpollIo final : public Io {
 public:
  static Result<std::unique_ptr<EpollIo>> Create(const EpollOptions& options = {});
  ~EpollIo() override;

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
  void Send(Handle handle, SlotId slot, Bytes bytes) override;
  void Close(Handle handle, SlotId slot, CloseMode mode) override;
  size_t Poll(std::span<Completion> out, Nanos timeout) override;
  void Wake() override;
  const IoFeatures& features() const override { return features_; }
  const IoCounters& counters() const override { return counters_; }

 protected:
  void ReturnBuffer(uint32_t buffer) override { buffers_.Return(buffer); }

 private:
  static constexpr int kReadsPerTurn = 4;
  static constexpr int kAcceptsPerPoll = 64;

  struct Connection {
    enum class State : uint8_t { kFree, kAccepted, kOpen, kLingering };
    State state = State::kFree;
    bool readable = false;   // an edge was seen and the socket was not yet found empty
    bool hung_up = false;    // the edge said that an end is coming: a short read does not mean empty
    bool queued = false;     // stands in readable_
    bool paused = false;
    bool finished = false;   // end or error was delivered: nothing is read any more
    bool sending = false;
    uint32_t generation = 1;
    SlotId slot;
    Bytes unsent;
  };
  struct Listener {
    int fd = -1;
    Nanos retry_at = 0;  // 0: watched
  };

  EpollIo(UniqueFd epoll, UniqueFd wake, BufferPool buffers, Nanos linger_timeout);

  Connection& OpenEntry(Handle handle, SlotId slot);
  Token TokenOf(Handle handle, const Connection& connection, TokenKind kind) const;
  void Watch(Handle handle, Connection* connection);
  bool CanRead() const { return !readable_.empty() && buffers_.free_count() > 0; }
  void QueueRead(Handle handle, Connection* connection);
  void Finish(Handle handle, Connection* connection);
  void ContinueSend(Handle handle, Connection* connection);
  void Drain(Handle handle, Connection* connection);

  void RunDeadlines();
  Nanos WaitTime(Nanos timeout);
  void WaitForEvents(Nanos timeout, Batch* batch);
  void OnEvent(const epoll_event& event, Batch* batch);
  void OnConnectionEvent(Handle handle, Connection* connection, uint32_t events);
  Status WatchListener(size_t index);
  void AcceptSome(Listener* listener, Batch* batch);
  void BackOff(Listener* listener);
  void RetryListeners(AcceptRetry::Which which);
  void ReadSome(Batch* batch);
  void ReadOne(Handle handle, Connection* connection, Batch* batch);

  UniqueFd epoll_;
  UniqueFd wake_;
  BufferPool buffers_;
  SystemClock clock_;
  HandleTable<Connection> connections_;
  std::vector<Listener> listeners_;
  AcceptRetry accept_retry_;
  RingQueue<Token> readable_;
  ReadyQueue ready_;
  LingerQueue lingering_;
  std::vector<epoll_event> events_;
  IoFeatures features_;
  IoCounters counters_;
};

}  // namespace zts::net
