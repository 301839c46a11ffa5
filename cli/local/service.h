// One process of ours that is to run for as long as zts is up: started, watched, started again with a growing pause
// when it dies.
//
// Owner:    Monitor, one a process kind, and one for each worker that another has replaced and that still drains.
// Thread:   the main thread.
// Limits:   kRestartPauseMax between restarts.
// Errors:   a program that cannot be started counts as one that died at once.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/local/process.h"

namespace zts::cli {

inline constexpr Nanos kRestartPauseFirst = 100 * kMillisecond;
inline constexpr Nanos kRestartPauseMax = 5 * kSecond;
// Having run this long, a death is a new story and not the last one going on.
inline constexpr Nanos kStableAfter = 10 * kSecond;

class Service {
 public:
  struct Options {
    std::string name;        // "controller"
    std::string ready_file;  // appears when it serves
    std::string log_file;
  };
  Service(Options options, const Clock& clock) : options_(std::move(options)), clock_(&clock) {}

  // Starts the program; the ready file of an earlier run is removed first.
  Status Start(const std::vector<std::string>& argv);

  // Looks whether it has ended. If so: how, in words ("ended by signal 9"), and the restart is due at restart_at().
  std::optional<std::string> Reap();
  // What the ready file says, once, when it has appeared and is of this process.
  std::optional<nlohmann::json> TakeReady();

  // SIGTERM, then SIGKILL after `patience` or when `hurry` says so. Returns whether it had to be killed.
  bool Stop(Nanos patience, const std::function<bool()>& hurry);

  bool running() const { return process_.pid > 0; }
  bool ready() const { return ready_; }
  Nanos restart_at() const { return restart_at_; }
  const ProcessId& process() const { return process_; }
  const std::string& name() const { return options_.name; }
  const std::string& log_file() const { return options_.log_file; }

 private:
  void Ended();

  Options options_;
  const Clock* clock_;
  ProcessId process_;
  bool ready_ = false;
  Nanos started_at_ = 0;
  Nanos restart_at_ = 0;
  Nanos pause_ = kRestartPauseFirst;
};

}  // namespace zts::cli
