#include "worker/engine/core_split.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace zts {

CoreSplit SplitCores(const std::vector<uint32_t>& allowed, const std::vector<uint32_t>& pinned, ThreadCounts threads, uint32_t turn) {
  CoreSplit split;
  if (!pinned.empty()) {
    for (const uint32_t core : allowed) {
      if (std::find(pinned.begin(), pinned.end(), core) == pinned.end()) split.offloads.push_back(core);
    }
    return split;
  }
  if (threads.shards == 0 || allowed.size() <= threads.shards) return split;
  const size_t count = std::min<size_t>(threads.offloads, allowed.size() - threads.shards);
  const size_t first = turn % allowed.size();
  for (size_t i = 0; i < allowed.size(); ++i) {
    (i < count ? split.offloads : split.shards).push_back(allowed[(first + i) % allowed.size()]);
  }
  return split;
}

std::vector<uint32_t> AllowedCores() {
  std::vector<uint32_t> cores;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (uint32_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

void BindTo(const std::vector<uint32_t>& cores) { BindThread(::gettid(), cores); }

void BindThread(pid_t thread, const std::vector<uint32_t>& cores) {
  if (cores.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const uint32_t core : cores) {
    if (core < CPU_SETSIZE) CPU_SET(core, &set);
  }
  if (::sched_setaffinity(thread, sizeof(set), &set) != 0 && errno != ESRCH) {
    ZTS_LOG(kWarning) << "cannot bind a thread to its cores: " << std::strerror(errno);
  }
}

}  // namespace zts
