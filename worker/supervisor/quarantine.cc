#include "worker/supervisor/quarantine.h"

namespace zts::supervisor {

bool Quarantine::OnDeath(uint64_t version_id, Nanos now) {
  if (Holds(version_id)) return false;
  std::deque<Nanos>& deaths = deaths_[version_id];
  while (!deaths.empty() && now - deaths.front() > kWindow) deaths.pop_front();
  deaths.push_back(now);
  if (deaths.size() < kDeathsMax) return false;
  deaths_.erase(version_id);
  held_.insert(version_id);
  return true;
}

void Quarantine::Retain(const std::set<uint64_t>& version_ids) {
  const auto forget = [&version_ids](const auto& item) { return version_ids.count(item.first) == 0; };
  std::erase_if(deaths_, forget);
  std::erase_if(held_, [&version_ids](uint64_t id) { return version_ids.count(id) == 0; });
}

}  // namespace zts::supervisor
