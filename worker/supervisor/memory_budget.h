// How much memory functions' isolates may take on this machine when nobody has said: part of what the cgroup, or the machine, has.
//
// Thread:   any.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace zts::supervisor {

// Three fifths: the rest is for what an isolate costs beside its heap, buffers, the processes themselves and the page cache.
inline constexpr uint64_t kMemoryBudgetFifths = 3;
// Below this not even a few functions would stay warm.
inline constexpr uint64_t kMemoryBudgetMin = uint64_t{64} << 20;

// What this process may use: the least of the limits of its cgroups and the machine's memory.
uint64_t ReadMemoryLimit();
uint64_t DefaultMemoryBudget(uint64_t limit);

// Of memory.max (cgroup v2) or memory.limit_in_bytes (v1); none when unlimited or not understood.
std::optional<uint64_t> ParseMemoryMax(std::string_view text);

}  // namespace zts::supervisor
