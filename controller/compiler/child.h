// One compiler process: started, given one job, asked for one answer, gone.
//
// It has three pipes, no other descriptor, no environment, no way to new privileges, and the limits of its Options. It runs what
// tenants wrote, so whatever it says is read with a bound and a deadline.
//
// Owner:    ProcessCompiler's threads.
// Thread:   Start: a thread that outlives the child (PR_SET_PDEATHSIG looks at the thread). Kill: any. All else: one at a time.
// Life:     the destructor kills the whole process group and reaps it.
// Errors:   Start: the system has no room. Everything else is in Exchanged.
// Needs:    Linux 5.9 (close_range).
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace zts::controller {

class CompilerChild {
 public:
  static Result<std::unique_ptr<CompilerChild>> Start(const std::vector<std::string>& command);
  ~CompilerChild();
  CompilerChild(const CompilerChild&) = delete;

  enum class End {
    kAnswered,  // head and body hold the frame
    kExited,    // without an answer: `status` is what waitpid said
    kTimeout,   // killed by us
    kGarbage,   // what it said is no frame: `error`; killed by us
  };
  struct Exchanged {
    End end = End::kExited;
    std::string head;
    std::string body;
    int status = 0;
    std::string stderr_tail;  // its last words
    Error error;
  };
  // Waits for the byte that says the process is ready.
  Exchanged AwaitReady(Nanos timeout);
  // Writes the job and reads the answer.
  Exchanged Exchange(std::string_view job, size_t answer_bytes_max, Nanos timeout);
  // SIGKILL to its group; what waits for it ends.
  void Kill();

 private:
  CompilerChild(pid_t pid, UniqueFd in, UniqueFd out, UniqueFd err)
      : pid_(pid), in_(std::move(in)), out_(std::move(out)), err_(std::move(err)) {}
  int Reap();
  // False when the deadline has passed. Takes in what the child writes to stderr.
  bool Poll(short job_events, Nanos deadline, short* out_events, short* in_events);
  void ReadErrors();
  Exchanged Ended(End end, Error error = {});

  pid_t pid_;
  UniqueFd in_;
  UniqueFd out_;
  UniqueFd err_;
  std::string stderr_tail_;
  std::mutex mutex_;
  std::optional<int> status_;  // once reaped
};

// "exit status 3", "signal 11 (Segmentation fault)".
std::string DescribeStatus(int wait_status);

}  // namespace zts::controller
