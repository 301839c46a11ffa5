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
  std::string name_space;  // as asked for; empty: the default
};

struct DeployOptions {
  std::string file;
  std::string name;  // empty: the file's stem
  std::vector<std::string> env;
  std::vector<std::string> routes;
  std::vector<std::string> allow_net;
  std::vector<std::string> secrets;
  // As typed ("20s", "256MiB"); empty: the platform's default.
  std::string cpu_limit;
  std::string wall_limit;
  std::string startup_limit;
  std::string memory_limit;
  std::string nursery;
  std::string request_garbage;
  std::string wait;
  std::string message;
  std::string canary;  // "10%"; empty: all requests
  std::string sticky;
  bool require_all = false;
  std::string snapshot = "auto";
  std::string jit;        // empty: as the worker does
  std::string jit_threshold;
  std::string isolation;  // "process"; empty or "shared": with all others
};
ExitCode Deploy(Context& context, const DeployOptions& options);

ExitCode List(Context& context);
ExitCode Versions(Context& context, const std::string& function);
// A change of what serves, by versions that are there.
struct ChangeOptions {
  std::string function;
  std::string message;
  std::string wait;
  bool require_all = false;
};
// `to` 0: the version before.
ExitCode Rollback(Context& context, const ChangeOptions& options, uint64_t to);

struct PromoteOptions {
  ChangeOptions change;
  uint64_t version = 0;  // 0: the canary
  std::string weight;    // empty: all requests
  std::string sticky;
  bool automatic = false;
  bool stop = false;
  std::string slo;
  std::string steps = "1,5,25,50,100";
  std::string step_time = "30s";
  double factor = 0;
  uint64_t min_requests = 0;
};
ExitCode Promote(Context& context, const PromoteOptions& options);

struct EditOptions {
  ChangeOptions change;
  std::string action = "list";
  std::vector<std::string> values;
};
ExitCode Env(Context& context, const EditOptions& options);
ExitCode Routes(Context& context, const EditOptions& options);

// Who makes a change: ZTS_AUTHOR, else user and host.
std::string AuthorOf(const GetEnv& env);

ExitCode Delete(Context& context, const std::string& function);
ExitCode Workers(Context& context);

struct TopOptions {
  bool once = false;
  std::string interval;  // as typed; empty: two seconds
};
ExitCode Top(Context& context, const TopOptions& options);
struct InspectOptions {
  std::string function;
  bool jit = false;
  std::string watch;  // as typed; empty: two seconds
};
ExitCode Inspect(Context& context, const InspectOptions& options);
// `inspect --jit`.
ExitCode InspectJit(Context& context, const InspectOptions& options);

struct LogsOptions {
  std::string function;  // empty: all
  bool follow = false;
  uint32_t lines = 100;  // of what the controller still holds
  std::string level_min;  // empty: all
  uint64_t version = 0;   // 0: all
  std::string request_id;
};
ExitCode Logs(Context& context, const LogsOptions& options);
// What is known of one request: why it was slow, what it logged, how it failed.
ExitCode Why(Context& context, const std::string& request_id);

// The failure of a call as users see it.
Failure FailureOf(const Error& error, const std::string& data_dir);
// A wrong command line.
Failure UsageFailure(const std::string& message, const std::string& verb);

}  // namespace zts::cli
