#include "worker/supervisor/cpu_budget.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/file.h"
#include "worker/supervisor/cgroup.h"

namespace zts::supervisor {
namespace {

std::vector<uint32_t> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<uint32_t> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::optional<double> QuotaOf(const std::string& folder) {
  if (auto text = ReadFile(folder + "/cpu.max", 128); text.ok()) return ParseCpuMax(*text);
  // cgroup v1 has the two numbers apart.
  auto quota = ReadFile(folder + "/cpu.cfs_quota_us", 64);
  auto period = ReadFile(folder + "/cpu.cfs_period_us", 64);
  if (!quota.ok() || !period.ok() || quota->starts_with("-")) return std::nullopt;
  while (!quota->empty() && quota->back() == '\n') quota->pop_back();
  return ParseCpuMax(*quota + " " + *period);
}

}  // namespace

std::optional<double> ParseCpuMax(std::string_view text) {
  long long quota = 0, period = 0;
  if (std::sscanf(std::string(text).c_str(), "%lld %lld", &quota, &period) != 2) return std::nullopt;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

uint32_t CpuBudget::Shards() const {
  uint32_t shards = std::max<uint32_t>(1, static_cast<uint32_t>(cpus.size()));
  if (quota) shards = std::min(shards, std::max<uint32_t>(1, static_cast<uint32_t>(*quota)));
  return shards;
}

CpuBudget ReadCpuBudget() {
  CpuBudget budget;
  budget.cpus = AllowedCpus();
  for (const std::string& folder : CgroupFolders("cpu")) {
    const std::optional<double> quota = QuotaOf(folder);
    if (quota && (!budget.quota || *quota < *budget.quota)) budget.quota = quota;
  }
  return budget;
}

}  // namespace zts::supervisor
