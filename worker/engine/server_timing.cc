#include "worker/engine/server_timing.h"

#include <algorithm>
#include <cstdio>

namespace zts {
namespace {

constexpr const char* kNames[ipc::kColdPhases] = {"route",    "queue",     "isolate", "context", "artifact", "compile",
                                                   "evaluate", "hand-over", "total",   "handler", "gc"};

}  // namespace

std::string ServerTimingLine(const runtime::ColdTimes& times) {
  std::string line = "server-timing: ";
  for (int phase = 0; phase < ipc::kColdPhases; ++phase) {
    char duration[32];
    std::snprintf(duration, sizeof(duration), ";dur=%.3f", static_cast<double>(std::max<Nanos>(times.phases[phase], 0)) / kMillisecond);
    if (phase > 0) line += ", ";
    line += kNames[phase];
    if (phase == static_cast<int>(ipc::ColdPhase::kTotal)) line.append(";desc=").append(ipc::kColdKindNames[static_cast<int>(times.kind)]);
    line += duration;
  }
  return line += "\r\n";
}

}  // namespace zts
