// A child process that has nothing of ours but what it is given: standard streams, one descriptor, a short environment.
//
// It is in its own process group, cannot gain privileges, is the kernel's first choice when memory runs out, and dies with the
// thread that started it.
//
// Owner:    whoever started it.
// Thread:   Start: a thread that lives as long as the child may (PR_SET_PDEATHSIG looks at the thread). Wait: one at a time.
//           Kill: any, also during Wait.
// Life:     the destructor kills and reaps a child that still runs.
// Errors:   Start fails when the program cannot be executed, and says why.
// Needs:    Linux 5.11 (pidfd, close_range).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace zts::supervisor {

struct ExitStatus {
  bool signaled = false;
  int code = 0;  // exit status, or signal number

  // "exit status 3", "signal 9 (SIGKILL)".
  std::string ToString() const;
};

class ChildProcess {
 public:
  // The descriptor number under which a child finds what it was given.
  static constexpr int kGivenFd = 3;

  struct Options {
    std::vector<std::string> command;      // argv; [0] is a path
    std::vector<std::string> environment;  // "NAME=value"
    UniqueFd given;                        // becomes kGivenFd
  };
  static Result<ChildProcess> Start(Options options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // SIGKILL; harmless when it is gone.
  void Kill();
  // Waits until it has exited or the time passes (kTimeout); reaps it.
  Result<ExitStatus> Wait(int timeout_ms);

 private:
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  UniqueFd pidfd_;  // stays open after the reaping, so that Kill can never meet a stranger; invalid: moved from
  bool reaped_ = false;
};

}  // namespace zts::supervisor
