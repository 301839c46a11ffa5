#include "worker/supervisor/version_rows.h"

namespace zts::supervisor {

uint32_t VersionRows::Assign(const FunctionSpec& spec) {
  const std::lock_guard lock(mutex_);
  if (const auto found = rows_.find(spec.version_id); found != rows_.end()) return found->second.index;
  std::set<uint32_t> used;
  for (const auto& [id, row] : rows_) used.insert(row.index);
  const Nanos now = clock_->Now();
  for (uint32_t index = 1; index < ipc::kVersionRows; ++index) {
    const auto rest = resting_.find(index);
    if (used.count(index) > 0 || (rest != resting_.end() && now - rest->second < kRest)) continue;
    resting_.erase(index);
    // What an earlier owner left is not this one's.
    const Seen first = Read(index);
    rows_[spec.version_id] = {index, spec.function, spec.number, first, first};
    return index;
  }
  return 0;
}

void VersionRows::Retain(const std::set<uint64_t>& version_ids) {
  const std::lock_guard lock(mutex_);
  for (auto at = rows_.begin(); at != rows_.end();) {
    if (version_ids.count(at->first) > 0) {
      ++at;
      continue;
    }
    resting_[at->second.index] = clock_->Now();
    at = rows_.erase(at);
  }
}

// Errors and cold starts first: a request counted in between is then one more without, not one too many with.
VersionRows::Seen VersionRows::Read(uint32_t row) const {
  Seen seen;
  counters_->ForEachLive([&](const ipc::ShardCounters& shard) {
    const ipc::VersionCounters& counters = shard.versions[row];
    seen.errors += counters.errors.Read();
    seen.cold_starts += counters.cold_starts.Read();
    seen.requests += counters.requests.Read();
    seen.latency_sum_ns += counters.latency.sum_ns();
    for (int bucket = 0; bucket < ipc::Histogram::kBuckets; ++bucket) seen.latencies[bucket] += counters.latency.bucket(bucket);
  });
  return seen;
}

std::vector<VersionWindow> VersionRows::Take() {
  const std::lock_guard lock(mutex_);
  std::vector<VersionWindow> windows;
  for (auto& [id, row] : rows_) {
    const Seen now = Read(row.index);
    const Seen& then = row.seen;
    VersionWindow window{row.function, row.number, now.requests - then.requests, now.errors - then.errors,
                         now.cold_starts - then.cold_starts, {}};
    for (int bucket = 0; bucket < ipc::Histogram::kBuckets; ++bucket) {
      const uint64_t count = now.latencies[bucket] - then.latencies[bucket];
      if (count > 0) window.latencies.emplace_back(ipc::Histogram::UpperBound(bucket), count);
    }
    row.seen = now;
    if (window.requests > 0 || !window.latencies.empty()) windows.push_back(std::move(window));
  }
  return windows;
}

std::vector<VersionTotals> VersionRows::Totals() const {
  const std::lock_guard lock(mutex_);
  std::vector<VersionTotals> all;
  for (const auto& [id, row] : rows_) {
    const Seen now = Read(row.index);
    VersionTotals& totals = all.emplace_back();
    totals.function = row.function;
    totals.number = row.number;
    totals.requests = now.requests - row.first.requests;
    totals.errors = now.errors - row.first.errors;
    totals.cold_starts = now.cold_starts - row.first.cold_starts;
    for (int bucket = 0; bucket < ipc::Histogram::kBuckets; ++bucket) {
      totals.latency.AddSamples(bucket, now.latencies[bucket] - row.first.latencies[bucket], 0);
    }
    totals.latency.AddSamples(0, 0, now.latency_sum_ns - row.first.latency_sum_ns);
  }
  return all;
}

}  // namespace zts::supervisor
