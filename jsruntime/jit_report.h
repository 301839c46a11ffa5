// What V8 has made of a function version's code: which of its functions are interpreted, compiled or optimised, and what was thrown
// away again.
//
// V8's public interface names the code there is and the deoptimisations that its sampling profiler meets; how often a function was called
// it does not tell, so `samples` (a millisecond each, of a watch) says instead where the time goes.
//
// Thread:   values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zts::js {

// From slow to fast, and as they are called: "interpreter" (Ignition's bytecode), "baseline" (Sparkplug), "maglev", "turbofan".
enum class JitTier : uint8_t { kInterpreted, kBaseline, kMidTier, kOptimized };
inline constexpr int kJitTiers = 4;
std::string_view JitTierName(JitTier tier);

struct Deoptimization {
  std::string reason;  // V8's: "wrong map", "Insufficient type feedback for call"
  int line = 0;        // where in the source, from 1; 0: unknown
  uint32_t count = 0;  // within the watch
};

struct FunctionCode {
  // UTF-8; "(module)" for the code at the top level, "(anonymous)" for what has no name, "(no text)" for one that is no text.
  std::string name;
  int line = 0;      // of its parameter list, from 1
  int column = 0;
  JitTier tier = JitTier::kInterpreted;  // the fastest code there is of it
  uint32_t code_bytes = 0;               // of that code
  uint32_t samples = 0;                  // of a watch
  std::vector<Deoptimization> deoptimizations;
};

// Of the functions that have run, in the order of the source.
using JitReport = std::vector<FunctionCode>;

}  // namespace zts::js
