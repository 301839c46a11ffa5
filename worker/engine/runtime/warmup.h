// Makes isolates and evaluates modules on a thread of its own, so that a cold function never holds a serving core.
//
// Keeps empty isolates at hand, as many as spare_stock.h says; a cold start takes one and loads it, or makes one from the function's own
// snapshot. The thread's work in order: loads that a request waits for, preparations, disposals, restocking. Preparations leave half of the
// spares to requests.
//
// Owner:    the engine's main, exactly one a process.
// Thread:   Load, Dispose, spares: any. The callback runs on the warm-up thread (or in Stop's caller); the pool's posts to its shard.
// Life:     outlived by the factory, the watchdog and the budget; Stop (or the destructor) finishes the load under way and drops the rest
//           with kOverloaded. Every isolate it was given is destroyed by then.
// Limits:   kSpareIsolates, kSpareIsolatesMax; Limits::startup_cpu a load, by the watchdog.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "jsruntime/isolate.h"
#include "worker/ipc/shared_counters.h"

namespace zts::runtime {

class MemoryBudget;
class Watchdog;

struct Loaded {
  std::unique_ptr<js::Isolate> isolate;  // null when report.outcome is not ok
  js::LoadReport report;
  ipc::ColdKind kind = ipc::ColdKind::kFreshSource;
  Nanos waited = 0;        // from Load to the thread's turn
  Nanos isolate_time = 0;  // making the isolate, its context and what it reads of an artifact left out; 0 with a spare
  Nanos context_time = 0;  // making its context; 0 with a spare
  Nanos ended_at = 0;      // when it was ready to be handed over
};

class Warmup {
 public:
  // kManual: no thread, the work is done inside RunPending by its caller; for simulation, where one thread does all.
  enum class Mode : uint8_t { kThread, kManual };
  // The clock serves the figures in Loaded; null: the system's. What is learned is part of the budget; null: there is none.
  Warmup(js::IsolateFactory* factory, Watchdog* watchdog, const Clock* clock = nullptr, Mode mode = Mode::kThread,
         MemoryBudget* budget = nullptr);
  ~Warmup();

  // Requests somebody waits for go first, preparations after them.
  enum class Urgency : uint8_t { kRequest, kPrepare };
  // `version_id` is what the watchdog names should the module never come back.
  void Load(js::ScriptPtr script, uint64_t version_id, Urgency urgency, std::function<void(Loaded)> done);
  // A request waits for this version after all: its preparation goes ahead of the others.
  void Hurry(uint64_t version_id);
  // Disposing an isolate takes a fraction of a millisecond: given here, it happens off the serving core. `client` is what the isolate
  // was attached to: it goes after it, since V8 may still post tasks for an isolate that nobody uses any more. `requests`: that it has
  // answered, and the next isolate of its script may learn from (learned_code.h); 0: nothing is to be learned.
  // REQUIRES where it is not 0: usable, nothing in flight.
  void Dispose(std::unique_ptr<js::Isolate> isolate, std::unique_ptr<js::IsolateClient> client, uint64_t requests = 0);

  // Blocks until all spares are there; for start-up.
  void WaitUntilStocked();
  size_t spares() const;
  // Of code caches that were learned.
  size_t learned_bytes() const;
  void Stop();
  // REQUIRES: kManual. Until nothing is left to do; the number of pieces of work done.
  size_t RunPending();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zts::runtime
