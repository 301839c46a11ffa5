// An engine's part of the shared counters, read and mended after its death.
//
// Owner:    EngineHost, one.
// Thread:   the host's, while no engine writes.
// Life:     counters and rows outlive it.
#pragma once

#include <cstdint>

#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/function_spec.h"

namespace zts::supervisor {

class EngineCounters {
 public:
  // Its blocks: `count` of them from `first` on.
  EngineCounters(const ipc::SharedCounters* counters, CounterRows* rows, uint32_t first, uint32_t count)
      : counters_(counters), rows_(rows), first_(first), end_(first + count) {}

  // The only version that had requests in flight; 0: there was none, or several, or one of two that divide their function's requests.
  uint64_t OnlyRunning(const CatalogSpec& catalog) const;
  // What was a level in the dead engine is nothing in the next one; what was counted stays.
  void ResetGauges() const;

 private:
  bool Running(uint32_t row) const;

  const ipc::SharedCounters* const counters_;
  CounterRows* const rows_;
  const uint32_t first_;
  const uint32_t end_;
};

}  // namespace zts::supervisor
