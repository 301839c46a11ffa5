#include "worker/supervisor/function_windows.h"

#include <algorithm>
#include <set>

#include "jsruntime/isolate.h"
#include "jsruntime/outcome.h"

namespace zts::supervisor {
namespace {

constexpr js::OutcomeKind kLimits[] = {js::OutcomeKind::kCpuLimit, js::OutcomeKind::kWallLimit, js::OutcomeKind::kStartupLimit,
                                       js::OutcomeKind::kMemoryLimit};

void AddMemory(const ipc::FunctionCounters& counters, MemoryFigures* sum) {
  sum->minor_collections += counters.collections[static_cast<int>(js::GcKind::kMinor)].Read();
  sum->major_collections += counters.collections[static_cast<int>(js::GcKind::kMajor)].Read();
  // Each of the two is written for itself: what is inside may be seen before the whole.
  const uint64_t inside = counters.collection_turn_ns.Read();
  uint64_t all = 0;
  for (const ipc::Counter& nanos : counters.collection_ns) all += nanos.Read();
  sum->pause_inside_ns += inside;
  sum->pause_outside_ns += std::max(all, inside) - inside;
  sum->heap_used_bytes += counters.heap_used_bytes.Read();
  sum->heap_committed_bytes += counters.heap_committed_bytes.Read();
  sum->external_bytes += counters.external_bytes.Read();
  sum->limit_bytes += counters.memory_limit_bytes.Read();
}

}  // namespace

FunctionWindows::FunctionWindows(const ipc::SharedCounters* counters, const CounterRows* rows) : counters_(counters), rows_(rows) {}

FunctionWindows::Totals FunctionWindows::Read(uint32_t row) const {
  Totals totals;
  counters_->ForEachLive([&](const ipc::ShardCounters& shard) {
    const ipc::FunctionCounters& counters = shard.functions[row];
    for (const ipc::Counter& code : counters.requests) totals.requests += code.Read();
    totals.errors += counters.requests[ipc::kCodeClasses - 1].Read();
    for (const ipc::Counter& kind : counters.cold_starts) totals.cold_starts += kind.Read();
    for (const js::OutcomeKind kind : kLimits) totals.limits_hit += counters.outcomes[static_cast<int>(kind)].Read();
  });
  return totals;
}

std::vector<FunctionStep> FunctionWindows::Step() {
  std::lock_guard lock(mutex_);
  ++steps_;
  std::vector<FunctionStep> active;
  std::set<std::string> alive;
  for (const auto& [function, row] : rows_->InUse()) {
    alive.insert(function);
    Entry& entry = entries_[function];
    // Another row, or figures that went back: the function was away so long that its row had another life.
    if (entry.row != row || Read(row).requests < entry.before.requests) entry = Entry();
    entry.row = row;
    FunctionStep step = StepOf(function, &entry);
    if (!step.quiet()) active.push_back(std::move(step));
  }
  std::erase_if(entries_, [&](const auto& item) { return alive.count(item.first) == 0; });
  return active;
}

FunctionStep FunctionWindows::StepOf(const std::string& function, Entry* entry) {
  FunctionStep step;
  step.function = function;
  const Totals now = Read(entry->row);
  step.requests = now.requests - entry->before.requests;
  step.errors = now.errors - entry->before.errors;
  step.cold_starts = now.cold_starts - entry->before.cold_starts;
  step.limits_hit = now.limits_hit - entry->before.limits_hit;
  entry->before = now;
  counters_->ForEachLive([&](const ipc::ShardCounters& shard) {
    const ipc::FunctionCounters& counters = shard.functions[entry->row];
    step.in_flight += counters.in_flight.Read();
    step.isolates += counters.isolates.Read();
    AddMemory(counters, &step.memory);
  });
  StepLatency(entry, &step);
  while (!entry->kept.empty() && entry->kept.front().number + kSteps <= steps_) entry->kept.pop_front();
  return step;
}

void FunctionWindows::StepLatency(Entry* entry, FunctionStep* step) {
  // A request is counted before its answer is with the kernel, which is when its latency is known: the sum tells of both.
  uint64_t sum_ns = 0;
  counters_->ForEachLive([&](const ipc::ShardCounters& shard) { sum_ns += shard.functions[entry->row].latency.sum_ns(); });
  if (sum_ns == entry->latency_before.sum_ns()) return;
  HistogramView now;
  counters_->ForEachLive([&](const ipc::ShardCounters& shard) { now.Add(shard.functions[entry->row].latency); });
  step->latency_sum_ns = now.sum_ns() - entry->latency_before.sum_ns();
  for (int i = 0; i < ipc::Histogram::kBuckets; ++i) {
    const uint64_t grown = now.bucket(i) - entry->latency_before.bucket(i);
    if (grown > 0) step->latency.emplace_back(static_cast<uint16_t>(i), grown);
  }
  entry->latency_before = now;
  if (!step->latency.empty()) entry->kept.push_back({steps_, step->latency_sum_ns, step->latency});
}

std::optional<HistogramView> FunctionWindows::Recent(const std::string& function) const {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(function);
  if (entry == entries_.end() || entry->second.kept.empty()) return std::nullopt;
  HistogramView view;
  for (const Entry::Kept& kept : entry->second.kept) {
    uint64_t sum_ns = kept.sum_ns;
    for (const auto& [bucket, samples] : kept.latency) view.AddSamples(bucket, samples, std::exchange(sum_ns, 0));
  }
  return view;
}

}  // namespace zts::supervisor
