#include "jsruntime/outcome.h"

namespace zts::js {

std::string_view OutcomeName(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kOk: return "ok";
    case OutcomeKind::kThrew: return "exception";
    case OutcomeKind::kCpuLimit: return "cpu-limit";
    case OutcomeKind::kWallLimit: return "wall-limit";
    case OutcomeKind::kStartupLimit: return "startup-limit";
    case OutcomeKind::kMemoryLimit: return "memory-limit";
    case OutcomeKind::kSyntax: return "syntax-error";
    case OutcomeKind::kNoHandler: return "no-handler";
    case OutcomeKind::kRecycled: return "isolate-recycled";
    case OutcomeKind::kOverloaded: return "overloaded";
    case OutcomeKind::kHeadTooLarge: return "response-head-too-large";
    case OutcomeKind::kBodyTooLarge: return "response-too-large";
  }
  return "unknown";
}

}  // namespace zts::js
