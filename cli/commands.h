// The verbs that talk to a controller: one function each. Options in, output on the console, exit code back.
//
// Thread:   one; each blocks until it is done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/endpoint.h"

namespace zts::cli {

// What every verb needs.
struct Context {
  Console& console;
  GetEnv env;
  std::string data_dir_flag;
};

struct DeployOptions {
  std::string file;
  std::string name;  // empty: the file's stem
  std::vector<std::string> env;
  std::vector<std::string> routes;
  std::vector<std::string> allow_net;
  // As typed ("20s", "256MiB"); empty: the platform's default.
  std::string cpu_limit;
  std::string wall_limit;
  std::string startup_limit;
  std::string memory_limit;
  std::string wait;
};
ExitCode Deploy(Context& context, const DeployOptions& options);

ExitCode List(Context& context);
ExitCode Versions(Context& context, const std::string& function);
ExitCode Delete(Context& context, const std::string& function);
ExitCode Workers(Context& context);

struct TopOptions {
  bool once = false;
  std::string interval;  // as typed; empty: two seconds
};
ExitCode Top(Context& context, const TopOptions& options);
ExitCode Inspect(Context& context, const std::string& function);

struct LogsOptions {
  std::string function;  // empty: all
  bool follow = false;
  uint32_t lines = 100;  // of what the controller still holds
};
ExitCode Logs(Context& context, const LogsOptions& options);

// The failure of a call as users see it.
Failure FailureOf(const Error& error, const std::string& data_dir);
// A wrong command line.
Failure UsageFailure(const std::string& message, const std::string& verb);

}  // namespace zts::cli
