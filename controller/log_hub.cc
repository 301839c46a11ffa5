#include "controller/log_hub.h"

#include <algorithm>
#include <chrono>

#include "controller/limits.h"

namespace zts::controller {

size_t LogHub::BytesOf(const LogRecord& record) {
  return sizeof(LogRecord) + record.function.size() + record.severity.size() + record.message.size() + record.request_id.size() +
         record.worker.size();
}

void LogHub::Append(std::vector<LogRecord> records) {
  const std::lock_guard lock(mutex_);
  for (LogRecord& record : records) {
    const auto shared = std::make_shared<const LogRecord>(std::move(record));
    ++stats_.received;
    kept_.push_back(shared);
    kept_bytes_ += BytesOf(*shared);
    while (kept_.size() > kLogRecordsKept || kept_bytes_ > kLogBytesKept) {
      kept_bytes_ -= BytesOf(*kept_.front());
      kept_.pop_front();
    }
    for (Tail* tail : tails_) Offer(*tail, shared);
  }
  arrived_.notify_all();
}

void LogHub::Offer(Tail& tail, const RecordPtr& record) {
  if (!tail.function_.empty() && tail.function_ != record->function) return;
  tail.queue_.push_back(record);
  tail.bytes_ += BytesOf(*record);
  while (tail.queue_.size() > kTailRecordsMax || tail.bytes_ > kTailBytesMax) {
    tail.bytes_ -= BytesOf(*tail.queue_.front());
    tail.queue_.pop_front();
    ++tail.dropped_;
    ++stats_.dropped_by_tails;
  }
}

Result<std::unique_ptr<LogHub::Tail>> LogHub::Open(const std::string& function, size_t backlog) {
  const std::lock_guard lock(mutex_);
  if (tails_.size() >= kTailsMax) {
    return Error{ErrorCode::kExhausted, "there are " + std::to_string(kTailsMax) + " log readers already; end one first"};
  }
  auto tail = std::make_unique<Tail>(*this, function);
  // From the newest backwards, then in order.
  std::vector<RecordPtr> last;
  size_t bytes = 0;
  for (auto at = kept_.rbegin(); at != kept_.rend() && last.size() < std::min(backlog, kTailRecordsMax); ++at) {
    if (!function.empty() && (*at)->function != function) continue;
    bytes += BytesOf(**at);
    if (bytes > kTailBytesMax) break;
    last.push_back(*at);
  }
  for (auto at = last.rbegin(); at != last.rend(); ++at) Offer(*tail, *at);
  tails_.insert(tail.get());
  return tail;
}

LogHub::Stats LogHub::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.kept = kept_.size();
  stats.tails = tails_.size();
  return stats;
}

LogHub::Tail::~Tail() {
  const std::lock_guard lock(hub_.mutex_);
  hub_.tails_.erase(this);
}

LogHub::Tail::Batch LogHub::Tail::Next(Nanos wait) {
  std::unique_lock lock(hub_.mutex_);
  hub_.arrived_.wait_for(lock, std::chrono::nanoseconds(wait), [&] { return !queue_.empty(); });
  Batch batch;
  batch.records.assign(queue_.begin(), queue_.end());
  batch.dropped = dropped_;
  queue_.clear();
  bytes_ = 0;
  dropped_ = 0;
  return batch;
}

}  // namespace zts::controller
