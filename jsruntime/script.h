// One version of a function as the runtime sees it: source, code cache, environment, limits. Immutable.
//
// A Script is shared by all shards and the warm-up thread of an engine; each makes its own Isolate from it.
//
// Owner:    shared (ScriptPtr): the catalog, isolates, and whoever holds one during a swap.
// Thread:   any, after construction.
// Life:     `storage` keeps the bytes behind `source`, `code_cache` and `function_snapshot` alive (a mapped sealed memfd).
// Limits:   sizes are checked where a bundle enters (controller), not here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace zts::js {

// Where V8's own growth of a nursery ends: it stays in the processor's cache, and its pauses are short (bench/README.md).
inline constexpr size_t kNurseryBytesDefault = size_t{2} << 20;
// A nursery holds the garbage of so many requests where a function says how much that is, and is not smaller than V8's own for that. V8
// itself asks for a collection between two at 80%, when one more fits.
inline constexpr size_t kNurseryRequests = 5;

// What one function version may use. The defaults are those of a deploy that says nothing.
struct Limits {
  Nanos cpu_per_request = 500 * kMillisecond;  // thread CPU time inside JavaScript
  Nanos wall_per_request = 30 * kSecond;       // from dispatch to response
  Nanos startup_cpu = 2 * kSecond;             // compiling and evaluating the module
  size_t memory_bytes_max = size_t{128} << 20; // V8 heap plus ArrayBuffers
  // V8's young generation: one of its two halves, which is kept at this size. Part of memory_bytes_max as far as it is used. 0: as
  // request_garbage_bytes asks for, or V8 lets it grow up to kNurseryBytesDefault and shrinks it again.
  size_t nursery_bytes = 0;
  // What a request usually allocates: the nursery is collected between requests as soon as it would not hold another one. 0: not said.
  size_t request_garbage_bytes = 0;
  // Outgoing requests of one invocation: in all, so that a loop ends, and under way, each of which may hold two windows
  // (kFetchWindowBytes) of memory here and in the egress process.
  uint32_t subrequests_max = 200;
  uint32_t subrequests_at_once = 50;
};

// What its isolates are made with, as IsolateOptions has it.
constexpr size_t NurseryBytesOf(const Limits& limits) {
  if (limits.nursery_bytes > 0 || limits.request_garbage_bytes == 0) return limits.nursery_bytes;
  return std::max(kNurseryRequests * limits.request_garbage_bytes, kNurseryBytesDefault);
}

struct Script {
  std::string function;     // "hello"
  std::string version;      // "v3"; unique within the function
  std::string main_module;  // "hello.js": what stack traces name
  std::string_view source;  // one ES module, UTF-8
  Bytes code_cache;         // of exactly this source; may be empty, may be rejected
  Bytes function_snapshot;  // of exactly this source and main_module (function_snapshot.h); may be empty, may be of another build
  std::vector<std::pair<std::string, std::string>> env;
  Limits limits;
  std::shared_ptr<const void> storage;
};

using ScriptPtr = std::shared_ptr<const Script>;

}  // namespace zts::js
