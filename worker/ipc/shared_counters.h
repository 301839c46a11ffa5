// Counters and histograms in memory that engine and supervisor share: the engine writes, the supervisor reads at scrape.
//
// The supervisor makes the segment and keeps it over engine restarts, so a crash loses no figure. Each shard has its own block and is
// its only writer: a relaxed load and store, no locked instruction, no shared cache line. Readers see each 64-bit value whole.
//
// Owner:    supervisor (creates), engine (maps).
// Thread:   writers: the shard that owns the block. Readers: any.
// Life:     until the mapping goes. All zero is the valid initial state.
// Limits:   kCounterRows functions a shard; row 0 is shared by all beyond it ("_other").
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace zts::ipc {

// Written by one thread only: adding needs no read-modify-write instruction.
class Counter {
 public:
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t Read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_;
};

// A log-linear histogram of nanoseconds: 16 linear steps in each power of two, so that any quantile read from it is within 3.2% of the
// truth.
// Covers 256 ns to 137 s; what lies outside goes to the first or last bucket.
class Histogram {
 public:
  static constexpr int kStepsLog2 = 4;
  static constexpr int kSteps = 1 << kStepsLog2;
  static constexpr int kFirstPower = 8;   // 256 ns
  static constexpr int kPowers = 29;      // up to 2^37 ns = 137 s
  static constexpr int kBuckets = kPowers * kSteps;

  void Record(Nanos value) {
    buckets_[BucketOf(value)].Add();
    sum_.Add(value > 0 ? static_cast<uint64_t>(value) : 0);
  }
  static int BucketOf(Nanos value) {
    if (value < (Nanos{1} << kFirstPower)) return 0;
    const int power = 63 - __builtin_clzll(static_cast<uint64_t>(value));
    if (power >= kFirstPower + kPowers) return kBuckets - 1;
    const int step = static_cast<int>(value >> (power - kStepsLog2)) & (kSteps - 1);
    return (power - kFirstPower) * kSteps + step;
  }
  // The smallest value above the bucket.
  static Nanos UpperBound(int bucket) {
    const int power = kFirstPower + bucket / kSteps;
    const int step = bucket % kSteps;
    return (Nanos{1} << power) + (Nanos{step + 1} << (power - kStepsLog2));
  }
  uint64_t bucket(int index) const { return buckets_[index].Read(); }
  uint64_t sum_ns() const { return sum_.Read(); }

 private:
  Counter buckets_[kBuckets];
  Counter sum_;
};

inline constexpr int kCodeClasses = 5;     // 1xx..5xx
inline constexpr int kOutcomeSlots = 16;   // >= js::kOutcomeKinds
inline constexpr int kFetchSlots = 16;     // >= js::kFetchResults
inline constexpr int kRefusalSlots = 16;   // >= http::kRefusals
inline constexpr size_t kCounterRows = 1024;

// Where a cold start found its isolate, and what that was loaded from.
enum class ColdKind : uint8_t { kSpareCached, kSpareSource, kFreshCached, kFreshSource, kSnapshot, kSpareLearned, kFreshLearned };
inline constexpr int kColdKinds = 7;
inline constexpr const char* kColdKindNames[kColdKinds] = {"spare-cached", "spare-source", "fresh-cached", "fresh-source", "snapshot",
                                                           "spare-learned", "fresh-learned"};

// As js::GcKind and js::GcDuring.
inline constexpr int kGcKinds = 2;    // minor, major
inline constexpr int kGcDurings = 3;  // a turn of JavaScript, a task of V8's between requests, idle time

// Why a request was slow: the largest part of its time (worker/engine/slow_requests.h).
enum class SlowCause : uint8_t { kColdStart, kQueue, kFunction, kJit, kGc, kUpstream, kWait, kOffload, kCpuSteal };
inline constexpr int kSlowCauses = 9;
inline constexpr const char* kSlowCauseNames[kSlowCauses] = {"cold-start", "queue", "function", "jit", "gc",
                                                             "upstream", "wait", "offload", "cpu-steal"};

struct alignas(64) FunctionCounters {
  Counter requests[kCodeClasses];
  Counter outcomes[kOutcomeSlots];
  Counter cold_starts[kColdKinds];
  Counter in_flight;        // gauge
  Counter isolates;         // gauge: warm ones of this function on this shard
  // Gauges, sums over its isolates as each was last looked at.
  Counter heap_used_bytes;
  Counter heap_committed_bytes;
  Counter external_bytes;
  Counter memory_limit_bytes;        // what they may use together
  Counter collections[kGcKinds];
  Counter collection_ns[kGcKinds];  // in which its thread stood still
  Counter collection_turn_ns;        // the part of it that interrupted turns of JavaScript
  Counter subrequests[kFetchSlots];  // outgoing requests that have ended
  Counter subrequest_wait_ns;        // from their start to the head of the response
  Counter offloaded;        // gauge: versions of it whose requests go to an offload thread
  Counter offloads;         // times that one went there
  Counter slow[kSlowCauses];
  Histogram latency;        // head complete to response handed to the kernel
};

// Versions of functions that have a canary are counted apart, each in a row of its own; row 0 is nobody's.
inline constexpr size_t kVersionRows = 128;

struct alignas(64) VersionCounters {
  Counter requests;
  Counter errors;           // answered with 5xx
  Counter cold_starts;      // requests that waited for an isolate
  Histogram latency;        // as FunctionCounters::latency
};

// Bodies that pass in pieces, one way.
struct StreamCounters {
  Counter open;     // gauge
  Counter total;
  Counter aborted;  // did not come to their end
  void Begin() {
    total.Add();
    open.Add();
  }
  enum class End : uint8_t { kWhole, kAborted };
  void Finish(End end) {
    open.Add(static_cast<uint64_t>(-1));
    if (end == End::kAborted) aborted.Add();
  }
};

// In the order in which a cold start goes through them. kTotal begins with kQueue and ends with kHandOver; kRoute is before it; the
// request's own first turn comes after it, and kGc is the part of that turn in which it stood still for collections.
enum class ColdPhase : uint8_t { kRoute, kQueue, kIsolate, kContext, kArtifact, kCompile, kEvaluate, kHandOver, kTotal, kHandler, kGc };
inline constexpr int kColdPhases = 11;

// Of an offload thread, in its block. Written under its engine's lock of these threads, by whoever has it.
struct OffloadCounters {
  Counter dormant;    // gauge: 1 where there has never been such a thread: all of the block is zero, and not worth its pages
  Counter running;    // gauge: 1 while there is such a thread
  Counter functions;  // gauge: versions that shards send to it, each counted by each of them
  Counter cpu_ns;     // used by it, ended ones of the same number included
  Counter starts;
  Counter moves;      // of versions from another such thread to it
};

struct alignas(64) ShardCounters {
  Counter connections_open;   // gauge
  Counter connections_total;
  Counter connections_given;  // of them, to another shard
  Counter connections_moved;  // to another shard, after they were served here
  Counter requests_total;     // parsed heads, refused ones included
  Counter refusals[kRefusalSlots];
  Counter recv_bytes;
  Counter sent_bytes;
  Counter recv_starved;
  Counter io_syscalls;
  Counter loop_passes;
  Counter warm_isolates;      // gauge
  Counter spare_isolates;     // gauge
  Counter learned_code_bytes; // gauge
  Counter evictions;
  Counter queued;             // gauge: requests waiting for a cold function
  Counter isolates_lost;      // memory limit and the like
  Counter turns_terminated;
  Counter log_records_dropped;
  Counter active_catalog;     // gauge: version
  Histogram latency;          // of all functions; those of deleted ones stay in it
  StreamCounters request_streams;   // bodies that did not arrive whole with their head
  StreamCounters response_streams;
  Histogram cold[kColdPhases];
  Histogram cold_of_kind[kColdKinds];  // cold[kTotal] apart
  Histogram queue_wait;       // of requests that waited for an isolate, cold starts included
  Histogram gc_pause[kGcDurings][kGcKinds];
  Histogram loop_lag;         // by how much the timer that ticks each second is late
  OffloadCounters offload;
  FunctionCounters functions[kCounterRows];
  VersionCounters versions[kVersionRows];
};

struct SegmentHeader {
  uint64_t magic;          // kSegmentMagic
  uint32_t shards;
  uint32_t shard_bytes;    // sizeof(ShardCounters): both ends must agree
};
inline constexpr uint64_t kSegmentMagic = 0x7a7473636e747231;  // "ztscntr1"

class SharedCounters {
 public:
  // Supervisor: a new zeroed segment. `shards_max`: how many it can grow to; memory that nobody touches costs nothing.
  static Result<std::unique_ptr<SharedCounters>> Create(uint32_t shards, uint32_t shards_max = 0);
  // Engine: maps what it was given; refuses another layout.
  static Result<std::unique_ptr<SharedCounters>> Map(UniqueFd fd);
  ~SharedCounters();

  int fd() const { return fd_.get(); }
  // Blocks in use; in an engine, all there are.
  uint32_t shards() const { return shards_.load(std::memory_order_relaxed); }
  // Supervisor: at least so many are in use from here on. REQUIRES: within shards_max. Any thread.
  void Grow(uint32_t shards);
  ShardCounters& shard(uint32_t index) const;
  // Those that may have figures: what reads each function of each block leaves the others' memory alone.
  template <typename F>
  void ForEachLive(F&& act) const {
    for (uint32_t index = 0; index < shards(); ++index) {
      if (ShardCounters& block = shard(index); block.offload.dormant.Read() == 0) act(block);
    }
  }

 private:
  SharedCounters(UniqueFd fd, void* memory, size_t bytes);
  UniqueFd fd_;
  void* memory_;
  size_t bytes_;
  const uint32_t shards_max_;  // from the size, once: the header is memory that the peer can write
  std::atomic<uint32_t> shards_;
};

}  // namespace zts::ipc
