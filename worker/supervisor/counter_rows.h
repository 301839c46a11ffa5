// Which row of the shared counters belongs to which function.
//
// A function keeps its row while the worker lives, over versions and engines. The row of a deleted function rests, so that a late
// request of it is not counted for another; then it is zeroed and given away. Beyond the table all share row 0, "_other".
//
// Owner:    main(), one.
// Thread:   any.
// Life:     the counters outlive it.
// Limits:   kCounterRows.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "worker/ipc/shared_counters.h"

namespace zts::supervisor {

class CounterRows {
 public:
  // Longer than any request of a deleted function goes on with the default wall limit, ten times over.
  static constexpr Nanos kRest = 300 * kSecond;
  static constexpr const char* kOther = "_other";

  CounterRows(const ipc::SharedCounters* counters, const Clock* clock);

  // The function's row, the same as before if it had one; 0 when the table is full.
  uint32_t Assign(const std::string& function);
  // Functions that are not named lose their row after kRest.
  void Retain(const std::set<std::string>& functions);
  // Name and row of all that are in use, and of kOther.
  std::vector<std::pair<std::string, uint32_t>> InUse() const;

 private:
  struct Row {
    uint32_t index = 0;
    Nanos resting_since = -1;  // -1: in use
  };
  uint32_t TakeFree();
  bool Quiet(uint32_t row) const;
  void Zero(uint32_t row);

  const ipc::SharedCounters* counters_;
  const Clock* clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Row> rows_;
  uint32_t never_used_ = 1;
};

}  // namespace zts::supervisor
