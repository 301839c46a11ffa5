// ztsctl up and down: one machine's zts, started and ended.
//
// Thread:   the main thread; Up must run before any other thread exists (it forks with --detach).
#pragma once

#include <string>

#include "cli/commands.h"

namespace zts::cli {

inline constexpr const char* kDefaultHttp = "127.0.0.1:8080";
inline constexpr const char* kAnyPort = "127.0.0.1:0";

struct UpOptions {
  // Empty: the address of the last run, else the default.
  std::string http;
  std::string admin;              // the worker's
  std::string controller_listen;
  std::string controller_admin;
  std::string io = "auto";
  std::string name = "local";
  std::string memory_budget;      // like "2GiB"; empty: the worker's choice
  std::string jit;                // "disabled", "lazy", "eager"; empty: likewise
  unsigned jit_threshold = 0;     // 0: the policy's own
  unsigned threads = 0;           // 0: one a core, as the worker counts them
  bool insecure = false;          // the controller may listen in plain text where others can reach it
  bool detach = false;
};

ExitCode Up(Context& context, const UpOptions& options);
ExitCode Down(Context& context);
// Has the worker's program started anew, with no request lost. Ok once the new one serves.
ExitCode Reload(Context& context);

}  // namespace zts::cli
