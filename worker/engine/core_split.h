// Which cores shards and offload threads use, where there are more than shards: not the same ones. V8's helpers are with the latter.
//
// On a core that both use, the kernel wakes a shard where the offload thread that posted to it is running, and lets it wait for a tick.
// A shard is not bound to one core for that: it keeps all but those that offload threads get.
//
// Thread:   any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace zts {

struct CoreSplit {
  // Empty: no bound.
  std::vector<uint32_t> shards;
  std::vector<uint32_t> offloads;
};

// Of the cores that are allowed. `pinned` are those that shards have for themselves, if any. Engines with different `turn`s (their process
// ids) do not all choose the same ones.
struct ThreadCounts {
  uint32_t shards = 0;
  uint32_t offloads = 0;  // at most
};
CoreSplit SplitCores(const std::vector<uint32_t>& allowed, const std::vector<uint32_t>& pinned, ThreadCounts threads, uint32_t turn);

// What the calling thread may run on.
std::vector<uint32_t> AllowedCores();
// Bounds the calling thread; nothing happens with none. A core that is not ours to have is a warning: it is no reason not to serve.
void BindTo(const std::vector<uint32_t>& cores);
// Another thread of this process, or one that has ended.
void BindThread(pid_t thread, const std::vector<uint32_t>& cores);

}  // namespace zts
