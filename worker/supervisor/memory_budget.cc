#include "worker/supervisor/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "base/file.h"
#include "worker/supervisor/cgroup.h"

namespace zts::supervisor {

uint64_t ReadMemoryLimit() {
  uint64_t limit = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const std::string& folder : CgroupFolders("memory")) {
    for (const char* file : {"/memory.max", "/memory.limit_in_bytes"}) {
      const auto text = ReadFile(folder + file, 64);
      if (!text.ok()) continue;
      if (const auto max = ParseMemoryMax(*text)) limit = std::min(limit, *max);
    }
  }
  return limit;
}

uint64_t DefaultMemoryBudget(uint64_t limit) { return std::max(limit / 5 * kMemoryBudgetFifths, kMemoryBudgetMin); }

std::optional<uint64_t> ParseMemoryMax(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return ParseInteger<uint64_t>(text);
}

}  // namespace zts::supervisor
