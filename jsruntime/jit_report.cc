#include "jsruntime/jit_report.h"

namespace zts::js {

std::string_view JitTierName(JitTier tier) {
  constexpr std::string_view kNames[kJitTiers] = {"interpreter", "baseline", "maglev", "turbofan"};
  return kNames[static_cast<int>(tier)];
}

}  // namespace zts::js
