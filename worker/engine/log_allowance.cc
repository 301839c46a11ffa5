#include "worker/engine/log_allowance.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/engine/limits.h"

namespace zts {

bool LogAllowance::Take(uint64_t version_id, size_t bytes, Nanos now) {
  Bucket& bucket = Find(version_id, now);
  if (now > bucket.at) {
    // A second fills any bucket that is refilled by more than it holds; the product below stays small.
    const Nanos passed = std::min(now - bucket.at, kSecond);
    bucket.bytes = std::min(kLogBurstBytes, bucket.bytes + kLogBytesPerSecond * static_cast<size_t>(passed / 1000) / 1'000'000);
  }
  bucket.at = now;
  if (bytes > bucket.bytes) {
    ++bucket.dropped;
    return false;
  }
  bucket.bytes -= bytes;
  return true;
}

void LogAllowance::AddDropped(uint64_t version_id, uint64_t records) {
  const auto found = buckets_.find(version_id);
  if (found != buckets_.end()) found->second.dropped += records;
}

uint64_t LogAllowance::TakeDropped(uint64_t version_id) {
  const auto found = buckets_.find(version_id);
  return found == buckets_.end() ? 0 : std::exchange(found->second.dropped, 0);
}

LogAllowance::Bucket& LogAllowance::Find(uint64_t version_id, Nanos now) {
  const auto found = buckets_.find(version_id);
  if (found != buckets_.end()) return found->second;
  if (buckets_.size() >= kLogAllowancesMax) MakeRoom();
  return buckets_.emplace(version_id, Bucket{kLogBurstBytes, now, 0}).first->second;
}

// Half of them at once, so that it is rare.
void LogAllowance::MakeRoom() {
  std::vector<Nanos> times;
  times.reserve(buckets_.size());
  for (const auto& [id, bucket] : buckets_) times.push_back(bucket.at);
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::erase_if(buckets_, [median = *middle](const auto& each) { return each.second.at <= median; });
}

}  // namespace zts
