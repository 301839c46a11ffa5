// What the kernel knows of a process: CPU time, memory, descriptors.
//
// Thread:   any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace zts::supervisor {

struct ProcessStats {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t open_fds = 0;
  double start_seconds = 0;  // since 1970
};

// None when the process is gone.
std::optional<ProcessStats> ReadProcessStats(pid_t pid);
// CPU time of all children that have ended and were waited for.
double EndedChildrenCpuSeconds();

// The fields of /proc/PID/stat that ReadProcessStats needs; the program's name in it may contain anything.
struct StatFields {
  uint64_t user_ticks = 0, system_ticks = 0, start_ticks = 0;
  int64_t resident_pages = 0;
};
std::optional<StatFields> ParseProcStat(std::string_view text);

}  // namespace zts::supervisor
