#include "worker/supervisor/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "base/check.h"
#include "jsruntime/outcome.h"
#include "worker/engine/http/message.h"
#include "worker/supervisor/metric_table.h"
#include "worker/supervisor/process_stats.h"

namespace zts::supervisor {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

static_assert(js::kOutcomeKinds <= ipc::kOutcomeSlots);
static_assert(http::kRefusals <= ipc::kRefusalSlots);

constexpr double kQuantiles[] = {0.5, 0.99, 0.999};
constexpr const char* kCodeNames[ipc::kCodeClasses] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr const char* kColdKindNames[ipc::kColdKinds] = {"spare-cached", "spare-source", "fresh-cached", "fresh-source"};
constexpr const char* kPhaseNames[ipc::kColdPhases] = {"queue", "isolate", "compile", "evaluate", "total"};

// Buckets of the exposed histograms, a power of two of nanoseconds each octave, in so many steps.
struct Octaves {
  int first_power;
  int last_power;
  int steps;
};
// 16 us to 34 s, 2 an octave: a thousand functions stay a bearable scrape; the quantile gauges have the fine figures.
constexpr Octaves kRequestBuckets[] = {{14, 35, 2}};
// 33 us to 67 ms, 8 an octave, so that a p99 under 2 ms can be judged; above that 2.
constexpr Octaves kColdBuckets[] = {{15, 26, 8}, {26, 36, 2}};

// Families by name, made from the table, so that nothing is exposed that it does not have.
class Exposition {
 public:
  Exposition() {
    for (const MetricInfo& info : AllMetrics()) {
      MetricFamily& family = families_[info.name];
      family.name = info.name;
      family.help = info.help;
      family.type = info.type;
    }
  }

  void Add(std::string_view name, double value, Labels labels = {}) {
    MetricFamily& family = Family(name);
    ClientMetric metric;
    metric.label = std::move(labels);
    ZTS_CHECK(family.type == MetricType::Counter || family.type == MetricType::Gauge);
    if (family.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family.metric.push_back(std::move(metric));
  }

  void AddHistogram(std::string_view name, const HistogramView& view, std::span<const Octaves> octaves, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = view.count();
    metric.histogram.sample_sum = view.sum_seconds();
    const auto add = [&](Nanos bound) {
      metric.histogram.bucket.push_back({view.CountBelow(bound), static_cast<double>(bound) / 1e9});
    };
    for (const Octaves& part : octaves) {
      for (int power = part.first_power; power < part.last_power; ++power) {
        const Nanos base = Nanos{1} << power;
        for (int step = 0; step < part.steps; ++step) add(base + base / part.steps * step);
      }
    }
    add(Nanos{1} << octaves.back().last_power);
    metric.histogram.bucket.push_back({view.count(), INFINITY});
    Family(name).metric.push_back(std::move(metric));
  }

  void AddSummary(std::string_view name, const HistogramView& view, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.summary.sample_count = view.count();
    metric.summary.sample_sum = view.sum_seconds();
    for (double quantile : kQuantiles) metric.summary.quantile.push_back({quantile, view.Quantile(quantile)});
    Family(name).metric.push_back(std::move(metric));
  }

  std::vector<MetricFamily> Take() {
    std::vector<MetricFamily> out;
    for (auto& [name, family] : families_) {
      if (!family.metric.empty()) out.push_back(std::move(family));
    }
    return out;
  }

 private:
  MetricFamily& Family(std::string_view name) {
    const auto found = families_.find(name);
    ZTS_CHECK(found != families_.end());
    return found->second;
  }
  std::map<std::string_view, MetricFamily> families_;
};

// Sums a figure of all shards.
template <typename Get>
uint64_t Sum(const ipc::SharedCounters& counters, Get get) {
  uint64_t sum = 0;
  for (uint32_t shard = 0; shard < counters.shards(); ++shard) sum += get(counters.shard(shard)).Read();
  return sum;
}

void AddFunction(const ipc::SharedCounters& counters, const std::string& function, uint32_t row, Exposition* out) {
  const auto sum = [&](auto get) {
    return static_cast<double>(
        Sum(counters, [&](const ipc::ShardCounters& shard) -> const ipc::Counter& { return get(shard.functions[row]); }));
  };
  const ClientMetric::Label name{"function", function};
  for (int code = 0; code < ipc::kCodeClasses; ++code) {
    const double value = sum([code](const auto& f) -> const ipc::Counter& { return f.requests[code]; });
    // Success and failure are there from the start, so that a first error is an increase; the rest when it happens.
    if (value > 0 || code == 1 || code >= 3) out->Add("zts_requests_total", value, {name, {"code", kCodeNames[code]}});
  }
  for (int kind = 0; kind < js::kOutcomeKinds; ++kind) {
    const double value = sum([kind](const auto& f) -> const ipc::Counter& { return f.outcomes[kind]; });
    if (value == 0 && kind != 0) continue;
    const std::string outcome(js::OutcomeName(static_cast<js::OutcomeKind>(kind)));
    out->Add("zts_invocation_outcomes_total", value, {name, {"outcome", outcome}});
  }
  for (int kind = 0; kind < ipc::kColdKinds; ++kind) {
    const double value = sum([kind](const auto& f) -> const ipc::Counter& { return f.cold_starts[kind]; });
    out->Add("zts_cold_starts_total", value, {name, {"kind", kColdKindNames[kind]}});
  }
  out->Add("zts_function_in_flight", sum([](const auto& f) -> const ipc::Counter& { return f.in_flight; }), {name});
  out->Add("zts_function_isolates", sum([](const auto& f) -> const ipc::Counter& { return f.isolates; }), {name});
  out->Add("zts_function_heap_used_bytes", sum([](const auto& f) -> const ipc::Counter& { return f.heap_used_bytes; }),
           {name});

  HistogramView latency;
  for (uint32_t shard = 0; shard < counters.shards(); ++shard) latency.Add(counters.shard(shard).functions[row].latency);
  out->AddHistogram("zts_request_duration_seconds", latency, kRequestBuckets, {name});
  if (latency.count() > 0) out->AddSummary("zts_request_duration_quantile_seconds", latency, {name});
}

void AddShards(const ipc::SharedCounters& counters, Exposition* out) {
  for (uint32_t index = 0; index < counters.shards(); ++index) {
    const ipc::ShardCounters& shard = counters.shard(index);
    const Labels labels{{"shard", std::to_string(index)}};
    out->Add("zts_isolates_warm", static_cast<double>(shard.warm_isolates.Read()), labels);
    out->Add("zts_pool_queued", static_cast<double>(shard.queued.Read()), labels);
    out->Add("zts_connections_open", static_cast<double>(shard.connections_open.Read()), labels);
    out->Add("zts_connections_total", static_cast<double>(shard.connections_total.Read()), labels);
    out->Add("zts_request_heads_total", static_cast<double>(shard.requests_total.Read()), labels);
    out->Add("zts_shard_catalog_version", static_cast<double>(shard.active_catalog.Read()), labels);
  }
  // One stock for all shards, of which each tells what it last saw.
  uint64_t spare = 0;
  for (uint32_t i = 0; i < counters.shards(); ++i) spare = std::max(spare, counters.shard(i).spare_isolates.Read());
  out->Add("zts_isolates_spare", static_cast<double>(spare));
  const auto total = [&](std::string_view name, ipc::Counter ipc::ShardCounters::* field) {
    out->Add(name, static_cast<double>(Sum(
                       counters, [field](const ipc::ShardCounters& s) -> const ipc::Counter& { return s.*field; })));
  };
  total("zts_isolate_evictions_total", &ipc::ShardCounters::evictions);
  total("zts_isolates_lost_total", &ipc::ShardCounters::isolates_lost);
  total("zts_turns_terminated_total", &ipc::ShardCounters::turns_terminated);
  total("zts_received_bytes_total", &ipc::ShardCounters::recv_bytes);
  total("zts_sent_bytes_total", &ipc::ShardCounters::sent_bytes);
  total("zts_receive_starved_total", &ipc::ShardCounters::recv_starved);
  total("zts_io_syscalls_total", &ipc::ShardCounters::io_syscalls);
  total("zts_loop_passes_total", &ipc::ShardCounters::loop_passes);
  // The first says "none".
  for (int refusal = 1; refusal < http::kRefusals; ++refusal) {
    const auto count = Sum(counters, [refusal](const ipc::ShardCounters& s) -> const ipc::Counter& {
      return s.refusals[refusal];
    });
    const std::string reason(http::RefusalName(static_cast<http::Refusal>(refusal)));
    out->Add("zts_refusals_total", static_cast<double>(count), {{"reason", reason}});
  }
  for (int phase = 0; phase < ipc::kColdPhases; ++phase) {
    HistogramView view;
    for (uint32_t shard = 0; shard < counters.shards(); ++shard) view.Add(counters.shard(shard).cold[phase]);
    out->AddHistogram("zts_cold_start_seconds", view, kColdBuckets, {{"phase", kPhaseNames[phase]}});
  }
}

void AddProcess(const std::string& process, pid_t pid, double ended_cpu, Exposition* out) {
  const Labels labels{{"process", process}};
  const auto stats = pid != 0 ? ReadProcessStats(pid) : std::nullopt;
  out->Add("zts_process_cpu_seconds_total", ended_cpu + (stats ? stats->cpu_seconds : 0), labels);
  if (!stats) return;
  out->Add("zts_process_resident_memory_bytes", static_cast<double>(stats->resident_bytes), labels);
  out->Add("zts_process_open_fds", static_cast<double>(stats->open_fds), labels);
  out->Add("zts_process_start_time_seconds", stats->start_seconds, labels);
}

void AddEngine(const EngineStatus& engine, Exposition* out) {
  out->Add("zts_engine_up", engine.state == EngineStatus::State::kServing ? 1 : 0);
  out->Add("zts_engine_sandboxed", engine.sandboxed ? 1 : 0);
  out->Add("zts_engine_starts_total", static_cast<double>(engine.starts));
  for (int cause = 0; cause < kDeathCauses; ++cause) {
    out->Add("zts_engine_restarts_total", static_cast<double>(engine.deaths[cause]),
             {{"cause", std::string(DeathCauseName(static_cast<DeathCause>(cause)))}});
  }
  for (const auto& [function, number] : engine.quarantined) {
    out->Add("zts_function_quarantined", 1, {{"function", function}, {"version", std::to_string(number)}});
  }
  for (const std::string& feature : engine.io_features) {
    const size_t equals = feature.find('=');
    const bool on = equals != std::string::npos && feature.compare(equals, std::string::npos, "=1") == 0;
    out->Add("zts_io_feature", on ? 1 : 0, {{"backend", engine.io_backend}, {"feature", feature.substr(0, equals)}});
  }
}

}  // namespace

void HistogramView::Add(const ipc::Histogram& histogram) {
  for (int i = 0; i < ipc::Histogram::kBuckets; ++i) {
    const uint64_t samples = histogram.bucket(i);
    buckets_[i] += samples;
    count_ += samples;
  }
  sum_ns_ += histogram.sum_ns();
}

double HistogramView::Quantile(double quantile) const {
  ZTS_CHECK(count_ > 0);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  uint64_t seen = 0;
  int bucket = -1;
  while (seen < rank) seen += buckets_[++bucket];
  const Nanos low = bucket == 0 ? Nanos{1} << ipc::Histogram::kFirstPower : ipc::Histogram::UpperBound(bucket - 1);
  return static_cast<double>(low + ipc::Histogram::UpperBound(bucket)) / 2e9;
}

uint64_t HistogramView::CountBelow(Nanos nanos) const {
  uint64_t below = 0;
  const int end = ipc::Histogram::BucketOf(nanos);
  // The last fine bucket also holds all that is beyond it.
  for (int i = 0; i < end; ++i) below += buckets_[i];
  return below;
}

Metrics::Metrics(const ipc::SharedCounters* counters, const CounterRows* rows, std::function<WorkerFigures()> figures)
    : counters_(counters), rows_(rows), figures_(std::move(figures)) {}

std::vector<MetricFamily> Metrics::Collect() const {
  const WorkerFigures figures = figures_();
  Exposition out;
  const auto functions = rows_->InUse();
  for (const auto& [function, row] : functions) AddFunction(*counters_, function, row, &out);
  AddShards(*counters_, &out);
  AddEngine(figures.engine, &out);

  out.Add("zts_ready", figures.ready ? 1 : 0);
  out.Add("zts_catalog_version", static_cast<double>(figures.engine.catalog_version));
  // Without "_other".
  out.Add("zts_catalog_functions", static_cast<double>(functions.size() - 1));
  out.Add("zts_controller_connected", figures.controller_connected ? 1 : 0);
  out.Add("zts_controller_connects_total", static_cast<double>(figures.controller_connects));
  out.Add("zts_controller_failures_total", static_cast<double>(figures.controller_failures));
  const auto in_shards = Sum(
      *counters_, [](const ipc::ShardCounters& s) -> const ipc::Counter& { return s.log_records_dropped; });
  out.Add("zts_log_records_dropped_total", static_cast<double>(in_shards), {{"where", "shard"}});
  out.Add("zts_log_records_dropped_total", static_cast<double>(figures.log_records_dropped), {{"where", "supervisor"}});
  AddProcess("supervisor", ::getpid(), 0, &out);
  AddProcess("engine", figures.engine.pid, EndedChildrenCpuSeconds(), &out);
  out.Add("zts_build_info", 1, {{"compiler", __VERSION__}, {"artifact_key", figures.engine.artifact_key}});
  return out.Take();
}

}  // namespace zts::supervisor
