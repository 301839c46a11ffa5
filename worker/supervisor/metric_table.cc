#include "worker/supervisor/metric_table.h"

namespace zts::supervisor {
namespace {

using prometheus::MetricType;

constexpr MetricInfo kMetrics[] = {
    // Functions. "_other" stands for all beyond the counters' table.
    {"zts_requests_total", MetricType::Counter, "function, code", "Requests answered by functions, by status class."},
    {"zts_request_duration_seconds", MetricType::Histogram, "function",
     "From the whole request head to the response handed to the kernel."},
    {"zts_request_duration_quantile_seconds", MetricType::Summary, "function, quantile",
     "Quantiles of the same durations since the worker started, each within 3.2% of the exact one."},
    {"zts_invocation_outcomes_total", MetricType::Counter, "function, outcome", "How invocations ended."},
    {"zts_cold_starts_total", MetricType::Counter, "function, kind",
     "Requests that found no warm isolate, by where the isolate and its code came from."},
    {"zts_function_in_flight", MetricType::Gauge, "function", "Requests inside the function."},
    {"zts_function_isolates", MetricType::Gauge, "function", "Warm isolates of the function."},
    {"zts_function_heap_used_bytes", MetricType::Gauge, "function", "V8 heap of its isolates, as last looked at."},

    // Cold starts and pools.
    {"zts_cold_start_seconds", MetricType::Histogram, "phase", "Cold starts by phase; \"total\" is what the request waited."},
    {"zts_isolates_warm", MetricType::Gauge, "shard", "Isolates that hold a function."},
    {"zts_isolates_spare", MetricType::Gauge, "", "Empty isolates at hand for cold starts."},
    {"zts_pool_queued", MetricType::Gauge, "shard", "Requests that wait for a cold function."},
    {"zts_isolate_evictions_total", MetricType::Counter, "", "Warm isolates given up to make room."},
    {"zts_isolates_lost_total", MetricType::Counter, "", "Isolates lost to a memory limit or a recycled realm."},
    {"zts_turns_terminated_total", MetricType::Counter, "", "Turns of JavaScript ended by the watchdog."},

    // Connections and I/O.
    {"zts_connections_open", MetricType::Gauge, "shard", "Open client connections."},
    {"zts_connections_total", MetricType::Counter, "shard", "Client connections accepted."},
    {"zts_request_heads_total", MetricType::Counter, "shard", "Request heads seen, refused ones included."},
    {"zts_refusals_total", MetricType::Counter, "reason", "Requests refused before any function saw them."},
    {"zts_received_bytes_total", MetricType::Counter, "", "Bytes received from clients."},
    {"zts_sent_bytes_total", MetricType::Counter, "", "Bytes sent to clients."},
    {"zts_receive_starved_total", MetricType::Counter, "", "Receives that found no free buffer."},
    {"zts_io_syscalls_total", MetricType::Counter, "", "System calls of the shards' I/O."},
    {"zts_loop_passes_total", MetricType::Counter, "", "Passes of the shards' loops."},
    {"zts_io_feature", MetricType::Gauge, "backend, feature", "1 where the I/O back end in use has the feature."},

    // The worker.
    {"zts_ready", MetricType::Gauge, "", "1 while /readyz says so."},
    {"zts_catalog_version", MetricType::Gauge, "", "Version of the catalog that is served; 0 before the first."},
    {"zts_shard_catalog_version", MetricType::Gauge, "shard", "Version of the catalog that the shard serves."},
    {"zts_catalog_functions", MetricType::Gauge, "", "Functions with counters of their own."},
    {"zts_controller_connected", MetricType::Gauge, "", "1 while the stream to the controller is open."},
    {"zts_controller_connects_total", MetricType::Counter, "", "Streams opened to the controller."},
    {"zts_controller_failures_total", MetricType::Counter, "", "Streams that failed or could not be opened."},
    {"zts_log_records_dropped_total", MetricType::Counter, "where",
     "Functions' log records lost to a full queue: in a shard, or in the supervisor while the controller is away."},
    {"zts_engine_up", MetricType::Gauge, "", "1 while an engine serves."},
    {"zts_engine_sandboxed", MetricType::Gauge, "", "1 while a seccomp filter is on every thread of the engine."},
    {"zts_engine_starts_total", MetricType::Counter, "", "Engine processes started."},
    {"zts_engine_restarts_total", MetricType::Counter, "cause", "Engine processes that had to be replaced."},
    {"zts_function_quarantined", MetricType::Gauge, "function, version",
     "1 for a version left out because it took the engine down too often."},
    {"zts_process_cpu_seconds_total", MetricType::Counter, "process",
     "CPU time of the supervisor, and of this worker's engines, ended ones included."},
    {"zts_process_resident_memory_bytes", MetricType::Gauge, "process", "Resident memory."},
    {"zts_process_open_fds", MetricType::Gauge, "process", "Open file descriptors."},
    {"zts_process_start_time_seconds", MetricType::Gauge, "process", "Start of the process, seconds since 1970."},
    {"zts_build_info", MetricType::Gauge, "compiler, artifact_key", "Always 1: what this worker was built from."},
};

}  // namespace

std::span<const MetricInfo> AllMetrics() { return kMetrics; }

}  // namespace zts::supervisor
