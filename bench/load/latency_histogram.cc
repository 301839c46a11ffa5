#include "bench/load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace zts {
namespace {

constexpr int kBits = 10;  // 2^10 buckets for each power of two
constexpr int kExactBits = kBits + 1;
constexpr size_t kBuckets = (64 - kExactBits + 2) << kBits;

size_t BucketOf(uint64_t value) {
  const int width = std::bit_width(value);
  if (width <= kExactBits) return value;
  const int shift = width - kExactBits;
  return (static_cast<size_t>(shift) << kBits) + (value >> shift);
}

// The greatest value that falls into the bucket.
uint64_t EndOf(size_t bucket) {
  if (bucket < (size_t{1} << kExactBits)) return bucket;
  const int shift = static_cast<int>(bucket >> kBits) - 1;
  const uint64_t first = bucket - (static_cast<size_t>(shift) << kBits);
  return ((first + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : counts_(kBuckets) {}

void LatencyHistogram::Record(uint64_t value, uint64_t times) {
  counts_[BucketOf(value)] += times;
  count_ += times;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(times);
}

uint64_t LatencyHistogram::Quantile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return std::min(EndOf(bucket), max_);
  }
  return max_;
}

}  // namespace zts
