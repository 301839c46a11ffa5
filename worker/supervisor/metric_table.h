// Every metric of a worker, once: name, type, labels, meaning. docs/metrics.md is checked against it, and so is what a scrape gives.
//
// Thread:   constants.
#pragma once

#include <prometheus/metric_type.h>

#include <span>
#include <string_view>

namespace zts::supervisor {

struct MetricInfo {
  std::string_view name;
  prometheus::MetricType type;
  std::string_view labels;  // as the documentation writes them: "function, code"
  std::string_view help;
};

std::span<const MetricInfo> AllMetrics();

}  // namespace zts::supervisor
