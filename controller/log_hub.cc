#include "controller/log_hub.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <random>

#include "controller/limits.h"

namespace zts::controller {

namespace {

// "info" is what "log" is: console.log has no gravity of its own.
constexpr std::pair<std::string_view, int> kLevels[] = {{"debug", 0}, {"log", 1},   {"info", 1},
                                                        {"warn", 2},  {"error", 3}, {"exception", 4}};

std::string NewSource() {
  std::random_device random;
  return std::to_string(uint64_t{random()} << 32 | random());
}

}  // namespace

std::optional<int> LevelOf(std::string_view severity) {
  const auto found = std::find_if(std::begin(kLevels), std::end(kLevels), [&](const auto& level) { return level.first == severity; });
  return found == std::end(kLevels) ? std::nullopt : std::optional(found->second);
}

bool LogFilter::Concerns(const LogRecord& record) const {
  return (function.empty() || function == record.function) && (!may_see || may_see(record.function));
}

bool LogFilter::Matches(const LogRecord& record) const {
  // A severity that only a newer worker knows is shown rather than hidden.
  return Concerns(record) && (version == 0 || version == record.version_number) &&
         LevelOf(record.severity).value_or(level_min) >= level_min && (request_id.empty() || request_id == record.request_id);
}

LogHub::LogHub() : source_(NewSource()) {}

size_t LogHub::BytesOf(const LogRecord& record) {
  return sizeof(LogRecord) + record.function.size() + record.severity.size() + record.message.size() + record.request_id.size() +
         record.worker.size();
}

void LogHub::Append(std::vector<LogRecord> records) {
  const std::lock_guard lock(mutex_);
  for (LogRecord& record : records) {
    record.sequence = ++sequence_;
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
  if (!tail.filter_.Matches(*record)) {
    // What the worker lost before a record that is not shown was lost all the same.
    if (record->dropped_before > 0 && tail.filter_.Concerns(*record)) tail.dropped_ += record->dropped_before;
    return;
  }
  tail.queue_.push_back(record);
  tail.bytes_ += BytesOf(*record);
  while (tail.queue_.size() > kTailRecordsMax || tail.bytes_ > kTailBytesMax) {
    tail.bytes_ -= BytesOf(*tail.queue_.front());
    tail.dropped_ += 1 + tail.queue_.front()->dropped_before;
    tail.queue_.pop_front();
    ++stats_.dropped_by_tails;
  }
}

Result<std::unique_ptr<LogHub::Tail>> LogHub::Open(LogFilter filter, const Place& from) {
  const std::lock_guard lock(mutex_);
  if (tails_.size() >= kTailsMax) {
    return Error{ErrorCode::kExhausted, "there are " + std::to_string(kTailsMax) + " log readers already; end one first"};
  }
  auto tail = std::make_unique<Tail>(*this, std::move(filter));
  Begin(*tail, from);
  tails_.insert(tail.get());
  return tail;
}

void LogHub::Begin(Tail& tail, const Place& from) {
  const bool goes_on = from.source == source_ && from.after <= sequence_;
  if (goes_on) {
    const uint64_t first_kept = kept_.empty() ? sequence_ + 1 : kept_.front()->sequence;
    tail.gap_ = from.after + 1 < first_kept;
    tail.begin_ = from.after;
    for (const RecordPtr& record : kept_) {
      if (record->sequence > from.after) Offer(tail, record);
    }
    return;
  }
  // From the newest backwards, then in order.
  std::vector<RecordPtr> last;
  size_t bytes = 0;
  for (auto at = kept_.rbegin(); at != kept_.rend() && last.size() < std::min(from.backlog, kTailRecordsMax); ++at) {
    if (!tail.filter_.Matches(**at)) continue;
    bytes += BytesOf(**at);
    if (bytes > kTailBytesMax) break;
    last.push_back(*at);
  }
  tail.begin_ = last.empty() ? sequence_ : last.back()->sequence - 1;
  for (auto at = last.rbegin(); at != last.rend(); ++at) Offer(tail, *at);
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
  batch.position = hub_.sequence_;
  queue_.clear();
  bytes_ = 0;
  dropped_ = 0;
  return batch;
}

}  // namespace zts::controller
