// Completion-based socket I/O for one shard: the same contract over io_uring, epoll and a seeded fake.
//
// Requests for I/O go down at once or are batched until Poll; results come back from Poll as completions, and nowhere else: no
// call here runs a handler. A completion names its connection by SlotId, so a late one finds nothing instead of a stranger.
//
// Life of a connection: kAccept or Adopt gives a Handle -> Open (receiving starts) -> kRecv..., Send/kSent... -> Close -> kClosed,
// after which nothing names this slot again and the memory given to Send is free.
//
// Owner:    Loop, exactly one a shard.
// Thread:   the shard's; Wake: any.
// Life:     bytes given to Send stay valid until its kSent or the connection's kClosed.
// Limits:   kRecvBufferCount x kRecvBufferBytes of receive buffers (limits.h). When all are leased, receiving pauses by itself
//           and goes on when leases return; no data is lost.
// Errors:   Create functions fail with a sentence that names the cause and the fix (seccomp, sysctl, kernel too old).
//           Failures of a connection come as completions with -errno.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/peer_address.h"
#include "base/result.h"
#include "base/slot_map.h"
#include "base/unique_fd.h"

namespace zts::net {

class Io;

// The right to read one filled receive buffer; dropping it gives the buffer back to the kernel.
// Thread: the shard's; it must not travel. Life: outlived by its Io.
class Lease {
 public:
  Lease() = default;
  Lease(Io* io, uint32_t buffer, MutableBytes bytes) : io_(io), buffer_(buffer), bytes_(bytes) {}
  Lease(Lease&& other) noexcept
      : io_(std::exchange(other.io_, nullptr)), buffer_(other.buffer_), bytes_(std::exchange(other.bytes_, {})) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      Drop();
      io_ = std::exchange(other.io_, nullptr);
      buffer_ = other.buffer_;
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  ~Lease() { Drop(); }
  std::string_view text() const { return AsText(bytes_); }
  MutableBytes bytes() const { return bytes_; }
  inline void Drop();

 private:
  Io* io_ = nullptr;
  uint32_t buffer_ = 0;
  MutableBytes bytes_;
};

// A socket as its Io knows it: a descriptor, or an index of a registered file.
using Handle = int;

enum class Event : uint8_t {
  kAccept,  // handle: the new connection; or error < 0 (EMFILE and the like: accepting goes on by itself later)
  kRecv,    // lease: bytes; or empty lease with error 0: the peer has finished sending; or error < 0: reset
  kSent,    // the whole Send is out, or error < 0
  kQuiet,   // after Quiesce: nothing more is received
  kClosed,  // the last event of a connection
};

struct Completion {
  Event event;
  int32_t error = 0;  // 0 or -errno
  Handle handle = -1;
  SlotId slot;        // which connection; not for kAccept
  Lease lease;
};

// What runs, for the log and the zts_io_feature metric.
struct IoFeatures {
  std::string backend;                                       // "uring", "epoll", "fake"
  std::vector<std::pair<std::string, bool>> features;        // {"multishot_recv", true}, ...
};

// Counters of one Io, read by its own thread.
struct IoCounters {
  uint64_t polls = 0;
  uint64_t syscalls = 0;
  uint64_t accepts = 0;
  uint64_t recv_bytes = 0;
  uint64_t sent_bytes = 0;
  uint64_t recv_starved = 0;  // receives that found no free buffer
};

// One of several sends (Io::TrySendAll).
struct SendNowItem {
  Handle handle;
  Bytes bytes;
  int64_t taken = 0;  // what TrySend would have returned
};

class Io {
 public:
  virtual ~Io() = default;

  // Starts accepting on a listening, non-blocking socket that the caller keeps open. kAccept from then on.
  virtual Status Listen(int listen_fd) = 0;
  // Ends accepting. Returns how many accepted connections are still to be told: they come as kAccept with the next Polls, and none
  // after them.
  //   kLeave: what the kernel has queued stays there, for whoever listens on the socket next.
  //   kTake:  it is accepted now, and the socket is shut down: who connects later is refused at once instead of waiting in a queue
  //           that nobody reads. A connection made in the microseconds between the two is reset.
  enum class Queue : uint8_t { kLeave, kTake };
  virtual size_t StopListening(Queue queue) = 0;

  // Takes over a connected stream socket that came another way, as if it had been accepted; the Io closes it. A blocking one: an
  // operation of a ring on another would not wait.
  virtual Handle Adopt(UniqueFd socket) = 0;
  // Gives up a connection for another Io of this process to Adopt: its socket, which blocks. No event names it any more. What the peer has
  // sent and nobody was told of goes along.
  // REQUIRES: it was accepted and not opened; or it is quiet (Quiesce), and no Send is under way.
  virtual UniqueFd Release(Handle handle) = 0;

  // Who is at the other end of a connection that is not closed: a system call. Not known for an adopted one that has no address.
  virtual PeerAddress PeerOf(Handle handle) const = 0;

  // Names an accepted connection and starts receiving.
  virtual void Open(Handle handle, SlotId slot) = 0;
  // Back-pressure: after Pause, at most the completions already on their way still come (one Poll's worth).
  virtual void PauseRecv(Handle handle, SlotId slot) = 0;
  virtual void ResumeRecv(Handle handle, SlotId slot) = 0;
  // PauseRecv with an end: kRecv may still come, then one kQuiet, and no kRecv after it until ResumeRecv.
  // REQUIRES until then: none of the three is called.
  virtual void Quiesce(Handle handle, SlotId slot) = 0;

  // Sends what the kernel takes at once: the number of bytes taken, 0 when it would block, -errno on failure.
  // REQUIRES: no Send is under way on this connection.
  virtual int64_t TrySend(Handle handle, Bytes bytes) = 0;
  // TrySend of the one and then, when all of it was taken, of the other: as one where the Io can.
  virtual int64_t TrySendBoth(Handle handle, Bytes first, Bytes second) {
    const int64_t taken = first.empty() ? 0 : TrySend(handle, first);
    if (taken < 0 || static_cast<size_t>(taken) < first.size()) return taken;
    const int64_t more = TrySend(handle, second);
    return more < 0 ? taken : taken + more;  // what is wrong shows at the next send
  }
  // TrySend for each, on different connections, with fewer system calls where the Io can.
  virtual void TrySendAll(std::span<SendNowItem> items) {
    for (SendNowItem& item : items) item.taken = TrySend(item.handle, item.bytes);
  }
  // Sends all of it, in as many pieces as it takes; one kSent follows. One at a time a connection.
  virtual void Send(Handle handle, SlotId slot, Bytes bytes) = 0;

  // Ends the connection: pending operations are given up and kClosed follows. With `linger`, what the kernel holds is sent and
  // the peer sees an orderly end even if it still sends (the reading side is drained briefly), so that it can read an error
  // answer. After it, no event but kClosed names the slot, except those the last Poll has already filled in. A handle that was
  // accepted and never opened is closed the same way; its kClosed carries the slot given here.
  enum class CloseMode : uint8_t { kAbort, kLinger };
  virtual void Close(Handle handle, SlotId slot, CloseMode mode) = 0;

  // Submits what is batched, waits until a completion is there, the timeout passes or Wake is called, and fills `out`. The
  // number filled, possibly 0. timeout < 0: no limit; 0: do not wait.
  virtual size_t Poll(std::span<Completion> out, Nanos timeout) = 0;
  // Ends the current or the next wait.
  virtual void Wake() = 0;

  virtual const IoFeatures& features() const = 0;
  virtual const IoCounters& counters() const = 0;

 protected:
  friend class Lease;
  virtual void ReturnBuffer(uint32_t buffer) = 0;
};

inline void Lease::Drop() {
  if (io_ != nullptr) std::exchange(io_, nullptr)->ReturnBuffer(buffer_);
}

enum class IoBackend : uint8_t { kAuto, kUring, kEpoll };

// kAuto: io_uring where the kernel gives it, else epoll with a log line that says why.
Result<std::unique_ptr<Io>> CreateIo(IoBackend backend);

}  // namespace zts::net
