// What each function did lately: the shared counters only grow, so this keeps the differences between looks at them.
//
// Each Step is one look. Of a function that did nothing since the last one a look reads a few words; of another, its histogram. The
// last kSteps are kept, sparsely, and their quantiles are what a scrape and `ztsctl top` show.
//
// Owner:    Worker, one.
// Thread:   any.
// Life:     counters and rows outlive it.
// Limits:   kCounterRows functions; a step of one holds at most a histogram's buckets.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/histogram_view.h"

namespace zts::supervisor {

// What a function's isolates hold, and what collections of garbage have cost it since its figures began.
struct MemoryFigures {
  uint64_t minor_collections = 0;
  uint64_t major_collections = 0;
  uint64_t pause_inside_ns = 0;   // interrupted turns of JavaScript, that somebody may have waited for
  uint64_t pause_outside_ns = 0;  // between turns
  uint64_t heap_used_bytes = 0;
  uint64_t heap_committed_bytes = 0;
  uint64_t external_bytes = 0;    // ArrayBuffers and the like
  uint64_t limit_bytes = 0;       // what heaps and buffers of all isolates may be together
};

// What one function did in one step, and how it stands at its end.
struct FunctionStep {
  std::string function;
  uint64_t requests = 0;     // answered
  uint64_t errors = 0;       // of them with 5xx
  uint64_t cold_starts = 0;
  uint64_t limits_hit = 0;
  uint64_t latency_sum_ns = 0;
  std::vector<std::pair<uint16_t, uint64_t>> latency;  // bucket of ipc::Histogram, samples
  // Levels.
  uint64_t in_flight = 0;
  uint64_t isolates = 0;
  MemoryFigures memory;

  bool quiet() const { return requests == 0 && cold_starts == 0 && in_flight == 0 && isolates == 0; }
};

class FunctionWindows {
 public:
  static constexpr Nanos kStep = 2 * kSecond;
  // A minute, as a scrape that comes every 15 s should not see a quantile come and go between two of them.
  static constexpr size_t kSteps = 30;

  FunctionWindows(const ipc::SharedCounters* counters, const CounterRows* rows);

  // Looks at all; gives what was not quiet. To be called every kStep. The first is of all since the start.
  std::vector<FunctionStep> Step();
  // The latencies of the last kSteps of the function in this row; none when it answered nothing in them.
  std::optional<HistogramView> Recent(const std::string& function) const;

 private:
  struct Totals {
    uint64_t requests = 0;
    uint64_t errors = 0;
    uint64_t cold_starts = 0;
    uint64_t limits_hit = 0;
    uint64_t latency_count = 0;
  };
  struct Entry {
    uint32_t row = 0;
    Totals before;
    HistogramView latency_before;
    struct Kept {
      uint64_t number;
      uint64_t sum_ns;
      std::vector<std::pair<uint16_t, uint64_t>> latency;
    };
    std::deque<Kept> kept;
  };
  Totals Read(uint32_t row) const;
  FunctionStep StepOf(const std::string& function, Entry* entry);
  void StepLatency(Entry* entry, FunctionStep* step);

  const ipc::SharedCounters* counters_;
  const CounterRows* rows_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  uint64_t steps_ = 0;
};

}  // namespace zts::supervisor
