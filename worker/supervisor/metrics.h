// What a scrape of this worker gives: the engines' shared counters and the supervisor's own state, read at that moment.
//
// Owner:    main(), one, shared with the admin server.
// Thread:   Collect: any; it locks nothing that serves requests.
// Life:     what the sources point at outlives it.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <vector>

#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/engine_host.h"

namespace zts::supervisor {

// The supervisor's own figures at one moment.
struct WorkerFigures {
  EngineStatus engine;
  bool ready = false;
  bool controller_connected = false;
  uint64_t controller_connects = 0;
  uint64_t controller_failures = 0;
  uint64_t log_records_dropped = 0;
};

class Metrics final : public prometheus::Collectable {
 public:
  Metrics(const ipc::SharedCounters* counters, const CounterRows* rows, std::function<WorkerFigures()> figures);
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const ipc::SharedCounters* counters_;
  const CounterRows* rows_;
  std::function<WorkerFigures()> figures_;
};

// A fine histogram of all shards, summed, for reading.
class HistogramView {
 public:
  void Add(const ipc::Histogram& histogram);
  uint64_t count() const { return count_; }
  double sum_seconds() const { return static_cast<double>(sum_ns_) / 1e9; }
  // The middle of the bucket that holds the quantile, seconds. REQUIRES: count() > 0.
  double Quantile(double quantile) const;
  // Samples below `nanos`, which must be the end of a fine bucket.
  uint64_t CountBelow(Nanos nanos) const;

 private:
  uint64_t buckets_[ipc::Histogram::kBuckets] = {};
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
};

}  // namespace zts::supervisor
