// Console records of one pass of a loop, on their way to the log queue: gathered without a lock, pushed together.
//
// Owner:    a shard, an offload host.
// Thread:   the owner's.
// Life:     queue and counters outlive it.
// Limits:   kLogRecordBytesMax a record (longer ones are cut and say so), kLogQueueBytesMax a batch, and what log_allowance.h gives each
//           version; what is beyond is dropped, counted, and told with the version's next record that fits.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "jsruntime/isolate.h"
#include "worker/engine/log_allowance.h"
#include "worker/engine/log_queue.h"
#include "worker/ipc/shared_counters.h"

namespace zts {

class LogBatch {
 public:
  // `queue` may be null: nobody reads.
  LogBatch(LogQueue* queue, ipc::ShardCounters* counters) : queue_(queue), counters_(counters) {}

  void Add(Nanos wall_time, uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message);
  void Flush();

 private:
  LogQueue* const queue_;
  ipc::ShardCounters* const counters_;
  std::vector<LogRecord> records_;
  size_t bytes_ = 0;
  LogAllowance allowance_;
};

}  // namespace zts
