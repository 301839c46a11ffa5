// The command line that starts one of our addons in the host binary.
//
//   HostCommand("engine.node", {"--io=uring"})  ->  <zts-host> <flags of v8_flags.txt> <path of engine.node> --io=uring
//
// Thread:   any.
// Errors:   a part of the installation is missing; the message names it and where it was looked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zts::js {

// `addon` is a file name that FindInstalled knows, or a path with a slash. The whole argv; argv[0] is the program to execute.
// The child's environment must be free of HostEnvironmentToDrop().
Result<std::vector<std::string>> HostCommand(std::string_view addon, std::vector<std::string> args);

// Variables that would change the host's flags, and with them the keys of snapshots and code caches.
std::vector<std::string> HostEnvironmentToDrop();

// The flags in v8_flags.txt's text: one a line, '#' starts a comment line.
std::vector<std::string> ParseV8Flags(std::string_view text);

}  // namespace zts::js
