#include "worker/supervisor/sync/stats_message.h"

namespace zts::supervisor {

v1::WorkerStats ToMessage(const std::vector<FunctionStep>& steps, Nanos window) {
  v1::WorkerStats message;
  message.set_window_ns(window);
  for (const FunctionStep& step : steps) {
    v1::FunctionStats& stats = *message.add_functions();
    stats.set_function(step.function);
    stats.set_requests(step.requests);
    stats.set_errors(step.errors);
    stats.set_cold_starts(step.cold_starts);
    stats.set_limits_hit(step.limits_hit);
    for (const auto& [bucket, samples] : step.latency) {
      // The middle of the bucket stands for its samples.
      const Nanos end = ipc::Histogram::UpperBound(bucket);
      const Nanos begin = bucket == 0 ? Nanos{1} << ipc::Histogram::kFirstPower : ipc::Histogram::UpperBound(bucket - 1);
      stats.add_latency_ns((begin + end) / 2);
      stats.add_latency_count(samples);
    }
    stats.set_in_flight(step.in_flight);
    stats.set_isolates(step.isolates);
    stats.set_memory_bytes(step.memory.heap_committed_bytes + step.memory.external_bytes);
    v1::MemoryFigures& memory = *stats.mutable_memory();
    memory.set_minor_collections(step.memory.minor_collections);
    memory.set_major_collections(step.memory.major_collections);
    memory.set_pause_inside_ns(step.memory.pause_inside_ns);
    memory.set_pause_outside_ns(step.memory.pause_outside_ns);
    memory.set_heap_used_bytes(step.memory.heap_used_bytes);
    memory.set_heap_committed_bytes(step.memory.heap_committed_bytes);
    memory.set_external_bytes(step.memory.external_bytes);
    memory.set_limit_bytes(step.memory.limit_bytes);
  }
  return message;
}

}  // namespace zts::supervisor
