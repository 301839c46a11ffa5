// The door to liburing: one ring with its features found out, its queues, its provided receive buffers.
//
// Submission is our own few lines instead of liburing's: they work with and without the index array (no_sqarray), and make each
// system call visible to the counters.
//
// Owner:    UringIo, exactly one of each.
// Thread:   SetUp and Register: any. The first Enter makes its thread the only one.
// Life:     buffers outlive the ring: the kernel writes into them until then.
// Errors:   SetUp and Register name cause and fix.
// Needs:    Linux 5.19.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace zts::net {

// What can be switched off to measure it, or is off because the kernel does not have it.
struct UringFeatures {
  bool multishot_accept = true;  // Linux 5.19
  bool multishot_recv = true;    // Linux 6.0
  bool coop_taskrun = true;      // Linux 5.19: completions interrupt nobody
  bool single_issuer = true;     // Linux 6.0
  bool defer_taskrun = true;     // Linux 6.1: completions are made when asked for; needs single_issuer
  bool registered_ring = true;   // Linux 5.18: no lookup of the ring's descriptor a call
  bool no_sqarray = true;        // Linux 6.6: one indirection less a submission
  bool batched_send = true;      // Linux 5.19: answers of several connections in one call

  // In the order above.
  static std::vector<std::string> Names();
  // The switch of that name, or nullptr.
  const bool* Find(std::string_view name) const;
  // All but "multishot_recv,defer_taskrun".
  static Result<UringFeatures> Without(std::string_view names);
};

// The sentence for a refused io_uring_setup. `io_uring_disabled`: the sysctl's value, or -1 where there is none.
Error UringSetupError(int error_number, int io_uring_disabled);

// What this kernel does of what is wanted, found out on a small ring.
Result<UringFeatures> ProbeUring(const UringFeatures& wanted);

// io_uring_cqe without its flexible tail.
struct Cqe {
  uint64_t user_data = 0;
  int32_t result = 0;
  uint32_t flags = 0;
};

class Ring {
 public:
  enum class Start : uint8_t { kAtOnce, kDisabled };  // disabled: the thread that calls Enable becomes the ring's

  Ring() = default;
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Features of `features` that the kernel does not have are switched off there.
  Status SetUp(unsigned submissions, unsigned completions, Start start, UringFeatures* features);
  bool made() const { return made_; }
  // From Enable on the ring does what UringIo does and nothing else: no file, no connection, no new registration, whoever writes into
  // its queue. A filter of system calls does not see what goes through a ring. REQUIRES: disabled; buffers are registered.
  Status Restrict();
  void Enable();
  // False: refused, and nothing is lost.
  bool RegisterDescriptor() { return io_uring_register_ring_fd(&ring_) == 1; }

  // All below REQUIRE made().
  // nullptr when the queue is full: Enter makes room.
  io_uring_sqe* GetSqe() { return io_uring_get_sqe(&ring_); }
  // Submits all, makes completions, and with min_complete > 0 waits for them, at most `timeout` (<0: no limit). As the system
  // call: the number submitted or -errno; -ETIME when the time passed.
  int Enter(unsigned min_complete, Nanos timeout);
  // Submits all and leaves completions that were not made by that for Enter. As the system call.
  int Submit();
  bool NeedsSubmit() const { return ring_.sq.sqe_tail != *ring_.sq.khead; }
  // The kernel keeps completions that did not fit; Enter brings them.
  bool Overflown() const { return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0; }

  bool HasCqe() const { return *ring_.cq.khead != io_uring_smp_load_acquire(ring_.cq.ktail); }
  bool NextCqe(Cqe* cqe);
  // The queue of completions by places, which count up and wrap around: of the next one, and behind the last one.
  unsigned CqBegin() const { return *ring_.cq.khead; }
  unsigned CqEnd() const { return io_uring_smp_load_acquire(ring_.cq.ktail); }
  Cqe PeekAt(unsigned place) const;
  void TakeOne() { io_uring_cq_advance(&ring_, 1); }

  io_uring* get() { return &ring_; }

 private:
  // The number that the kernel has yet to take.
  unsigned PublishSqes();
  unsigned EnterFlags() const { return ring_.enter_ring_fd != ring_.ring_fd ? IORING_ENTER_REGISTERED_RING : 0; }

  io_uring ring_{};
  bool made_ = false;
};

// Receive buffers that the kernel takes from.
class BufferRing {
 public:
  BufferRing() = default;
  ~BufferRing();
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;

  static constexpr uint16_t kGroup = 0;

  // REQUIRES: count is a power of two, at most 32768.
  Status Register(Ring* ring, size_t count, size_t buffer_bytes);
  void Add(uint32_t buffer);
  // Makes what was added visible to the kernel.
  void Publish();
  MutableBytes At(uint32_t buffer) const { return {memory_ + buffer * stride(), buffer_bytes_}; }
  size_t count() const { return count_; }
  size_t buffer_bytes() const { return buffer_bytes_; }

 private:
  // Most requests fill the first lines of their buffer. An odd number of lines more than a power of two from one to the next spreads those
  // over all sets of the caches, which would else have room for a few of them.
  static constexpr size_t kSpreadBytes = 3 * 64;
  size_t stride() const { return buffer_bytes_ + kSpreadBytes; }

  io_uring_buf_ring* ring_ = nullptr;
  std::byte* memory_ = nullptr;
  size_t count_ = 0;
  size_t buffer_bytes_ = 0;
  int added_ = 0;
};

}  // namespace zts::net
