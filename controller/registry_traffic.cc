// Changes of what serves of a function that is there: another version, another share, another configuration; and what can be seen of it.
#include <algorithm>
#include <set>

#include "controller/registry.h"
#include "controller/validate.h"

namespace zts::controller {

Result<Deployed> Registry::Change(const std::string& function, const Actor& actor, const Alter& change) {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  if (found == functions_.end()) return NotFound("there is no function '" + function + "'");
  const store::Counters counters = NextCounters();
  Function after = found->second;
  if (IsProven(after.record)) after.record.fallback_number = after.record.active_number;
  ZTS_ASSIGN_OR_RETURN(HistoryEvent event, change(after, counters.catalog_version));
  ZTS_ASSIGN_OR_RETURN(VersionPtr version, after.Find(event.number));
  ZTS_RETURN_IF_ERROR(Finish(std::move(after), std::move(event), actor, {}, counters));
  return Deployed{std::move(version), counters_.catalog_version};
}

Result<Deployed> Registry::Configure(const std::string& function, const Edit& edit, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t) -> Result<HistoryEvent> {
    if (after.record.canary) {
      return Invalid("'" + function + "' has a canary; promote it or roll it back before the configuration is changed");
    }
    const FunctionVersion& active = *after.versions.at(after.record.active_number);
    ZTS_ASSIGN_OR_RETURN(std::shared_ptr<FunctionVersion> version, NextVersion(after, actor));
    const uint64_t number = version->number, id = version->version_id;
    const int64_t created = version->created_ns;
    *version = active;
    version->number = number;
    version->version_id = id;
    version->created_ns = created;
    version->author = actor.by;
    version->message = actor.note;
    version->based_on = active.based_on != 0 ? active.based_on : active.number;
    ZTS_RETURN_IF_ERROR(edit(version->config));
    ZTS_RETURN_IF_ERROR(ValidateConfig(version->config));
    if (version->config == active.config) return Error{ErrorCode::kExists, "'" + function + "' is configured like this already"};
    after.versions[number] = std::move(version);
    ZTS_RETURN_IF_ERROR(CheckFit(after, number));
    MakeActive(after, number);
    return EventOf("configured", number);
  });
}

Result<Deployed> Registry::Rollback(const std::string& function, uint64_t to, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t) -> Result<HistoryEvent> {
    if (to == 0 && after.record.canary) {
      ZTS_RETURN_IF_ERROR(EndCanary(after));
      return EventOf("rolled-back", after.record.active_number);
    }
    ZTS_ASSIGN_OR_RETURN(const uint64_t target, RollbackTarget(after, to));
    ZTS_RETURN_IF_ERROR(CheckFit(after, target));
    MakeActive(after, target);
    return EventOf("rolled-back", target);
  });
}

Result<Deployed> Registry::SetShare(const std::string& function, uint64_t number, const CanaryShare& traffic, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t catalog_version) -> Result<HistoryEvent> {
    ZTS_ASSIGN_OR_RETURN(const uint64_t canary, SetCanary(after, number, traffic, catalog_version));
    ZTS_RETURN_IF_ERROR(CheckFit(after, canary));
    // Whoever sets a share by hand takes the wheel.
    after.record.promotion.reset();
    return EventOf("canary", canary, traffic.share);
  });
}

Result<Deployed> Registry::Promote(const std::string& function, uint64_t number, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t) -> Result<HistoryEvent> {
    if (number == 0 && !after.record.canary) {
      return Invalid("'" + function + "' has no canary to promote; deploy one with --canary, or name a version with --version");
    }
    const uint64_t wanted = number != 0 ? number : after.record.canary->number;
    if (wanted == after.record.active_number) return Invalid(function + " v" + std::to_string(wanted) + " gets all requests already");
    ZTS_RETURN_IF_ERROR(CheckFit(after, wanted));
    MakeActive(after, wanted);
    return EventOf("promoted", wanted);
  });
}

Result<Deployed> Registry::StartPromotion(const std::string& function, uint64_t number, Promotion promotion, const Sticky& sticky,
                                          const Actor& actor) {
  ZTS_RETURN_IF_ERROR(ValidatePromotion(promotion));
  promotion.step = 0;
  promotion.by = actor.by;
  return Change(function, actor, [&](Function& after, uint64_t catalog_version) -> Result<HistoryEvent> {
    const CanaryShare traffic{promotion.steps.front(), sticky};
    ZTS_ASSIGN_OR_RETURN(const uint64_t canary, SetCanary(after, number, traffic, catalog_version));
    ZTS_RETURN_IF_ERROR(CheckFit(after, canary));
    after.record.promotion = promotion;
    return EventOf("auto", canary, traffic.share);
  });
}

Result<Deployed> Registry::StopPromotion(const std::string& function, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t) -> Result<HistoryEvent> {
    if (!after.record.promotion || !after.record.canary) return Invalid("'" + function + "' is not being promoted");
    after.record.promotion.reset();
    return EventOf("auto-stopped", after.record.canary->number, after.record.canary->traffic.share);
  });
}

Result<Deployed> Registry::NextStep(const std::string& function, uint64_t number, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t) -> Result<HistoryEvent> {
    auto& promotion = after.record.promotion;
    auto& canary = after.record.canary;
    if (!promotion || !canary || canary->number != number || promotion->step + 1 >= promotion->steps.size()) {
      return Error{ErrorCode::kAborted, function + " v" + std::to_string(number) + " is not being promoted any more"};
    }
    canary->traffic.share = promotion->steps[++promotion->step];
    return EventOf("canary", number, canary->traffic.share);
  });
}

std::vector<Registry::Promoting> Registry::Promotions() const {
  const std::lock_guard lock(mutex_);
  std::vector<Promoting> running;
  for (const auto& [name, function] : functions_) {
    const store::FunctionRecord& record = function.record;
    if (record.promotion && record.canary) running.push_back({name, record.active_number, *record.canary, *record.promotion});
  }
  return running;
}

Result<Deployed> Registry::Withdraw(const std::string& function, uint64_t number, const Actor& actor) {
  return Change(function, actor, [&](Function& after, uint64_t) -> Result<HistoryEvent> {
    if (!after.record.canary || after.record.canary->number != number) {
      return Error{ErrorCode::kAborted, function + " v" + std::to_string(number) + " is no canary any more"};
    }
    ZTS_RETURN_IF_ERROR(EndCanary(after));
    return EventOf("withdrawn", number, 0);
  });
}

Result<std::vector<Registry::VersionItem>> Registry::Versions(const std::string& function) const {
  using Role = VersionItem::Role;
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  if (found == functions_.end()) return NotFound("there is no function '" + function + "'");
  const store::FunctionRecord& record = found->second.record;
  const uint32_t canary_share = record.canary ? record.canary->traffic.share : 0;
  std::set<uint64_t> warm;
  for (const VersionPtr& version : WarmVersions(found->second)) warm.insert(version->number);
  std::vector<VersionItem> items;
  for (const auto& [number, version] : found->second.versions) {
    VersionItem item{version, warm.count(number) != 0 ? Role::kWarm : Role::kKept, 0};
    if (number == record.active_number) item = {version, Role::kActive, kWholeShare - canary_share};
    if (record.canary && number == record.canary->number) item = {version, Role::kCanary, canary_share};
    items.push_back(std::move(item));
  }
  std::reverse(items.begin(), items.end());
  return items;
}

Result<Registry::Story> Registry::History(const std::string& function) const {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  if (found == functions_.end()) return NotFound("there is no function '" + function + "'");
  const store::FunctionRecord& record = found->second.record;
  return Story{record.history, record.canary, record.promotion};
}

}  // namespace zts::controller
