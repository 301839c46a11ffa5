// Code caches that an engine makes itself: what the requests of a version have run, for its next isolates.
//
// The compiler has seen a module load and no request, so what the first request calls is compiled in each cold start. An isolate that has
// answered a few, and is given up, leaves a cache with those functions in it. It is learned again from an isolate that has seen ten times
// as much; one that is no larger than what is there is dropped: V8 throws code away that has not run for long.
//
// A code cache is trusted by V8, and this one comes from a process that runs tenants' code: so it stays in that process, and an engine that
// starts again learns anew.
//
// Owner:    Warmup.
// Thread:   the one that loads and disposes; bytes(): any.
// Life:     the budget outlives it. What was learned goes with the last owner of the script, when somebody looks: Sweep.
// Limits:   kLearnedCodeBytesMax in all, within it kLearnedCodeShare of the memory budget; the oldest goes first. kLearnedSourceBytesMax.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "jsruntime/script.h"
#include "worker/engine/runtime/memory_budget.h"

namespace zts::runtime {

class LearnedCode {
 public:
  // Null: no budget beside the limit of its own.
  explicit LearnedCode(MemoryBudget* budget) : budget_(budget), memory_(budget) {}

  // Empty: there is none. Valid until the next call that is not const.
  Bytes Find(const js::ScriptPtr& script) const;
  // Whether an isolate that has answered so many requests knows more than is known here.
  bool Wants(const js::ScriptPtr& script, uint64_t requests) const;
  // `code`: what such an isolate's MakeCodeCache has made.
  void Add(const js::ScriptPtr& script, uint64_t requests, std::string code);
  // Forgets what belongs to scripts that are gone.
  void Sweep();

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  using Key = std::weak_ptr<const js::Script>;
  struct Entry {
    std::string code;       // may be empty: there was nothing to learn
    uint64_t requests = 0;  // that the isolate had answered
    uint64_t serial = 0;    // the order in which they were learned
  };
  using Entries = std::map<Key, Entry, std::owner_less<Key>>;

  size_t bytes_max() const;
  void MakeRoom(size_t bytes);
  void SetCode(Entry* entry, std::string code);

  MemoryBudget* const budget_;
  MemoryBudget::Part memory_;
  Entries entries_;
  uint64_t learned_ = 0;
  std::atomic<size_t> bytes_{0};
};

}  // namespace zts::runtime
