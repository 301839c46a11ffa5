// A histogram of the shared counters as it stands at one moment, summed over shards or functions, for reading.
//
// Owner:    whoever reads.
// Thread:   one.
#pragma once

#include <array>
#include <cstdint>

#include "worker/ipc/shared_counters.h"

namespace zts::supervisor {

class HistogramView {
 public:
  void Add(const ipc::Histogram& histogram);
  // So many samples of one bucket, worth so many nanoseconds.
  void AddSamples(int bucket, uint64_t samples, uint64_t sum_ns);

  uint64_t count() const { return count_; }
  uint64_t sum_ns() const { return sum_ns_; }
  double sum_seconds() const { return static_cast<double>(sum_ns_) / 1e9; }
  uint64_t bucket(int index) const { return buckets_[static_cast<size_t>(index)]; }
  // The middle of the bucket that holds the quantile, seconds: within 3.2% of the exact one. REQUIRES: count() > 0.
  double Quantile(double quantile) const;
  // Samples below `nanos`, which must be the end of a bucket.
  uint64_t CountBelow(Nanos nanos) const;

 private:
  std::array<uint64_t, ipc::Histogram::kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
};

}  // namespace zts::supervisor
