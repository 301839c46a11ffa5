#include "worker/supervisor/counter_rows.h"

namespace zts::supervisor {
namespace {

void ZeroHistogram(ipc::Histogram* histogram) {
  // All zero is the initial state; nobody else writes a quiet row.
  auto* words = reinterpret_cast<ipc::Counter*>(histogram);
  static_assert(sizeof(ipc::Histogram) % sizeof(ipc::Counter) == 0);
  for (size_t i = 0; i < sizeof(ipc::Histogram) / sizeof(ipc::Counter); ++i) words[i].Set(0);
}

}  // namespace

CounterRows::CounterRows(const ipc::SharedCounters* counters, const Clock* clock) : counters_(counters), clock_(clock) {}

uint32_t CounterRows::Assign(const std::string& function) {
  std::lock_guard lock(mutex_);
  if (const auto found = rows_.find(function); found != rows_.end()) {
    found->second.resting_since = -1;
    return found->second.index;
  }
  const uint32_t row = TakeFree();
  if (row != 0) rows_[function] = Row{row, -1};
  return row;
}

void CounterRows::Retain(const std::set<std::string>& functions) {
  std::lock_guard lock(mutex_);
  for (auto& [function, row] : rows_) {
    if (row.resting_since < 0 && functions.count(function) == 0) row.resting_since = clock_->Now();
  }
}

std::vector<std::pair<std::string, uint32_t>> CounterRows::InUse() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, uint32_t>> in_use{{kOther, 0}};
  for (const auto& [function, row] : rows_) {
    if (row.resting_since < 0) in_use.emplace_back(function, row.index);
  }
  return in_use;
}

uint32_t CounterRows::TakeFree() {
  if (never_used_ < ipc::kCounterRows) return never_used_++;
  auto longest = rows_.end();
  for (auto it = rows_.begin(); it != rows_.end(); ++it) {
    const Row& row = it->second;
    if (row.resting_since < 0 || clock_->Now() - row.resting_since < kRest || !Quiet(row.index)) continue;
    if (longest == rows_.end() || row.resting_since < longest->second.resting_since) longest = it;
  }
  if (longest == rows_.end()) return 0;
  const uint32_t row = longest->second.index;
  rows_.erase(longest);
  Zero(row);
  return row;
}

bool CounterRows::Quiet(uint32_t row) const {
  bool quiet = true;
  counters_->ForEachLive([&](const ipc::ShardCounters& shard) {
    const ipc::FunctionCounters& counters = shard.functions[row];
    if (counters.in_flight.Read() != 0 || counters.isolates.Read() != 0) quiet = false;
  });
  return quiet;
}

void CounterRows::Zero(uint32_t row) {
  counters_->ForEachLive([row](ipc::ShardCounters& shard) {
    ipc::FunctionCounters& counters = shard.functions[row];
    for (ipc::Counter& counter : counters.requests) counter.Set(0);
    for (ipc::Counter& counter : counters.outcomes) counter.Set(0);
    for (ipc::Counter& counter : counters.cold_starts) counter.Set(0);
    counters.heap_used_bytes.Set(0);
    counters.heap_committed_bytes.Set(0);
    counters.external_bytes.Set(0);
    counters.memory_limit_bytes.Set(0);
    for (ipc::Counter& counter : counters.collections) counter.Set(0);
    for (ipc::Counter& counter : counters.collection_ns) counter.Set(0);
    counters.collection_turn_ns.Set(0);
    for (ipc::Counter& counter : counters.subrequests) counter.Set(0);
    counters.subrequest_wait_ns.Set(0);
    counters.offloads.Set(0);
    for (ipc::Counter& counter : counters.slow) counter.Set(0);
    ZeroHistogram(&counters.latency);
  });
}

}  // namespace zts::supervisor
