#include "worker/engine/log_batch.h"

#include <utility>

#include "worker/engine/limits.h"

namespace zts {

void LogBatch::Add(Nanos wall_time, uint64_t version_id, std::string_view request_id, js::LogSeverity severity,
                   std::string_view message) {
  if (queue_ == nullptr) return;
  constexpr std::string_view kCut = "... (cut)";
  LogRecord record{.time = wall_time, .version_id = version_id, .severity = severity};
  record.request_id = request_id;
  record.message = message.substr(0, kLogRecordBytesMax);
  if (message.size() > kLogRecordBytesMax) record.message.replace(kLogRecordBytesMax - kCut.size(), kCut.size(), kCut);
  if (!allowance_.Take(version_id, record.bytes(), wall_time)) return counters_->log_records_dropped.Add();
  if (bytes_ + record.bytes() > kLogQueueBytesMax) {
    allowance_.AddDropped(version_id, 1);
    return counters_->log_records_dropped.Add();
  }
  record.dropped_before = allowance_.TakeDropped(version_id);
  bytes_ += record.bytes();
  records_.push_back(std::move(record));
}

void LogBatch::Flush() {
  if (records_.empty()) return;
  bytes_ = 0;
  if (queue_->Push(records_) == LogQueue::Pushed::kYes) return;
  for (const LogRecord& record : records_) allowance_.AddDropped(record.version_id, record.dropped_before + 1);
  counters_->log_records_dropped.Add(records_.size());
  records_.clear();
}

}  // namespace zts
