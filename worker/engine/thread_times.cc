#include "worker/engine/thread_times.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/bytes.h"

namespace zts {

ThreadTimes::ThreadTimes() : file_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}

ThreadTimes::Times ThreadTimes::Read() const {
  char text[96];
  const ssize_t size = file_.valid() ? ::pread(file_.get(), text, sizeof(text), 0) : -1;
  if (size <= 0) return {};
  // "ran waited timeslices", the first two in nanoseconds.
  std::string_view rest(text, static_cast<size_t>(size));
  const auto next = [&rest] {
    const size_t end = std::min(rest.find(' '), rest.size());
    const auto number = ParseInteger<int64_t>(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return number.value_or(0);
  };
  const Nanos ran = next();
  const Nanos waited = next();
  return {ran, waited};
}

}  // namespace zts
