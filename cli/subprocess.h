// Runs a tool to its end and takes what it wrote.
//
// Thread:   blocks the calling one. Safe while other threads run: the child only execs.
// Limits:   the caller's: bytes of output, time. Beyond either the tool is killed.
// Errors:   RunTool fails when the tool cannot be started, is killed for a limit, or dies by a signal. A non-zero exit
// is a Finished.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace zts::cli {

struct RunLimits {
  size_t output_bytes_max;
  Nanos time_max;
};

struct Finished {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// `argv[0]` is a path. Standard input is empty.
Result<Finished> RunTool(const std::vector<std::string>& argv, RunLimits limits);

// The absolute path of a program on $PATH.
Result<std::string> FindOnPath(std::string_view program);

}  // namespace zts::cli
