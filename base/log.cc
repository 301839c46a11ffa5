#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>

namespace zts {
namespace {

constexpr size_t kLineBytesMax = 4096;

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::string_view g_process = "zts";

char Letter(LogLevel level) { return "DIWE"[static_cast<int>(level)]; }

}  // namespace

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
void SetLogProcess(std::string_view name) { g_process = name; }
bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

LogLine::~LogLine() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc;
  gmtime_r(&now.tv_sec, &utc);
  char stamp[64];
  const size_t length = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  char line[kLineBytesMax];
  const std::string text = text_.str();
  int bytes = snprintf(line, sizeof line, "%c %.*s.%03ldZ %.*s: %s", Letter(level_), static_cast<int>(length), stamp,
                       now.tv_nsec / 1'000'000, static_cast<int>(g_process.size()), g_process.data(), text.c_str());
  if (bytes >= static_cast<int>(sizeof line) - 1) bytes = sizeof line - 2;
  for (int i = 0; i < bytes; ++i) {
    // A newline inside a message would forge a second record.
    if (line[i] == '\n' || line[i] == '\r') line[i] = ' ';
  }
  line[bytes] = '\n';
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line, bytes + 1);
}

}  // namespace zts
