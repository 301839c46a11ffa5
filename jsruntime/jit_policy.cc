#include "jsruntime/jit_policy.h"

#include <v8.h>

#include <algorithm>
#include <string>
#include <vector>

namespace zts::js {
namespace {

constexpr std::string_view kNames[] = {"disabled", "lazy", "eager"};
constexpr uint32_t kEagerThreshold = 300;

void AddThreshold(uint32_t calls, std::vector<std::string>* flags) {
  flags->push_back("--invocation-count-for-turbofan=" + std::to_string(calls));
  flags->push_back("--invocation-count-for-maglev=" + std::to_string(std::max<uint32_t>(calls * 2 / 15, 1)));
  // How long a function's types must have been the same before: V8's own share of its own threshold.
  flags->push_back("--minimum-invocations-after-ic-update=" + std::to_string(std::max<uint32_t>(calls / 6, 1)));
}

std::vector<std::string> FlagsOf(const JitPolicy& policy) {
  std::vector<std::string> flags;
  uint32_t threshold = policy.threshold;
  switch (policy.mode) {
    case JitPolicy::Mode::kDisabled: return {"--no-sparkplug", "--no-maglev", "--no-turbofan"};
    case JitPolicy::Mode::kLazy: break;
    case JitPolicy::Mode::kEager:
      flags.emplace_back("--always-sparkplug");
      if (threshold == 0) threshold = kEagerThreshold;
      break;
  }
  if (threshold != 0) AddThreshold(std::min(threshold, kJitThresholdMax), &flags);
  return flags;
}

}  // namespace

Result<JitPolicy::Mode> ParseJitMode(std::string_view text) {
  const auto* found = std::find(std::begin(kNames), std::end(kNames), text);
  if (found == std::end(kNames)) return Invalid("no JIT policy " + std::string(text) + ": write disabled, lazy or eager");
  return static_cast<JitPolicy::Mode>(found - std::begin(kNames));
}

std::string_view JitModeName(JitPolicy::Mode mode) { return kNames[static_cast<int>(mode)]; }

void ApplyJitPolicy(const JitPolicy& policy) {
  for (const std::string& flag : FlagsOf(policy)) v8::V8::SetFlagsFromString(flag.c_str(), flag.size());
}

}  // namespace zts::js
