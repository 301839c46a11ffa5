// The worker's metrics as text: every family of metric_table.h, in its order, with the samples that were added.
//
// Samples of one family may be added at any time between others': each has a buffer of its own until Take. Bounds of buckets and names
// are made into text once; a sample costs a copy and one number. A scrape of a thousand functions is tens of thousands of lines.
//
// Owner:    one scrape.
// Thread:   one.
// Errors:   a name that the table does not have, or a type that does not fit, is a CHECK.
// Source:   Prometheus text exposition format 0.0.4.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/metric_info.h"
#include "base/clock.h"
#include "worker/supervisor/histogram_view.h"

namespace zts::supervisor {

// The bounds of an exposed histogram: powers of two of nanoseconds, each octave cut into so many equal steps.
struct Octaves {
  int first_power;
  int last_power;
  int steps;  // divides Histogram::kSteps
};

class Buckets {
 public:
  explicit Buckets(std::span<const Octaves> octaves);
  struct Bound {
    int fine_end;      // samples in the fine buckets before this one are within the bound
    std::string text;  // of the le label, seconds
  };
  std::span<const Bound> bounds() const { return bounds_; }

 private:
  void Add(Nanos bound);
  std::vector<Bound> bounds_;
};

// name="value", escaped; several are put together with commas.
std::string Label(std::string_view name, std::string_view value);

class Exposition {
 public:
  Exposition();

  // A counter or a gauge. `labels` as Label makes them, joined by commas; may be empty.
  void Add(std::string_view name, uint64_t value, std::string_view labels = {});
  void AddReal(std::string_view name, double value, std::string_view labels = {});
  void AddHistogram(std::string_view name, const HistogramView& view, const Buckets& buckets, std::string_view labels);
  // Quantiles of `window`, or NaN where nothing happened in it; count and sum of `total`, which only grow.
  void AddSummary(std::string_view name, const HistogramView* window, const HistogramView& total, std::string_view labels);

  // Families without a sample are left out.
  std::string Take();

 private:
  struct Family {
    std::string samples;
    admin::MetricType type;
  };
  Family& Of(std::string_view name);
  std::vector<Family> families_;  // as in the table
};

}  // namespace zts::supervisor
