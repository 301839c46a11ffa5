// Processes that outlive a function call: started, recognised again later, ended politely.
//
// A pid alone may name a stranger after a while; together with its start time it names one process for as long as the
// machine is up.
//
// Thread:   Spawn: the main thread, which the child is tied to. The others: any.
// Errors:   Spawn names the program and why it did not start.
// Needs:    Linux 5.3 (pidfd_open).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace zts::cli {

struct ProcessId {
  pid_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot, as /proc says
  bool operator==(const ProcessId&) const = default;
};

// None when there is no such process, or it has ended and only waits to be reaped.
std::optional<ProcessId> Identify(pid_t pid);
bool IsRunning(const ProcessId& process);

// Starts a program in a process group of its own (Ctrl-C is for us), with its output appended to a file. It gets
// SIGTERM when this process dies, so that nothing is left behind.
Result<pid_t> Spawn(const std::vector<std::string>& argv, const std::string& log_path);

// Sends a signal if it still is that process.
void Signal(const ProcessId& process, int signal);
// Waits for the end of a process that need not be a child; false when it still runs after `patience`.
bool WaitForEnd(const ProcessId& process, Nanos patience);

}  // namespace zts::cli
