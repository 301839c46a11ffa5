// What a metric is, once, for the scrape, the documentation and the tests: each process has one table of these.
//
// Thread:   constants.
#pragma once

#include <string_view>

namespace zts::admin {

enum class MetricType : unsigned char { kCounter, kGauge, kHistogram, kSummary };

inline std::string_view MetricTypeName(MetricType type) {
  constexpr std::string_view kNames[] = {"counter", "gauge", "histogram", "summary"};
  return kNames[static_cast<int>(type)];
}

struct MetricInfo {
  std::string_view section;  // of docs/metrics.md; those of one section stand together
  std::string_view name;
  MetricType type;
  std::string_view labels;  // "function, code"; empty: none
  std::string_view help;
};

}  // namespace zts::admin
