// How an engine ended: the cause, and the sentence for whoever looks.
//
// Thread:   values and pure functions.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/supervisor/child_process.h"

namespace zts::supervisor {

// Why an engine had to be started again.
enum class DeathCause : uint8_t {
  kFatal,         // it said so itself: a V8 fatal, a turn that would not stop
  kCrashed,       // a signal that a program brings upon itself
  kKilled,        // SIGKILL, SIGTERM: from outside, or the kernel for want of memory
  kExited,        // by itself, without a word
  kUnresponsive,  // it missed a deadline, or spoke nonsense
  kNotStarted,    // it could not be executed
};
inline constexpr int kDeathCauses = 6;
std::string_view DeathCauseName(DeathCause cause);

// An engine as log lines call it: "engine 12", "engine 12 (jit=disabled)"; `of` is the class's name, empty for the default one.
std::string EngineTitle(pid_t pid, std::string_view of);

// What is known of a death.
struct Death {
  pid_t pid = 0;
  std::string of;            // the class's name; empty: the default one
  ExitStatus exit;
  std::string unresponsive;  // why it was ended; empty: it was not
  std::string fatal;         // its own last words; empty: none
  std::string in;            // the version that was running, as people call it; empty: unknown

  DeathCause Cause() const;
  std::string Sentence() const;
};

}  // namespace zts::supervisor
