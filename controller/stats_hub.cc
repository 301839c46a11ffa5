#include "controller/stats_hub.h"

#include <algorithm>
#include <cmath>

namespace zts::controller {
namespace {

void Add(const v1::MemoryFigures& from, v1::MemoryFigures* to) {
  to->set_minor_collections(to->minor_collections() + from.minor_collections());
  to->set_major_collections(to->major_collections() + from.major_collections());
  to->set_pause_inside_ns(to->pause_inside_ns() + from.pause_inside_ns());
  to->set_pause_outside_ns(to->pause_outside_ns() + from.pause_outside_ns());
  to->set_heap_used_bytes(to->heap_used_bytes() + from.heap_used_bytes());
  to->set_heap_committed_bytes(to->heap_committed_bytes() + from.heap_committed_bytes());
  to->set_external_bytes(to->external_bytes() + from.external_bytes());
  to->set_limit_bytes(to->limit_bytes() + from.limit_bytes());
}

// Sums of one function, over reports of one worker or of all.
struct Sums {
  uint64_t requests = 0, errors = 0, cold_starts = 0, limits_hit = 0;
  uint64_t in_flight = 0, isolates = 0, memory_bytes = 0;
  v1::MemoryFigures memory;
  Nanos window = 0;
  std::map<int64_t, uint64_t> latency;

  void AddWindow(const v1::FunctionStats& stats) {
    requests += stats.requests();
    errors += stats.errors();
    cold_starts += stats.cold_starts();
    limits_hit += stats.limits_hit();
    for (int i = 0; i < stats.latency_ns_size(); ++i) latency[stats.latency_ns(i)] += stats.latency_count(i);
  }
  void AddLevels(const v1::FunctionStats& stats) {
    in_flight += stats.in_flight();
    isolates += stats.isolates();
    memory_bytes += stats.memory_bytes();
    Add(stats.memory(), &memory);
  }
  // Workers report at different moments; rates add up all the same when each is over its own window.
  void AddWorker(const Sums& worker) {
    requests += worker.requests;
    errors += worker.errors;
    cold_starts += worker.cold_starts;
    limits_hit += worker.limits_hit;
    in_flight += worker.in_flight;
    isolates += worker.isolates;
    memory_bytes += worker.memory_bytes;
    Add(worker.memory, &memory);
    window = std::max(window, worker.window);
    for (const auto& [nanos, count] : worker.latency) latency[nanos] += count;
  }

  int64_t Quantile(double quantile) const {
    uint64_t total = 0;
    for (const auto& [nanos, count] : latency) total += count;
    const auto rank = static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(total)));
    uint64_t seen = 0;
    for (const auto& [nanos, count] : latency) {
      seen += count;
      if (seen >= rank && seen > 0) return nanos;
    }
    return 0;
  }

  void Fill(v1::Figures* out) const {
    const double seconds = static_cast<double>(std::max<Nanos>(window, 1)) / kSecond;
    out->set_requests_per_second(static_cast<double>(requests) / seconds);
    out->set_errors_per_second(static_cast<double>(errors) / seconds);
    out->set_p50_ns(Quantile(0.5));
    out->set_p99_ns(Quantile(0.99));
    out->set_cold_starts(cold_starts);
    out->set_limits_hit(limits_hit);
    out->set_window_ns(window);
    out->set_in_flight(in_flight);
    out->set_isolates(isolates);
    out->set_memory_bytes(memory_bytes);
    *out->mutable_memory() = memory;
  }
};

Status Check(const v1::WorkerStats& report) {
  if (report.window_ns() <= 0 || report.functions_size() > StatsHub::kReportFunctionsMax) {
    return Invalid("a report of figures needs a window, and at most " + std::to_string(StatsHub::kReportFunctionsMax) + " functions");
  }
  for (const v1::FunctionStats& stats : report.functions()) {
    if (stats.latency_ns_size() != stats.latency_count_size() || stats.latency_ns_size() > StatsHub::kReportBucketsMax) {
      return Invalid("a report's histogram needs a count for each of at most " + std::to_string(StatsHub::kReportBucketsMax) + " buckets");
    }
  }
  return {};
}

}  // namespace

Status StatsHub::OnReport(const std::string& worker, v1::WorkerStats report) {
  ZTS_RETURN_IF_ERROR(Check(report));
  const std::lock_guard lock(mutex_);
  std::deque<v1::WorkerStats>& kept = reports_[worker];
  kept.push_back(std::move(report));
  if (kept.size() > kReportsKept) kept.pop_front();
  return {};
}

void StatsHub::Forget(const std::string& worker) {
  const std::lock_guard lock(mutex_);
  reports_.erase(worker);
}

v1::GetStatsResponse StatsHub::Read(const std::string& function) const {
  std::map<std::string, std::map<std::string, Sums>> functions;  // by function, then worker
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [worker, reports] : reports_) {
      Nanos window = 0;
      for (const v1::WorkerStats& report : reports) {
        window += report.window_ns();
        for (const v1::FunctionStats& stats : report.functions()) {
          if (!function.empty() && stats.function() != function) continue;
          Sums& sums = functions[stats.function()][worker];
          sums.AddWindow(stats);
          if (&report == &reports.back()) sums.AddLevels(stats);
        }
      }
      for (auto& [name, workers] : functions) {
        if (const auto mine = workers.find(worker); mine != workers.end()) mine->second.window = window;
      }
    }
  }
  v1::GetStatsResponse response;
  for (const auto& [name, workers] : functions) {
    v1::FunctionReport& report = *response.add_functions();
    report.set_function(name);
    Sums all;
    for (const auto& [worker, sums] : workers) {
      all.AddWorker(sums);
      v1::WorkerFigures& one = *report.add_workers();
      one.set_worker(worker);
      sums.Fill(one.mutable_figures());
    }
    all.Fill(report.mutable_figures());
  }
  std::stable_sort(response.mutable_functions()->begin(), response.mutable_functions()->end(), [](const auto& a, const auto& b) {
    return a.figures().requests_per_second() > b.figures().requests_per_second();
  });
  return response;
}

}  // namespace zts::controller
