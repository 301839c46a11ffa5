// The process's own log: one line a record on stderr, for the people who run it.
//
//   ZTS_LOG(kInfo) << "serving on " << address;
//
// A line is written with one write(2), so that lines of several threads do not mix. Not for the request path, and not for
// what tenants print: that goes to the controller as records.
//
// Thread:   any.
// Limits:   a line is cut at 4 KiB, the size that pipes write at once.
#pragma once

#include <sstream>
#include <string_view>

namespace zts {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below this level are dropped; kInfo at the start. Set once, in main().
void SetLogLevel(LogLevel level);
// Shown on each line, e.g. "worker"; set once, in main(). The text must outlive the process's logging.
void SetLogProcess(std::string_view name);
bool LogEnabled(LogLevel level);

class LogLine {
 public:
  explicit LogLine(LogLevel level) : level_(level) {}
  ~LogLine();
  LogLine(const LogLine&) = delete;
  template <typename T>
  LogLine& operator<<(const T& value) {
    text_ << value;
    return *this;
  }

 private:
  LogLevel level_;
  std::ostringstream text_;
};

}  // namespace zts

#define ZTS_LOG(level)                                  \
  if (!::zts::LogEnabled(::zts::LogLevel::level)) {     \
  } else                                                \
    ::zts::LogLine(::zts::LogLevel::level)
