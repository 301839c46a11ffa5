// When V8 compiles JavaScript to machine code: decided once a process, for all functions in it.
//
//   kDisabled   never: bytecode is interpreted. Half to a tenth of the speed, and no code of a tenant's making but for regular expressions
//               and WebAssembly
//   kLazy       V8's own way: what is called often is compiled simply, then optimised on another thread
//   kEager      simple machine code at the first call, and optimised at a tenth of the calls; more compiling in exchange for fewer slow
//               requests
//
// V8 reads these settings when it decides about a function, whatever isolate that is in: two policies at the same time need two processes
// (docs/engine_classes.md). Other settings than those of v8_flags.list make V8 refuse code caches, so with a policy that is not kLazy, or
// a threshold, modules are compiled from source when they are loaded; the engine tells its key (ArtifactKey), and no code cache is sent
// to it.
//
// Thread:   before the first isolate of ours is made.
// Errors:   Parse says what can be written.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace zts::js {

struct JitPolicy {
  enum class Mode : uint8_t { kDisabled, kLazy, kEager };
  Mode mode = Mode::kLazy;
  // Calls after which a function is optimised as far as V8 can; 0: the mode's own (V8's 3000, or 300 with kEager). The optimiser before the
  // last has its turn at 2/15 of them, as in V8.
  uint32_t threshold = 0;
  bool operator==(const JitPolicy&) const = default;
};

// As V8 bounds it: a counter of invocations.
inline constexpr uint32_t kJitThresholdMax = 1'000'000;

// "disabled", "lazy", "eager".
Result<JitPolicy::Mode> ParseJitMode(std::string_view text);
std::string_view JitModeName(JitPolicy::Mode mode);

void ApplyJitPolicy(const JitPolicy& policy);

}  // namespace zts::js
