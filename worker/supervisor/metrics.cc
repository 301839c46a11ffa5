#include "worker/supervisor/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "jsruntime/fetch.h"
#include "jsruntime/isolate.h"
#include "jsruntime/outcome.h"
#include "worker/engine/http/message.h"
#include "worker/supervisor/exposition.h"
#include "worker/supervisor/process_stats.h"

namespace zts::supervisor {
namespace {

static_assert(js::kOutcomeKinds <= ipc::kOutcomeSlots);
static_assert(js::kFetchResults <= ipc::kFetchSlots);
static_assert(http::kRefusals <= ipc::kRefusalSlots);
static_assert(static_cast<int>(js::GcKind::kMajor) + 1 == ipc::kGcKinds);
static_assert(static_cast<int>(js::GcDuring::kIdle) + 1 == ipc::kGcDurings);

constexpr const char* kCodeNames[ipc::kCodeClasses] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr const char* kPhaseNames[ipc::kColdPhases] = {"route",    "queue",     "isolate", "context", "artifact", "compile",
                                                       "evaluate", "hand-over", "total",   "handler", "gc"};
constexpr const char* kGcKindNames[ipc::kGcKinds] = {"minor", "major"};
constexpr const char* kGcDuringNames[ipc::kGcDurings] = {"turn", "task", "idle"};

// 16 us to 34 s, 2 an octave: a thousand functions stay a bearable scrape; the quantiles beside it are the fine figures.
const Buckets& RequestBuckets() {
  static constexpr Octaves kOctaves[] = {{14, 35, 2}};
  static const auto* buckets = new Buckets(kOctaves);
  return *buckets;
}
// As fine as what is recorded: one series a worker can bear it.
const Buckets& WorkerBuckets() {
  static constexpr Octaves kOctaves[] = {{14, 35, 16}};
  static const auto* buckets = new Buckets(kOctaves);
  return *buckets;
}
// 33 us to 67 ms, 8 an octave, so that a p99 under 2 ms can be judged; above that 2.
const Buckets& ColdBuckets() {
  static constexpr Octaves kOctaves[] = {{15, 26, 8}, {26, 36, 2}};
  static const auto* buckets = new Buckets(kOctaves);
  return *buckets;
}
// 33 us to 17 s, 4 an octave.
const Buckets& PauseBuckets() {
  static constexpr Octaves kOctaves[] = {{15, 34, 4}};
  static const auto* buckets = new Buckets(kOctaves);
  return *buckets;
}

using Function = ipc::FunctionCounters;
using Shard = ipc::ShardCounters;

// Sums a figure of all shards.
template <typename Get>
uint64_t Sum(const ipc::SharedCounters& counters, Get get) {
  uint64_t sum = 0;
  counters.ForEachLive([&](const Shard& shard) { sum += get(shard).Read(); });
  return sum;
}

template <typename Get>
HistogramView View(const ipc::SharedCounters& counters, Get get) {
  HistogramView view;
  counters.ForEachLive([&](const Shard& shard) { view.Add(get(shard)); });
  return view;
}

// One function's part of a scrape.
class FunctionMetrics {
 public:
  FunctionMetrics(const ipc::SharedCounters& counters, const std::string& function, uint32_t row, Exposition* out)
      : counters_(counters), row_(row), name_(Label("function", function)), out_(out) {}

  void AddCounts() const {
    for (int code = 0; code < ipc::kCodeClasses; ++code) {
      const uint64_t value = Figure([code](const Function& f) -> const ipc::Counter& { return f.requests[code]; });
      // Success and failure are there from the start, so that a first error is an increase; the rest when it happens.
      if (value > 0 || code == 1 || code >= 3) Put("zts_requests_total", value, "code", kCodeNames[code]);
    }
    for (int kind = 0; kind < js::kOutcomeKinds; ++kind) {
      const uint64_t value = Figure([kind](const Function& f) -> const ipc::Counter& { return f.outcomes[kind]; });
      if (value == 0 && kind != 0) continue;
      Put("zts_invocation_outcomes_total", value, "outcome", js::OutcomeName(static_cast<js::OutcomeKind>(kind)));
    }
    for (int kind = 0; kind < ipc::kColdKinds; ++kind) {
      const uint64_t value = Figure([kind](const Function& f) -> const ipc::Counter& { return f.cold_starts[kind]; });
      Put("zts_cold_starts_total", value, "kind", ipc::kColdKindNames[kind]);
    }
    Put("zts_function_offloads_total", Figure([](const Function& f) -> const ipc::Counter& { return f.offloads; }));
    AddSubrequests();
    AddSlow();
    AddCollections();
  }

  void AddLevels() const {
    Level("zts_function_in_flight", &Function::in_flight);
    Level("zts_function_isolates", &Function::isolates);
    Level("zts_function_heap_used_bytes", &Function::heap_used_bytes);
    Level("zts_function_heap_committed_bytes", &Function::heap_committed_bytes);
    Level("zts_function_external_bytes", &Function::external_bytes);
    Level("zts_function_memory_limit_bytes", &Function::memory_limit_bytes);
    Level("zts_function_offloaded", &Function::offloaded);
  }

  void AddLatency(const std::optional<HistogramView>& recent) const {
    const HistogramView latency = View(counters_, [this](const Shard& s) -> const auto& { return s.functions[row_].latency; });
    out_->AddHistogram("zts_request_duration_seconds", latency, RequestBuckets(), name_);
    if (latency.count() > 0) {
      out_->AddSummary("zts_request_duration_quantile_seconds", recent ? &*recent : nullptr, latency, name_);
    }
  }

 private:
  template <typename Get>
  uint64_t Figure(Get get) const {
    return Sum(counters_, [&](const Shard& shard) -> const ipc::Counter& { return get(shard.functions[row_]); });
  }
  void Put(std::string_view metric, uint64_t value, std::string_view label, std::string_view text) const {
    out_->Add(metric, value, name_ + "," + Label(label, text));
  }
  void Put(std::string_view metric, uint64_t value) const { out_->Add(metric, value, name_); }
  void Level(std::string_view metric, ipc::Counter Function::* field) const {
    out_->Add(metric, Figure([field](const Function& f) -> const ipc::Counter& { return f.*field; }), name_);
  }
  void AddSubrequests() const {
    for (int result = 0; result < js::kFetchResults; ++result) {
      const uint64_t value = Figure([result](const Function& f) -> const ipc::Counter& { return f.subrequests[result]; });
      // As with outcomes: success from the start, the rest when it happens.
      if (value == 0 && result != 0) continue;
      Put("zts_subrequests_total", value, "result", js::FetchResultName(static_cast<js::FetchResult>(result)));
    }
    const uint64_t nanos = Figure([](const Function& f) -> const ipc::Counter& { return f.subrequest_wait_ns; });
    out_->AddReal("zts_subrequest_wait_seconds_total", static_cast<double>(nanos) / 1e9, name_);
  }
  void AddSlow() const {
    for (int cause = 0; cause < ipc::kSlowCauses; ++cause) {
      const uint64_t value = Figure([cause](const Function& f) -> const ipc::Counter& { return f.slow[cause]; });
      if (value > 0) Put("zts_slow_requests_total", value, "cause", ipc::kSlowCauseNames[cause]);
    }
  }
  void AddCollections() const {
    for (int kind = 0; kind < ipc::kGcKinds; ++kind) {
      const uint64_t count = Figure([kind](const Function& f) -> const ipc::Counter& { return f.collections[kind]; });
      const uint64_t nanos = Figure([kind](const Function& f) -> const ipc::Counter& { return f.collection_ns[kind]; });
      const std::string labels = name_ + "," + Label("kind", kGcKindNames[kind]);
      out_->Add("zts_function_gc_total", count, labels);
      out_->AddReal("zts_function_gc_seconds_total", static_cast<double>(nanos) / 1e9, labels);
    }
  }

  const ipc::SharedCounters& counters_;
  const uint32_t row_;
  const std::string name_;
  Exposition* out_;
};

// Of functions whose requests are divided between two; at most ipc::kVersionRows versions, so no tenant makes a scrape long.
void AddVersions(const VersionRows& rows, Exposition* out) {
  for (const VersionTotals& version : rows.Totals()) {
    const std::string labels = Label("function", version.function) + "," + Label("version", std::to_string(version.number));
    out->Add("zts_version_requests_total", version.requests, labels);
    out->Add("zts_version_errors_total", version.errors, labels);
    out->Add("zts_version_cold_starts_total", version.cold_starts, labels);
    out->AddHistogram("zts_version_request_duration_seconds", version.latency, RequestBuckets(), labels);
  }
}

// What the blocks of the counters are.
struct Blocks {
  uint32_t shards;
  uint32_t offloads;
  uint64_t of_engine() const { return uint64_t{shards} + offloads; }
  bool is_offload(uint32_t index) const { return index % of_engine() >= shards; }
  // "3", "offload-3", or of an engine class "class1-3", "class1-offload-3".
  std::string Name(uint32_t index) const {
    const uint64_t of_class = index / of_engine(), block = index % of_engine();
    return (of_class > 0 ? "class" + std::to_string(of_class) + "-" : "") +
           (is_offload(index) ? "offload-" + std::to_string(block - shards) : std::to_string(block));
  }
};

void AddOffloads(const ipc::SharedCounters& counters, const Blocks& blocks, Exposition* out) {
  uint64_t running = 0, starts = 0, moves = 0;
  for (uint32_t index = 0; index < counters.shards(); ++index) {
    if (!blocks.is_offload(index)) continue;
    const ipc::OffloadCounters& thread = counters.shard(index).offload;
    running += thread.running.Read();
    starts += thread.starts.Read();
    moves += thread.moves.Read();
    const std::string label = Label("shard", blocks.Name(index));
    out->Add("zts_offload_functions", thread.functions.Read(), label);
    out->AddReal("zts_offload_cpu_seconds_total", static_cast<double>(thread.cpu_ns.Read()) / 1e9, label);
  }
  out->Add("zts_offload_threads", running);
  out->Add("zts_offload_starts_total", starts);
  out->Add("zts_offload_moves_total", moves);
}

void AddShards(const ipc::SharedCounters& counters, const Blocks& blocks, Exposition* out) {
  // An engine has one stock for all its shards, of which each tells what it last saw.
  uint64_t spare = 0, spare_of_engine = 0;
  uint64_t learned = 0, learned_of_engine = 0;
  for (uint32_t index = 0; index < counters.shards(); ++index) {
    const Shard& shard = counters.shard(index);
    const std::string label = Label("shard", blocks.Name(index));
    out->Add("zts_isolates_warm", shard.warm_isolates.Read(), label);
    out->Add("zts_pool_queued", shard.queued.Read(), label);
    if (index % blocks.of_engine() == 0) {
      spare += std::exchange(spare_of_engine, 0);
      learned += std::exchange(learned_of_engine, 0);
    }
    spare_of_engine = std::max(spare_of_engine, shard.spare_isolates.Read());
    learned_of_engine = std::max(learned_of_engine, shard.learned_code_bytes.Read());
    if (index >= blocks.shards) continue;
    out->Add("zts_connections_open", shard.connections_open.Read(), label);
    out->Add("zts_connections_total", shard.connections_total.Read(), label);
    out->Add("zts_connections_given_total", shard.connections_given.Read(), label);
    out->Add("zts_connections_moved_total", shard.connections_moved.Read(), label);
    out->Add("zts_request_heads_total", shard.requests_total.Read(), label);
    out->Add("zts_shard_catalog_version", shard.active_catalog.Read(), label);
  }
  out->Add("zts_isolates_spare", spare + spare_of_engine);
  out->Add("zts_learned_code_bytes", learned + learned_of_engine);
}

void AddTotals(const ipc::SharedCounters& counters, Exposition* out) {
  const auto total = [&](std::string_view name, ipc::Counter Shard::* field) {
    out->Add(name, Sum(counters, [field](const Shard& s) -> const ipc::Counter& { return s.*field; }));
  };
  total("zts_isolate_evictions_total", &Shard::evictions);
  total("zts_isolates_lost_total", &Shard::isolates_lost);
  total("zts_turns_terminated_total", &Shard::turns_terminated);
  total("zts_received_bytes_total", &Shard::recv_bytes);
  total("zts_sent_bytes_total", &Shard::sent_bytes);
  total("zts_receive_starved_total", &Shard::recv_starved);
  total("zts_io_syscalls_total", &Shard::io_syscalls);
  total("zts_loop_passes_total", &Shard::loop_passes);
  for (const auto& [direction, streams] : {std::pair("in", &Shard::request_streams), std::pair("out", &Shard::response_streams)}) {
    const std::string label = Label("direction", direction);
    const auto of = streams;
    const auto sum = [&counters, of](ipc::Counter ipc::StreamCounters::* field) {
      return Sum(counters, [of, field](const Shard& s) -> const ipc::Counter& { return s.*of.*field; });
    };
    out->Add("zts_streams_open", sum(&ipc::StreamCounters::open), label);
    out->Add("zts_streams_total", sum(&ipc::StreamCounters::total), label);
    out->Add("zts_streams_aborted_total", sum(&ipc::StreamCounters::aborted), label);
  }
  // The first says "none".
  for (int refusal = 1; refusal < http::kRefusals; ++refusal) {
    const uint64_t count = Sum(counters, [refusal](const Shard& s) -> const ipc::Counter& { return s.refusals[refusal]; });
    out->Add("zts_refusals_total", count, Label("reason", http::RefusalName(static_cast<http::Refusal>(refusal))));
  }
}

void AddTimes(const ipc::SharedCounters& counters, Exposition* out) {
  for (int phase = 0; phase < ipc::kColdPhases; ++phase) {
    const HistogramView view = View(counters, [phase](const Shard& s) -> const auto& { return s.cold[phase]; });
    out->AddHistogram("zts_cold_start_seconds", view, ColdBuckets(), Label("phase", kPhaseNames[phase]));
  }
  for (int kind = 0; kind < ipc::kColdKinds; ++kind) {
    const HistogramView view = View(counters, [kind](const Shard& s) -> const auto& { return s.cold_of_kind[kind]; });
    out->AddHistogram("zts_cold_start_kind_seconds", view, ColdBuckets(), Label("kind", ipc::kColdKindNames[kind]));
  }
  for (int during = 0; during < ipc::kGcDurings; ++during) {
    for (int kind = 0; kind < ipc::kGcKinds; ++kind) {
      const HistogramView view = View(counters, [&](const Shard& s) -> const auto& { return s.gc_pause[during][kind]; });
      const std::string labels = Label("during", kGcDuringNames[during]) + "," + Label("kind", kGcKindNames[kind]);
      out->AddHistogram("zts_gc_pause_seconds", view, PauseBuckets(), labels);
    }
  }
  const HistogramView all = View(counters, [](const Shard& s) -> const auto& { return s.latency; });
  out->AddHistogram("zts_worker_request_duration_seconds", all, WorkerBuckets(), "");
  const HistogramView wait = View(counters, [](const Shard& s) -> const auto& { return s.queue_wait; });
  out->AddHistogram("zts_queue_wait_seconds", wait, PauseBuckets(), "");
  const HistogramView lag = View(counters, [](const Shard& s) -> const auto& { return s.loop_lag; });
  out->AddHistogram("zts_loop_lag_seconds", lag, PauseBuckets(), "");
}

void AddProcess(const std::string& process, pid_t pid, double ended_cpu, Exposition* out) {
  const std::string label = Label("process", process);
  const auto stats = pid != 0 ? ReadProcessStats(pid) : std::nullopt;
  out->AddReal("zts_process_cpu_seconds_total", ended_cpu + (stats ? stats->cpu_seconds : 0), label);
  if (!stats) return;
  out->Add("zts_process_resident_memory_bytes", stats->resident_bytes, label);
  out->Add("zts_process_open_fds", stats->open_fds, label);
  out->AddReal("zts_process_start_time_seconds", stats->start_seconds, label);
}

void AddEngine(const EngineStatus& engine, Exposition* out) {
  out->Add("zts_engine_up", engine.answers() ? 1 : 0);
  out->Add("zts_engine_sandboxed", engine.sandboxed ? 1 : 0);
  out->Add("zts_engine_starts_total", engine.starts);
  for (size_t cause = 0; cause < kDeathCauses; ++cause) {
    out->Add("zts_engine_restarts_total", engine.deaths[cause],
             Label("cause", DeathCauseName(static_cast<DeathCause>(cause))));
  }
  for (const auto& [function, number] : engine.quarantined) {
    out->Add("zts_function_quarantined", 1, Label("function", function) + "," + Label("version", std::to_string(number)));
  }
  if (engine.io_backend.empty()) return;  // no engine has said it yet
  const std::string backend = Label("backend", engine.io_backend);
  out->Add("zts_io_backend", 1, backend);
  for (const std::string& feature : engine.io_features) {
    const size_t equals = feature.find('=');
    const bool on = equals != std::string::npos && feature.compare(equals, std::string::npos, "=1") == 0;
    out->Add("zts_io_feature", on ? 1 : 0, backend + "," + Label("feature", feature.substr(0, equals)));
  }
}

// Engines besides the default one: at most kEngineClassesMax.
void AddClasses(const std::vector<ClassStatus>& classes, Exposition* out) {
  out->Add("zts_engine_classes", classes.size());
  for (const ClassStatus& one : classes) {
    const std::string label = Label("class", one.name);
    uint64_t deaths = 0;
    for (const uint64_t of_cause : one.engine.deaths) deaths += of_cause;
    out->Add("zts_engine_class_up", one.engine.answers() ? 1 : 0, label);
    out->Add("zts_engine_class_sandboxed", one.engine.sandboxed ? 1 : 0, label);
    out->Add("zts_engine_class_restarts_total", deaths, label);
    AddProcess("engine " + one.name, one.engine.pid, 0, out);
    for (const auto& [function, number] : one.engine.quarantined) {
      out->Add("zts_function_quarantined", 1, Label("function", function) + "," + Label("version", std::to_string(number)));
    }
  }
}

void AddWorker(const WorkerFigures& figures, Exposition* out) {
  out->Add("zts_ready", figures.ready ? 1 : 0);
  out->Add("zts_catalog_version", figures.engine.catalog_version);
  out->Add("zts_controller_connected", figures.controller_connected ? 1 : 0);
  out->Add("zts_controller_connects_total", figures.controller_connects);
  out->Add("zts_controller_failures_total", figures.controller_failures);
  out->Add("zts_log_records_dropped_total", figures.log_records_dropped, Label("where", "supervisor"));
  AddProcess("supervisor", ::getpid(), 0, out);
  out->Add("zts_egress_up", figures.egress.up ? 1 : 0);
  out->Add("zts_egress_starts_total", figures.egress.starts);
  AddProcess("egress", figures.egress.pid, 0, out);
  AddProcess("engine", figures.engine.pid, EndedChildrenCpuSeconds(), out);
  out->Add("zts_build_info", 1, Label("compiler", __VERSION__) + "," + Label("artifact_key", figures.engine.artifact_key));
}

}  // namespace

Metrics::Metrics(const ipc::SharedCounters* counters, const CounterRows* rows, const VersionRows* version_rows,
                 const FunctionWindows* windows, std::function<WorkerFigures()> figures)
    : counters_(counters), rows_(rows), version_rows_(version_rows), windows_(windows), figures_(std::move(figures)) {}

void Metrics::AppendText(std::string* text) const {
  Exposition out;
  const auto functions = rows_->InUse();
  for (const auto& [function, row] : functions) {
    const FunctionMetrics one(*counters_, function, row, &out);
    one.AddCounts();
    one.AddLevels();
    one.AddLatency(windows_->Recent(function));
  }
  AddVersions(*version_rows_, &out);
  // Without "_other".
  out.Add("zts_catalog_functions", functions.size() - 1);
  AddTotals(*counters_, &out);
  AddTimes(*counters_, &out);
  const uint64_t in_shards = Sum(*counters_, [](const Shard& s) -> const ipc::Counter& { return s.log_records_dropped; });
  out.Add("zts_log_records_dropped_total", in_shards, Label("where", "shard"));
  const WorkerFigures figures = figures_();
  const Blocks blocks{figures.shards, figures.offload_threads};
  AddShards(*counters_, blocks, &out);
  AddOffloads(*counters_, blocks, &out);
  AddEngine(figures.engine, &out);
  AddClasses(figures.classes, &out);
  AddWorker(figures, &out);
  text->append(out.Take());
}

}  // namespace zts::supervisor
