// The command line of ztsctl: verbs, options, help; decides nothing else.
//
// Thread:   the main thread.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/endpoint.h"

namespace zts::cli {

// Runs one command line (without the program's name) and returns what the shell gets.
ExitCode RunApp(const std::vector<std::string>& arguments, Console& console, const GetEnv& env);

}  // namespace zts::cli
