#include "worker/supervisor/cpu_budget.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/file.h"

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

// "0::/a/b" is this process's place in the v2 tree, "4:cpu,cpuacct:/a/b" in the v1 tree of the cpu controller.
std::vector<std::string> CgroupFolders() {
  std::vector<std::string> folders;
  auto text = ReadFile("/proc/self/cgroup", 64 * 1024);
  if (!text.ok()) return folders;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    at = end + 1;
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    // A limit of any folder above holds too.
    std::string path = line.substr(second + 1);
    const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (; path.size() > 1; path.resize(path.rfind('/'))) folders.push_back(root + path);
    folders.push_back(root);
  }
  return folders;
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
  for (const std::string& folder : CgroupFolders()) {
    const std::optional<double> quota = QuotaOf(folder);
    if (quota && (!budget.quota || *quota < *budget.quota)) budget.quota = quota;
  }
  return budget;
}

}  // namespace zts::supervisor
