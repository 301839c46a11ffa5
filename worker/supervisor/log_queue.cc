#include "worker/supervisor/log_queue.h"

namespace zts::supervisor {
namespace {

size_t BytesOf(const LogRecord& record) {
  return sizeof(LogRecord) + record.function.size() + record.severity.size() + record.message.size() +
         record.request_id.size();
}

}  // namespace

void LogQueue::Drop(const LogRecord& record) {
  ++dropped_;
  dropped_before_next_ += 1 + record.dropped_before;
}

void LogQueue::Add(std::vector<LogRecord> records) {
  std::lock_guard lock(mutex_);
  for (LogRecord& record : records) {
    const size_t bytes = BytesOf(record);
    if (bytes_ + bytes > bytes_max_) {
      Drop(record);
      continue;
    }
    record.dropped_before += std::exchange(dropped_before_next_, 0);
    bytes_ += bytes;
    records_.push_back(std::move(record));
  }
  changed_.notify_one();
}

std::vector<LogRecord> LogQueue::Take(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return !records_.empty() || interrupted_; });
  interrupted_ = false;
  std::vector<LogRecord> batch;
  size_t batch_bytes = 0;
  while (!records_.empty()) {
    const size_t bytes = BytesOf(records_.front());
    if (!batch.empty() && batch_bytes + bytes > kBatchBytesMax) break;
    batch_bytes += bytes;
    bytes_ -= bytes;
    batch.push_back(std::move(records_.front()));
    records_.pop_front();
  }
  if (records_.empty()) emptied_.notify_all();
  return batch;
}

bool LogQueue::WaitEmpty(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_for(lock, timeout, [this] { return records_.empty(); });
}

void LogQueue::Return(std::vector<LogRecord> records) {
  std::lock_guard lock(mutex_);
  // Newest first, so that the oldest ends up in front.
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    const size_t bytes = BytesOf(*record);
    if (bytes_ + bytes > bytes_max_) {
      Drop(*record);
      continue;
    }
    bytes_ += bytes;
    records_.push_front(std::move(*record));
  }
  changed_.notify_one();
}

void LogQueue::Interrupt() {
  std::lock_guard lock(mutex_);
  interrupted_ = true;
  changed_.notify_all();
}

uint64_t LogQueue::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace zts::supervisor
