// How long a thread has run, and how long it has been ready to run while its core ran something else (/proc/thread-self/schedstat). What a
// hypervisor takes is in neither. The kernel brings the first up to date at its ticks.
//
// Owner:    whoever asks for the times of the thread that it was made on.
// Thread:   made on the thread it is of; Read: any, also when that thread has ended (then: nothing).
// Errors:   where the kernel keeps no such figures, all of them are 0.
#pragma once

#include "base/clock.h"
#include "base/unique_fd.h"

namespace zts {

class ThreadTimes {
 public:
  // Before the sandbox: a file is opened.
  ThreadTimes();

  struct Times {
    Nanos ran = 0;
    Nanos waited = 0;
    Nanos busy() const { return ran + waited; }
  };
  // Since the thread began.
  Times Read() const;

 private:
  UniqueFd file_;
};

}  // namespace zts
