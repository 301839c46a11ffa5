#include "worker/engine/log_queue.h"

#include <iterator>
#include <utility>

#include "worker/engine/limits.h"

namespace zts {

LogQueue::Pushed LogQueue::Push(std::vector<LogRecord>& records) {
  size_t bytes = 0;
  for (const LogRecord& record : records) bytes += record.bytes();
  {
    std::lock_guard lock(mutex_);
    if (closed_ || bytes_ + bytes > kLogQueueBytesMax) return Pushed::kFull;
    bytes_ += bytes;
    waiting_.insert(waiting_.end(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
  }
  filled_.notify_one();
  records.clear();
  return Pushed::kYes;
}

std::vector<LogRecord> LogQueue::Pop(size_t bytes_max) {
  std::unique_lock lock(mutex_);
  filled_.wait(lock, [this] { return closed_ || popped_ < waiting_.size(); });
  std::vector<LogRecord> taken;
  size_t bytes = 0;
  while (popped_ < waiting_.size()) {
    const size_t next = waiting_[popped_].bytes();
    if (!taken.empty() && bytes + next > bytes_max) break;
    bytes += next;
    taken.push_back(std::move(waiting_[popped_++]));
  }
  bytes_ -= bytes;
  if (popped_ == waiting_.size()) {
    waiting_.clear();
    popped_ = 0;
  }
  return taken;
}

void LogQueue::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  filled_.notify_all();
}

}  // namespace zts
