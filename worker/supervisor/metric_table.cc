#include "worker/supervisor/metric_table.h"

namespace zts::supervisor {
namespace {

using enum admin::MetricType;

constexpr admin::MetricInfo kMetrics[] = {
    {"functions", "zts_requests_total", kCounter, "function, code", "Requests answered by functions, by status class."},
    {"functions", "zts_request_duration_seconds", kHistogram, "function",
     "From the whole request head to the response handed to the kernel."},
    {"functions", "zts_request_duration_quantile_seconds", kSummary, "function, quantile",
     "Quantiles of the same durations over the last minute, each within 3.2% of the exact one; NaN when nothing was "
     "answered. Count and sum are since the start."},
    {"functions", "zts_invocation_outcomes_total", kCounter, "function, outcome",
     "How invocations ended; limits that were hit are outcomes."},
    {"functions", "zts_cold_starts_total", kCounter, "function, kind",
     "Requests that found no warm isolate, by where the isolate and its code came from."},
    {"functions", "zts_subrequests_total", kCounter, "function, result", "Outgoing requests of functions, by how they ended."},
    {"functions", "zts_subrequest_wait_seconds_total", kCounter, "function",
     "Time from the start of outgoing requests to the heads of their responses."},
    {"functions", "zts_function_in_flight", kGauge, "function", "Requests inside the function."},
    {"functions", "zts_function_isolates", kGauge, "function", "Warm isolates of the function."},
    {"functions", "zts_function_heap_used_bytes", kGauge, "function",
     "Live and dead objects in the V8 heaps of its isolates, as last looked at."},
    {"functions", "zts_function_heap_committed_bytes", kGauge, "function", "Memory those heaps take."},
    {"functions", "zts_function_external_bytes", kGauge, "function",
     "ArrayBuffers, which are beside the heaps and count towards the memory limit."},
    {"functions", "zts_function_offloaded", kGauge, "function",
     "Shards that have given the function to their offload thread: its turns of JavaScript hold a core for long."},
    {"functions", "zts_function_offloads_total", kCounter, "function", "Times that a shard has done so."},
    {"functions", "zts_function_gc_total", kCounter, "function, kind",
     "Garbage collections that its isolates stood still for."},
    {"functions", "zts_function_gc_seconds_total", kCounter, "function, kind", "Time that its isolates stood still for them."},

    {"versions", "zts_version_requests_total", kCounter, "function, version", "Requests that the version answered."},
    {"versions", "zts_version_errors_total", kCounter, "function, version", "Of them, those answered with 5xx."},
    {"versions", "zts_version_cold_starts_total", kCounter, "function, version", "Of them, those that waited for an isolate."},
    {"versions", "zts_version_request_duration_seconds", kHistogram, "function, version",
     "Durations as in zts_request_duration_seconds, of the version."},

    {"pools", "zts_worker_request_duration_seconds", kHistogram, "",
     "Request durations of all functions together, with 16 buckets an octave: fleet-wide quantiles within 5%."},
    {"pools", "zts_cold_start_seconds", kHistogram, "phase", "Cold starts by phase; \"total\" is what the request waited."},
    {"pools", "zts_queue_wait_seconds", kHistogram, "",
     "What requests waited that found no isolate at once, the first one of a cold start and those behind it."},
    {"pools", "zts_isolates_warm", kGauge, "shard", "Isolates that hold a function."},
    {"pools", "zts_isolates_spare", kGauge, "", "Empty isolates at hand for cold starts."},
    {"pools", "zts_pool_queued", kGauge, "shard", "Requests that wait for a cold function."},
    {"pools", "zts_isolate_evictions_total", kCounter, "", "Warm isolates given up to make room."},
    {"pools", "zts_isolates_lost_total", kCounter, "", "Isolates lost to a memory limit or a recycled realm."},
    {"pools", "zts_turns_terminated_total", kCounter, "", "Turns of JavaScript ended by the watchdog."},
    {"pools", "zts_streams_open", kGauge, "direction",
     "Bodies on their way in pieces: \"in\" of requests, \"out\" of responses."},
    {"pools", "zts_streams_total", kCounter, "direction", "Bodies that went in pieces."},
    {"pools", "zts_streams_aborted_total", kCounter, "direction",
     "Those that did not come to their end: the peer went, the function failed, or a limit was reached."},
    {"pools", "zts_gc_pause_seconds", kHistogram, "during, kind", "Pauses for garbage collection."},

    {"io", "zts_connections_open", kGauge, "shard", "Open client connections."},
    {"io", "zts_connections_total", kCounter, "shard", "Client connections accepted."},
    {"io", "zts_request_heads_total", kCounter, "shard", "Request heads seen, refused ones included."},
    {"io", "zts_refusals_total", kCounter, "reason", "Requests refused before any function saw them."},
    {"io", "zts_received_bytes_total", kCounter, "", "Bytes received from clients."},
    {"io", "zts_sent_bytes_total", kCounter, "", "Bytes sent to clients."},
    {"io", "zts_receive_starved_total", kCounter, "", "Receives that found no free buffer."},
    {"io", "zts_io_syscalls_total", kCounter, "", "System calls of the shards' I/O."},
    {"io", "zts_loop_passes_total", kCounter, "", "Passes of the shards' loops."},
    {"io", "zts_loop_lag_seconds", kHistogram, "",
     "By how much a timer that each loop sets once a second was late: what any event waits for the loop."},
    {"io", "zts_io_backend", kGauge, "backend", "Always 1: the I/O back end in use."},
    {"io", "zts_io_feature", kGauge, "backend, feature", "1 where the I/O back end in use has the feature."},

    {"worker", "zts_ready", kGauge, "", "1 while /readyz says so."},
    {"worker", "zts_catalog_version", kGauge, "", "Version of the catalog that is served; 0 before the first."},
    {"worker", "zts_shard_catalog_version", kGauge, "shard", "Version of the catalog that the shard serves."},
    {"worker", "zts_catalog_functions", kGauge, "", "Functions with counters of their own."},
    {"worker", "zts_controller_connected", kGauge, "", "1 while the stream to the controller is open."},
    {"worker", "zts_controller_connects_total", kCounter, "", "Streams opened to the controller."},
    {"worker", "zts_controller_failures_total", kCounter, "", "Streams that failed or could not be opened."},
    {"worker", "zts_log_records_dropped_total", kCounter, "where",
     "Functions' log records lost to a full queue: in a shard, or in the supervisor while the controller is away."},
    {"worker", "zts_engine_up", kGauge, "", "1 while an engine serves."},
    {"worker", "zts_engine_sandboxed", kGauge, "", "1 while a seccomp filter is on every thread of the engine."},
    {"worker", "zts_engine_starts_total", kCounter, "", "Engine processes started."},
    {"worker", "zts_engine_restarts_total", kCounter, "cause", "Engine processes that had to be replaced."},
    {"worker", "zts_egress_up", kGauge, "", "1 while the process that makes functions' requests runs."},
    {"worker", "zts_egress_starts_total", kCounter, "", "Egress processes started."},
    {"worker", "zts_function_quarantined", kGauge, "function, version",
     "1 for a version left out because it took the engine down too often."},
    {"worker", "zts_process_cpu_seconds_total", kCounter, "process",
     "CPU time of the supervisor, of the egress process, and of this worker's engines, ended ones included."},
    {"worker", "zts_process_resident_memory_bytes", kGauge, "process", "Resident memory."},
    {"worker", "zts_process_open_fds", kGauge, "process", "Open file descriptors."},
    {"worker", "zts_process_start_time_seconds", kGauge, "process", "Start of the process, seconds since 1970."},
    {"worker", "zts_build_info", kGauge, "compiler, artifact_key", "Always 1: what this worker was built from."},
};

}  // namespace

std::span<const admin::MetricInfo> AllMetrics() { return kMetrics; }

}  // namespace zts::supervisor
