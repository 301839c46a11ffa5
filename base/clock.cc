#include "base/clock.h"

#include <time.h>

namespace zts {
namespace {

Nanos Read(clockid_t id) {
  timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

Nanos SystemClock::Now() const { return Read(CLOCK_MONOTONIC); }
Nanos SystemClock::WallNow() const { return Read(CLOCK_REALTIME); }
Nanos ThreadCpuNow() { return Read(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace zts
