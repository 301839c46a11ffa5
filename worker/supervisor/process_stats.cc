#include "worker/supervisor/process_stats.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "base/file.h"

namespace zts::supervisor {
namespace {

double TicksToSeconds(uint64_t ticks) { return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)); }

double Seconds(const timespec& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9; }
double Seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

double BootSeconds() {
  timespec wall{}, since_boot{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return Seconds(wall) - Seconds(since_boot);
}

}  // namespace

std::optional<StatFields> ParseProcStat(std::string_view text) {
  // The name ends at the last parenthesis; the state is the third field.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::string rest(text.substr(name_end + 1));
  unsigned long long user = 0, system = 0, start = 0;
  long long pages = 0;
  const int fields = std::sscanf(rest.c_str(),
                                 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %*u %lld",
                                 &user, &system, &start, &pages);
  if (fields != 4) return std::nullopt;
  return StatFields{user, system, start, pages};
}

std::optional<ProcessStats> ReadProcessStats(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  auto text = ReadFile(folder + "/stat", 4096);
  if (!text.ok()) return std::nullopt;
  const auto fields = ParseProcStat(*text);
  if (!fields) return std::nullopt;
  ProcessStats stats;
  stats.cpu_seconds = TicksToSeconds(fields->user_ticks + fields->system_ticks);
  stats.resident_bytes = static_cast<uint64_t>(fields->resident_pages) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  stats.start_seconds = BootSeconds() + TicksToSeconds(fields->start_ticks);
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(folder + "/fd", error); !error && it != end(it); it.increment(error)) {
    ++stats.open_fds;
  }
  return stats;
}

double EndedChildrenCpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

}  // namespace zts::supervisor
