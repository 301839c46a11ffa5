#include "worker/supervisor/engine_counters.h"

#include <set>

namespace zts::supervisor {

bool EngineCounters::Running(uint32_t row) const {
  for (uint32_t thread = first_; thread < end_; ++thread) {
    if (counters_->shard(thread).functions[row].in_flight.Read() != 0) return true;
  }
  return false;
}

uint64_t EngineCounters::OnlyRunning(const CatalogSpec& catalog) const {
  uint64_t only = 0;
  std::set<uint64_t> divided;  // which of two it was is not known
  for (const SplitSpec& split : catalog.splits) divided.insert(split.active->version_id);
  for (const FunctionSpecPtr& spec : catalog.functions) {
    const uint32_t row = rows_->Assign(spec->function);
    if (row == 0 || !Running(row)) continue;
    if (only != 0 || divided.count(spec->version_id) > 0) return 0;
    only = spec->version_id;
  }
  return only;
}

void EngineCounters::ResetGauges() const {
  for (uint32_t index = first_; index < end_; ++index) {
    ipc::ShardCounters& shard = counters_->shard(index);
    for (ipc::Counter* gauge : {&shard.connections_open, &shard.warm_isolates, &shard.spare_isolates, &shard.learned_code_bytes,
                                &shard.queued, &shard.active_catalog, &shard.offload.running, &shard.offload.functions}) {
      gauge->Set(0);
    }
    for (const auto& [function, row] : rows_->InUse()) {
      ipc::FunctionCounters& counters = shard.functions[row];
      counters.in_flight.Set(0);
      counters.isolates.Set(0);
      counters.heap_used_bytes.Set(0);
      counters.heap_committed_bytes.Set(0);
      counters.external_bytes.Set(0);
      counters.memory_limit_bytes.Set(0);
      counters.offloaded.Set(0);
    }
  }
}

}  // namespace zts::supervisor
