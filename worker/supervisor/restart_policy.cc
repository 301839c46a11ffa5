#include "worker/supervisor/restart_policy.h"

#include <algorithm>

namespace zts::supervisor {

Nanos RestartPolicy::OnDeath(Nanos lived, Culprit culprit) {
  if (culprit == Culprit::kVersion) return 0;
  young_deaths_ = lived >= kStableAfter ? 0 : young_deaths_ + 1;
  if (young_deaths_ <= kImmediate) return 0;
  // 100 ms doubled six times is past the maximum.
  const int doublings = std::min(young_deaths_ - kImmediate - 1, 6);
  return std::min(kDelayMin << doublings, kDelayMax);
}

}  // namespace zts::supervisor
