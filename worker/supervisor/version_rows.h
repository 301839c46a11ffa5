// Which row of the shared counters belongs to which version of a function with a canary, and what has happened in it.
//
// A version has a row while requests are divided between it and another. Take reads what came since the last Take: the windows that the
// controller judges a canary by. A row that is given up is given to another only after the rest, so that a late request is not
// counted for a stranger.
//
// Owner:    main(), one.
// Thread:   any.
// Life:     the counters outlive it.
// Limits:   kVersionRows; versions beyond it are not counted, and a canary among them is not promoted by itself.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/function_spec.h"
#include "worker/supervisor/histogram_view.h"

namespace zts::supervisor {

struct VersionWindow {
  std::string function;
  uint64_t number = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t cold_starts = 0;
  std::vector<std::pair<Nanos, uint64_t>> latencies;  // up to this: so many; growing, none empty
};

// The same since the version got its row.
struct VersionTotals {
  std::string function;
  uint64_t number = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t cold_starts = 0;
  HistogramView latency;
};

class VersionRows {
 public:
  // Longer than any request goes on with the default wall limit, ten times over.
  static constexpr Nanos kRest = 300 * kSecond;

  VersionRows(const ipc::SharedCounters* counters, const Clock* clock) : counters_(counters), clock_(clock) {}

  // The version's row, the same as before if it has one; 0 when the table is full.
  uint32_t Assign(const FunctionSpec& spec);
  // Versions that are not named lose their row.
  void Retain(const std::set<uint64_t>& version_ids);
  // What has happened in each since the last call, or since it got its row. Versions without a request are left out.
  std::vector<VersionWindow> Take();
  // Of all versions that have a row: at most kVersionRows.
  std::vector<VersionTotals> Totals() const;

 private:
  struct Seen {
    uint64_t requests = 0;
    uint64_t errors = 0;
    uint64_t cold_starts = 0;
    uint64_t latency_sum_ns = 0;
    std::array<uint64_t, ipc::Histogram::kBuckets> latencies{};
  };
  struct Row {
    uint32_t index = 0;
    std::string function;
    uint64_t number = 0;
    Seen first;  // when it got the row
    Seen seen;
  };
  Seen Read(uint32_t row) const;

  const ipc::SharedCounters* counters_;
  const Clock* clock_;
  mutable std::mutex mutex_;
  std::map<uint64_t, Row> rows_;           // by version id
  std::map<uint32_t, Nanos> resting_;      // row: since when
};

}  // namespace zts::supervisor
