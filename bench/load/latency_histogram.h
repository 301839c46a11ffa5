// A high dynamic range histogram: counts of values with a fixed relative error, so that the tail is as exact as the middle.
//
// Layout:   values below 2,048 exactly; above, 1,024 buckets for each power of two (the layout of HdrHistogram with three digits).
// Units:    whatever the caller counts, here nanoseconds; the relative error of a quantile is below 0.1%, and never downwards.
// Limits:   any uint64_t; 450 KB, whatever is recorded.
// Thread:   one.
#pragma once

#include <cstdint>
#include <vector>

namespace zts {

class LatencyHistogram {
 public:
  LatencyHistogram();

  void Record(uint64_t value, uint64_t times = 1);

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  // The least recorded value that at least this share (0 to 1) of all values do not exceed, rounded up to the end of its bucket;
  // 0 when nothing is recorded. Quantile(1) is the maximum itself.
  uint64_t Quantile(double share) const;

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace zts
