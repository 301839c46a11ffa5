// How an invocation or a load ended, when it is the tenant's doing: a value, never an exception or a CHECK.
//
// Thread:   a value.
#pragma once

#include <string>
#include <string_view>

namespace zts::js {

enum class OutcomeKind {
  kOk,
  kThrew,          // an exception or rejection nobody caught, or a value that is no Response
  kCpuLimit,       // Limits::cpu_per_request used up
  kWallLimit,      // Limits::wall_per_request passed
  kStartupLimit,   // Limits::startup_cpu used up while loading
  kMemoryLimit,    // Limits::memory_bytes_max reached: the isolate is lost, the process is not
  kSyntax,         // the module does not compile or link
  kNoHandler,      // the module's default export is not callable and has no fetch()
  kRecycled,       // another invocation of the same isolate took it down
  kOverloaded,     // no capacity: the queue was full or waited too long
  kHeadTooLarge,   // the head of the response is beyond what is sent
  kBodyTooLarge,   // so is its body, which is one value
};
inline constexpr int kOutcomeKinds = 12;

// The stable word for x-zts-error, logs and metrics: "exception", "cpu-limit", "memory-limit", ...
std::string_view OutcomeName(OutcomeKind kind);

struct Outcome {
  OutcomeKind kind = OutcomeKind::kOk;
  std::string message;  // one line: "TypeError: x is not a function"
  std::string stack;    // as V8 prints it; may be empty

  // Where the error stands in the source, when V8 knows; line and column count from 1, 0 means unknown.
  std::string file;
  int line = 0;
  int column = 0;
  std::string source_line;

  bool ok() const { return kind == OutcomeKind::kOk; }
};

}  // namespace zts::js
