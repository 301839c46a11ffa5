#include "worker/supervisor/histogram_view.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace zts::supervisor {

void HistogramView::Add(const ipc::Histogram& histogram) {
  for (int i = 0; i < ipc::Histogram::kBuckets; ++i) {
    const uint64_t samples = histogram.bucket(i);
    buckets_[static_cast<size_t>(i)] += samples;
    count_ += samples;
  }
  sum_ns_ += histogram.sum_ns();
}

void HistogramView::AddSamples(int bucket, uint64_t samples, uint64_t sum_ns) {
  buckets_[static_cast<size_t>(bucket)] += samples;
  count_ += samples;
  sum_ns_ += sum_ns;
}

double HistogramView::Quantile(double quantile) const {
  ZTS_CHECK(count_ > 0);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  uint64_t seen = 0;
  int index = -1;
  while (seen < rank) seen += bucket(++index);
  const Nanos low = index == 0 ? Nanos{1} << ipc::Histogram::kFirstPower : ipc::Histogram::UpperBound(index - 1);
  return static_cast<double>(low + ipc::Histogram::UpperBound(index)) / 2e9;
}

uint64_t HistogramView::CountBelow(Nanos nanos) const {
  uint64_t below = 0;
  // The last bucket also holds all that is beyond it.
  const int end = ipc::Histogram::BucketOf(nanos);
  for (int i = 0; i < end; ++i) below += bucket(i);
  return below;
}

}  // namespace zts::supervisor
