// How many shards this machine has cores for: what the process may run on, and what its cgroup lets it use.
//
// Thread:   any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zts::supervisor {

struct CpuBudget {
  std::vector<uint32_t> cpus;   // the ones this process may run on
  std::optional<double> quota;  // cores' worth of time, where the cgroup limits it

  // At least 1. A quota is rounded down: a shard too many is throttled in mid-request.
  uint32_t Shards() const;
};

CpuBudget ReadCpuBudget();

// Of cgroup v2's cpu.max, "QUOTA PERIOD" or "max PERIOD"; none when unlimited or not understood.
std::optional<double> ParseCpuMax(std::string_view text);

}  // namespace zts::supervisor
