// Io without a kernel: a seeded network in memory, with the test as the other side of every connection.
//
//   FakeIo* net = io.get();            // before it goes into the Loop
//   const PeerId peer = net->Connect();
//   net->PeerWrite(peer, "GET / HTTP/1.1\r\n\r\n");
//   loop.RunOnce(&handler, 0);
//   EXPECT_EQ(net->PeerRead(peer), "HTTP/1.1 200 OK...");
//
// The same seed and the same calls give the same run. Faults cut reads and sends anywhere, hold completions back, run out of
// buffers, reset connections and end waits without a reason; with FakeFaults::None() everything happens at the next Poll.
// Handles are used again at once, lowest first, as descriptors are, so that a late use of one meets a stranger and is seen.
//
// Harsher than TCP on one point, as the standard allows: a reset takes away what the peer has not yet read.
//
// Owner:    a Loop; the test keeps a plain pointer.
// Thread:   one; Wake: any. Poll never blocks: last_wait() says how long it would have.
// Life:     the clock outlives it.
// Limits:   FakeIoOptions.
// Errors:   misuse of the contract is CHECKed, as in the real ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "worker/engine/limits.h"
#include "worker/engine/net/buffer_pool.h"
#include "worker/engine/net/io.h"

namespace zts::net {

// Chances in percent, drawn anew for each occasion.
struct FakeFaults {
  int short_read = 0;      // a read gives 1..n bytes of what is there
  int partial_send = 0;    // a send takes 0..n bytes of what fits
  int late = 0;            // a completion waits for another Poll
  int starved = 0;         // a receive finds no buffer this time
  int spurious_wake = 0;   // a Poll ends with nothing
  int accept_error = 0;    // an accept fails with EMFILE; the connection stays queued
  int reset = 0;           // per 10,000, not percent: an open connection is reset by the network

  static FakeFaults None() { return {}; }
  // Everything that loses no connection.
  static FakeFaults Rough() {
    return {.short_read = 50, .partial_send = 50, .late = 30, .starved = 10, .spurious_wake = 10, .accept_error = 10};
  }
  static FakeFaults RoughWithResets() {
    FakeFaults faults = Rough();
    faults.reset = 20;
    return faults;
  }
};

struct FakeIoOptions {
  uint64_t seed = 1;
  FakeFaults faults;
  const Clock* clock = nullptr;  // none: a clock that stands still, and lingering ends only by the peer
  size_t buffer_count = kRecvBufferCount;
  size_t buffer_bytes = kRecvBufferBytes;
  Nanos linger_timeout = kLingerTimeout;
  size_t socket_buffer_bytes = 64 * 1024;  // what the network holds, each way
};

class FakeIo final : public Io {
 public:
  using PeerId = size_t;

  explicit FakeIo(const FakeIoOptions& options = {});
  ~FakeIo() override;

  // ---- the test's side ----
  PeerId Connect();
  // The port by which PeerOf knows it.
  uint16_t PeerPort(PeerId peer) const { return links_.at(peer)->port; }
  // A connection for Adopt, which is not accepted. The socket stands for it and for nothing else.
  std::pair<PeerId, UniqueFd> ConnectForAdoption();
  // The number of bytes the network took: fewer when its buffer is full, 0 when the connection has ended.
  size_t PeerWrite(PeerId peer, std::string_view bytes);
  // Takes what has arrived, at most `bytes_max`.
  std::string PeerRead(PeerId peer, size_t bytes_max = SIZE_MAX);
  // No more bytes from this peer; it still reads.
  void PeerFinish(PeerId peer);
  void PeerReset(PeerId peer);
  // The server has ended its side and everything was read.
  bool PeerSawEnd(PeerId peer) const;
  bool PeerSawReset(PeerId peer) const;
  // Still waiting in the listen queue.
  bool PeerQueued(PeerId peer) const;

  // How long the last Poll would have slept: 0 when something is there to do, -1 when nothing is ever.
  Nanos last_wait() const { return last_wait_; }
  // Handles not yet closed by the server, and leases it holds: both 0 at the end of a clean test.
  size_t open_handles() const;
  size_t leases() const { return buffers_.count() - buffers_.free_count(); }
  // Called before each TrySend.
  void set_on_try_send(std::function<void()> run) { on_try_send_ = std::move(run); }
  void set_faults(const FakeFaults& faults) { faults_ = faults; }

  // ---- Io ----
  Status Listen(int listen_fd) override;
  size_t StopListening(Queue queue) override;
  Handle Adopt(UniqueFd socket) override;
  UniqueFd Release(Handle handle) override;
  // 192.0.2.1 (RFC 5737) with the peer's port; what came by ConnectForAdoption has no address.
  PeerAddress PeerOf(Handle handle) const override;
  void Open(Handle handle, SlotId slot) override;
  void PauseRecv(Handle handle, SlotId slot) override;
  void ResumeRecv(Handle handle, SlotId slot) override;
  void Quiesce(Handle handle, SlotId slot) override;
  int64_t TrySend(Handle handle, Bytes bytes) override;
  void Send(Handle handle, SlotId slot, Bytes bytes) override;
  void Close(Handle handle, SlotId slot, CloseMode mode) override;
  size_t Poll(std::span<Completion> out, Nanos timeout) override;
  void Wake() override { woken_.store(true); }
  const IoFeatures& features() const override { return features_; }
  const IoCounters& counters() const override { return counters_; }

 protected:
  void ReturnBuffer(uint32_t buffer) override { buffers_.Return(buffer); }

 private:
  static constexpr Handle kNoHandle = -1;
  std::function<void()> on_try_send_;

  // One connection: both sides' view of it.
  struct Link {
    enum class Server : uint8_t { kQueued, kAccepted, kOpen, kLingering, kClosing, kClosed };
    Server server = Server::kQueued;
    Handle handle = kNoHandle;
    uint16_t port = 0;             // of the peer; 0: it has no address
    SlotId slot;
    std::string to_server;
    std::string to_peer;
    bool peer_finished = false;    // FIN from the peer, behind to_server
    bool server_finished = false;  // FIN from the server, behind to_peer
    bool reset = false;
    bool peer_told_reset = false;
    bool paused = false;
    bool quiescing = false;        // paused, and kQuiet is still to come
    bool recv_over = false;        // end or error was delivered
    bool sending = false;
    Bytes unsent;
    Nanos linger_until = 0;
  };
  struct Batch {
    std::span<Completion> out;
    size_t count = 0;
    bool full() const { return count == out.size(); }
    void Add(Completion completion) { out[count++] = std::move(completion); }
  };

  bool Chance(int percent) { return percent > 0 && random_() % 100 < static_cast<uint64_t>(percent); }
  size_t Cut(size_t low, size_t high) { return low + random_() % (high - low + 1); }
  Nanos Now() const { return clock_ != nullptr ? clock_->Now() : 0; }
  Link& LinkOf(Handle handle) const;
  Link& OpenLink(Handle handle, SlotId slot);
  void Reset(Link* link);
  void EndServerSide(Link* link);

  void Accept(Batch* batch);
  Handle GiveHandle(PeerId peer);
  void DropHandle(Link* link);
  // What was released and is not adopted yet, by the descriptor that stands for it. Of all FakeIos: of one thread.
  static std::map<int, std::shared_ptr<Link>>& released();
  void Advance(Link* link, Batch* batch);
  void AdvanceSend(Link* link, Batch* batch);
  void AdvanceRecv(Link* link, Batch* batch);
  void AdvanceLinger(Link* link);
  bool HasWork(const Link& link) const;
  Nanos WaitTime(Nanos timeout) const;

  std::mt19937_64 random_;
  FakeFaults faults_;
  const Clock* clock_;
  Nanos linger_timeout_;
  size_t socket_buffer_bytes_;
  BufferPool buffers_;
  std::vector<std::shared_ptr<Link>> links_;  // by PeerId; of one that was released this is the peer's side
  std::vector<PeerId> live_;                  // those the server has not closed
  std::vector<Link*> by_handle_;
  std::set<Handle> free_handles_;
  std::map<int, PeerId> for_adoption_;        // by the descriptor of the socket that stands for it
  std::deque<PeerId> queue_;                  // the listen queue
  bool listening_ = false;
  bool shut_ = false;                         // who connects is refused
  size_t taken_ = 0;                          // of queue_, those accepted when it was shut
  std::atomic<bool> woken_{false};
  Nanos last_wait_ = 0;
  IoFeatures features_;
  IoCounters counters_;
};

}  // namespace zts::net
