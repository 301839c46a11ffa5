#include "cli/figures.h"

#include <cstdio>

#include "cli/text.h"

namespace zts::cli {

nlohmann::json JsonOf(const Figures& figures) {
  const auto milliseconds = [](Nanos time) -> nlohmann::json {
    if (time == 0) return nullptr;
    return static_cast<double>(time) / kMillisecond;
  };
  return {{"requests_per_second", figures.requests_per_second},
          {"errors_per_second", figures.errors_per_second},
          {"p50_ms", milliseconds(figures.p50)},
          {"p99_ms", milliseconds(figures.p99)},
          {"cold_starts", figures.cold_starts},
          {"limits_hit", figures.limits_hit},
          {"window_ms", figures.window / kMillisecond},
          {"in_flight", figures.in_flight},
          {"isolates", figures.isolates},
          {"memory_bytes", figures.memory_bytes},
          {"gc",
           {{"minor", figures.memory.minor_collections},
            {"major", figures.memory.major_collections},
            {"pause_in_turns_ms", static_cast<double>(figures.memory.pause_inside) / kMillisecond},
            {"pause_between_turns_ms", static_cast<double>(figures.memory.pause_outside) / kMillisecond}}},
          {"heap",
           {{"used_bytes", figures.memory.heap_used_bytes},
            {"committed_bytes", figures.memory.heap_committed_bytes},
            {"external_bytes", figures.memory.external_bytes},
            {"limit_bytes", figures.memory.limit_bytes}}}};
}

std::string FormatRate(double per_second) {
  char text[32];
  std::snprintf(text, sizeof text, per_second < 100 ? "%.1f" : "%.0f", per_second);
  return text;
}

std::string FormatLatency(Nanos latency) {
  if (latency == 0) return "-";
  char text[32];
  const double milliseconds = static_cast<double>(latency) / kMillisecond;
  std::snprintf(text, sizeof text, milliseconds < 10 ? "%.2f ms" : "%.0f ms", milliseconds);
  return text;
}

}  // namespace zts::cli
