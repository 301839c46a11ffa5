#include "worker/engine/runtime/load_failure.h"

#include <algorithm>

namespace zts::runtime {

void LoadFailure::Failed(const js::Outcome& outcome, Nanos now) {
  outcome_ = outcome;
  // Sixteen doublings are far beyond kRetryLast already, and more would leave the number's range.
  retry_at_ = now + std::min(kRetryLast, kRetryFirst << std::min<uint32_t>(failures_, 16));
  ++failures_;
}

std::string LoadFailure::Text() const {
  std::string text = "the module did not load: " + std::string(js::OutcomeName(outcome_.kind)) + ": " + outcome_.message;
  if (outcome_.line > 0) {
    text += " (" + outcome_.file + ":" + std::to_string(outcome_.line) + ":" + std::to_string(outcome_.column) + ")";
  }
  if (!outcome_.stack.empty()) text += "\n" + outcome_.stack;
  return text;
}

}  // namespace zts::runtime
