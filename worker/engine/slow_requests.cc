#include "worker/engine/slow_requests.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

namespace zts {
namespace {

using ipc::SlowCause;

std::string Millis(Nanos time) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f ms", static_cast<double>(time) / kMillisecond);
  return text;
}

}  // namespace

// In the order of what is known best: each part is at most what those before it have left.
SlowRequest SlowRequests::Explain(Nanos took, const runtime::RequestTimes& times, Nanos delayed) const {
  SlowRequest slow{.took = took, .usual = last_usual_};
  Nanos left = took;
  const auto take = [&](SlowCause cause, Nanos time) {
    const Nanos part = std::clamp<Nanos>(time, 0, left);
    slow.parts[static_cast<size_t>(cause)] += part;
    left -= part;
  };
  take(SlowCause::kColdStart, times.waited);
  take(SlowCause::kUpstream, times.upstream);
  take(SlowCause::kGc, times.collecting);
  const Nanos turns = std::clamp<Nanos>(times.turns - times.collecting, 0, left);
  // The thread did not run in the middle of a turn, or while the request was queued behind others: of that first.
  const Nanos queued = times.away || times.pending ? 0 : left - turns;
  const Nanos stolen = std::clamp<Nanos>(delayed, 0, queued + turns);
  take(SlowCause::kCpuSteal, stolen);
  take(times.unoptimized ? SlowCause::kJit : SlowCause::kFunction, turns - std::max<Nanos>(stolen - queued, 0));
  take(times.away ? SlowCause::kOffload : times.pending ? SlowCause::kWait : SlowCause::kQueue, left);
  const auto largest = std::max_element(slow.parts.begin(), slow.parts.end());
  slow.cause = static_cast<SlowCause>(largest - slow.parts.begin());
  return slow;
}

std::string SlowRequest::Text() const {
  std::string text = "slow: " + Millis(took) + (usual > 0 ? ", usually " + Millis(usual) : std::string());
  std::array<size_t, ipc::kSlowCauses> order;
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) { return parts[a] > parts[b]; });
  std::string_view separator = ": ";
  for (const size_t index : order) {
    // What is less than a tenth of a millisecond explains nothing.
    if (parts[index] < kMillisecond / 10) break;
    text.append(std::exchange(separator, ", ")).append(ipc::kSlowCauseNames[index]).append(" ").append(Millis(parts[index]));
  }
  return text;
}

}  // namespace zts
