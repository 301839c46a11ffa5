// Makes isolates and evaluates modules on a thread of its own, so that a cold function never holds a serving core.
//
// Keeps kSpareIsolates empty isolates at hand; a cold start takes one and loads it.
//
// Owner:    the engine's main, exactly one a process.
// Thread:   Load: any. The callback runs on the warm-up thread; the pool's callback posts to its shard.
// Life:     outlived by the factory; Stop (or the destructor) finishes the load under way and drops the rest with kOverloaded.
// Limits:   kSpareIsolates.
#pragma once

#include <functional>
#include <memory>

#include "jsruntime/isolate.h"
#include "worker/ipc/shared_counters.h"

namespace zts::runtime {

class Watchdog;

struct Loaded {
  std::unique_ptr<js::Isolate> isolate;  // null when report.outcome is not ok
  js::LoadReport report;
  ipc::ColdKind kind = ipc::ColdKind::kFreshSource;
  Nanos waited = 0;        // from Load to the thread's turn
  Nanos isolate_time = 0;  // making the isolate; 0 with a spare
};

class Warmup {
 public:
  Warmup(js::IsolateFactory* factory, Watchdog* watchdog);
  ~Warmup();

  // Requests somebody waits for go first, preparations after them.
  enum class Urgency : uint8_t { kRequest, kPrepare };
  void Load(js::ScriptPtr script, Urgency urgency, std::function<void(Loaded)> done);
  // Disposing an isolate takes a fraction of a millisecond: given here, it happens off the serving core.
  void Dispose(std::unique_ptr<js::Isolate> isolate);

  // Blocks until all spares are there; for start-up.
  void WaitUntilStocked();
  size_t spares() const;
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zts::runtime
