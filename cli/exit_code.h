// What ztsctl tells the shell. Documented in docs/cli.md and `ztsctl --help`; the numbers are an interface and never
// change.
//
// Thread:   constants.
#pragma once

#include "base/result.h"

namespace zts::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,         // the operation was understood and did not succeed
  kUsage = 2,          // the command line is wrong; nothing was tried
  kBundle = 3,         // the bundle or its settings were refused: change them and deploy again
  kUnreachable = 4,    // no controller answers
  kDenied = 5,         // the controller does not accept the token
  kNotLive = 6,        // the version is stored, but not every worker serves it (or none is connected)
  kInterrupted = 130,  // as a shell has it for Ctrl-C
};

// What a failed call to the controller means for the shell.
inline ExitCode ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
      return ExitCode::kUnreachable;
    case ErrorCode::kDenied:
      return ExitCode::kDenied;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace zts::cli
