// Counts the pages of Wasm memories against the memory limit of the function they belong to.
//
// V8 does not ask the allocator of ArrayBuffers for them: it reserves gigabytes of addresses from the kernel for each memory, so that
// bounds checks are the processor's, and makes pages usable as it grows. Nothing of its API sees that. So the host binary's calls of mmap,
// mprotect and munmap come here first (import_hook): a reservation of kReservationBytesMin without access, made while an isolate of
// ours is entered, is a Wasm memory of that isolate; what is made usable in it is taken from its quota first. At the limit the kernel seems
// to have no memory: `memory.grow` answers -1, `new WebAssembly.Memory` throws a RangeError, after V8 has collected and tried again.
//
// Addresses are 128 TiB a process, and a memory takes eight gigabytes of them: that is limited too (PageQuota::Reserve).
//
// Owner:    the process; Install is called by Host::Start.
// Thread:   any. All other calls of the three functions pass after one look at their size; while a Wasm memory exists, an mprotect takes
//           a lock.
// Errors:   Install fails where the host binary does not call as expected, or has no trap handler for Wasm: then nothing is counted, and
//           functions are not to have WebAssembly.
// Needs:    Linux; V8 with guard regions around Wasm memories.
#pragma once

#include <cstddef>
#include <memory>

#include "base/result.h"

namespace zts::js {

// Far more than V8's heap, its code or a resizable buffer reserves at once, and the least that a guarded Wasm memory does.
inline constexpr size_t kReservationBytesMin = size_t{8} << 30;

class PageQuota {
 public:
  virtual ~PageQuota() = default;
  // False: the limit is reached, and nothing is taken.
  virtual bool Take(size_t bytes) = 0;
  virtual void GiveBack(size_t bytes) = 0;
  // The same for addresses.
  virtual bool Reserve(size_t bytes) = 0;
  virtual void Unreserve(size_t bytes) = 0;
};

// The quota of what runs on the calling thread; null outside a function.
using FindQuota = std::shared_ptr<PageQuota> (*)();

class WasmPages {
 public:
  // Once a process, with the host's own isolate entered; later calls have the first one's result.
  static Status Install(FindQuota find_quota);
  static bool installed();
};

}  // namespace zts::js
