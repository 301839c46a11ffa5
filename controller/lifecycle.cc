#include "controller/lifecycle.h"

#include <algorithm>

#include "controller/limits.h"

namespace zts::controller {
namespace {

std::string Title(const FunctionState& state, uint64_t number) { return state.name() + " v" + std::to_string(number); }

void MarkServed(FunctionState& state, uint64_t number) {
  std::erase(state.record.served, number);
  state.record.served.push_back(number);
}

}  // namespace

Result<VersionPtr> FunctionState::Find(uint64_t number) const {
  const auto found = versions.find(number);
  if (found != versions.end()) return found->second;
  return NotFound("there is no version " + std::to_string(number) + " of '" + name() + "'; 'ztsctl versions " + name() +
                  "' shows those that are kept");
}

void MakeActive(FunctionState& state, uint64_t number) {
  state.record.active_number = number;
  state.record.canary.reset();
  state.record.promotion.reset();
  MarkServed(state, number);
}

Result<uint64_t> SetCanary(FunctionState& state, uint64_t number, const CanaryShare& traffic, uint64_t catalog_version) {
  std::optional<Canary>& canary = state.record.canary;
  if (number == 0 && !canary) {
    return Invalid(state.name() + " has no canary; deploy one with --canary, or name a version with --version");
  }
  if (number == 0) number = canary->number;
  ZTS_RETURN_IF_ERROR(state.Find(number));
  if (number == state.record.active_number) return Invalid(Title(state, number) + " gets all requests already");
  const bool same = canary && canary->number == number;
  if (!same) state.record.promotion.reset();
  canary = Canary{number, traffic, same ? canary->since : catalog_version};
  return number;
}

Result<uint64_t> EndCanary(FunctionState& state) {
  if (!state.record.canary) return Invalid(state.name() + " has no canary");
  const uint64_t number = state.record.canary->number;
  state.record.canary.reset();
  state.record.promotion.reset();
  return number;
}

Result<uint64_t> RollbackTarget(const FunctionState& state, uint64_t to) {
  const uint64_t active = state.record.active_number;
  if (to == 0) {
    for (const uint64_t number : state.record.served) {
      if (number < active && state.versions.count(number) != 0) to = std::max(to, number);
    }
    if (to == 0) {
      return Invalid("no version of '" + state.name() + "' that served before v" + std::to_string(active) +
                     " is kept; name one with --to ('ztsctl versions " + state.name() + "' shows them)");
    }
  }
  ZTS_RETURN_IF_ERROR(state.Find(to));
  if (to == active) return Invalid(Title(state, to) + " serves already");
  return to;
}

void FallBack(FunctionState& state) {
  store::FunctionRecord& record = state.record;
  // A version older than the fallback was gone back to: it has served once, and stays.
  if (record.active_number > record.fallback_number) state.versions.erase(record.active_number);
  // What became active after the fallback was never known to work.
  const auto known = std::find(record.served.begin(), record.served.end(), record.fallback_number);
  if (known != record.served.end()) record.served.erase(std::next(known), record.served.end());
  MakeActive(state, record.fallback_number);
}

std::vector<VersionPtr> WarmVersions(const FunctionState& state) {
  std::vector<VersionPtr> warm;
  const store::FunctionRecord& record = state.record;
  for (auto at = record.served.rbegin(); at != record.served.rend() && warm.size() < kVersionsWarm; ++at) {
    if (*at == record.active_number || (record.canary && *at == record.canary->number)) continue;
    if (const auto found = state.versions.find(*at); found != state.versions.end()) warm.push_back(found->second);
  }
  return warm;
}

bool InUse(const FunctionState& state, uint64_t number) {
  const store::FunctionRecord& record = state.record;
  if (number == record.active_number || number == record.fallback_number) return true;
  if (record.canary && number == record.canary->number) return true;
  const auto warm = WarmVersions(state);
  return std::any_of(warm.begin(), warm.end(), [&](const VersionPtr& version) { return version->number == number; });
}

void DropOldVersions(FunctionState& state, int64_t now_ns) {
  auto& versions = state.versions;
  for (auto at = versions.begin(); at != versions.end() && versions.size() > kVersionsKept;) {
    const bool young = now_ns - at->second->created_ns < kVersionsKeptFor;
    const bool stays = InUse(state, at->first) || (young && versions.size() <= kVersionsMax);
    at = stays ? std::next(at) : versions.erase(at);
  }
  std::erase_if(state.record.served, [&](uint64_t number) { return versions.count(number) == 0; });
}

HistoryEvent EventOf(std::string what, uint64_t number, uint32_t share) {
  HistoryEvent event;
  event.what = std::move(what);
  event.number = number;
  event.share = share;
  return event;
}

void Remember(FunctionState& state, HistoryEvent event) {
  auto& history = state.record.history;
  history.push_back(std::move(event));
  if (history.size() > kHistoryKept) history.erase(history.begin());
}

void Complete(FunctionState& state) {
  if (!state.record.served.empty()) return;
  for (const auto& [number, version] : state.versions) {
    if (number != state.record.active_number) state.record.served.push_back(number);
  }
  state.record.served.push_back(state.record.active_number);
}

}  // namespace zts::controller
