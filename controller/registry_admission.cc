// What fits beside all that is there: routes, room in the catalog, secrets, the quotas of a namespace.
#include <algorithm>
#include <set>

#include "controller/limits.h"
#include "controller/registry.h"
#include "controller/tenancy/roles.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

Error Exhausted(std::string message) { return {ErrorCode::kExhausted, std::move(message)}; }

std::string PathRouteOf(const std::string& function) { return "/" + function; }
std::string HostRouteOf(const std::string& function) { return function + ".localhost/"; }

// The function whose own route this is, whether or not there is one.
std::optional<std::string> OwnerByName(std::string_view route) {
  constexpr std::string_view kHostTail = ".localhost/";
  if (route.starts_with('/') && route.find('/', 1) == std::string_view::npos) return std::string(route.substr(1));
  if (!route.ends_with(kHostTail)) return std::nullopt;
  return std::string(route.substr(0, route.size() - kHostTail.size()));
}

Error RouteTaken(const std::string& route, const std::string& function) {
  return Invalid("route '" + route + "' belongs to function '" + function + "'; choose another, or delete that function first");
}

// All that a namespace keeps on the controller's disk for a version, what the compiler made of its bundle too.
uint64_t StoredBytes(const FunctionVersion& version) {
  return version.bundle_bytes + version.code_cache_bytes + version.snapshot_bytes;
}

}  // namespace

std::vector<VersionPtr> Registry::Serving(const Function& function) const {
  std::vector<VersionPtr> serving{function.versions.at(function.record.active_number)};
  const auto fallback = function.versions.find(function.record.fallback_number);
  if (!IsProven(function.record) && fallback != function.versions.end()) serving.push_back(fallback->second);
  if (function.record.canary) serving.push_back(function.versions.at(function.record.canary->number));
  return serving;
}

Status Registry::Check(const std::string& function, const std::string& main_module, VersionConfig& config, uint64_t bundle_bytes) const {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  ZTS_RETURN_IF_ERROR(ValidateMainModule(main_module));
  ZTS_RETURN_IF_ERROR(ValidateConfig(config));
  ZTS_RETURN_IF_ERROR(ValidateBundleSize(bundle_bytes));
  const std::lock_guard lock(mutex_);
  ZTS_RETURN_IF_ERROR(CheckRoom(function, main_module, config));
  ZTS_RETURN_IF_ERROR(CheckQuotas(function, bundle_bytes));
  ZTS_RETURN_IF_ERROR(CheckSecrets(function, config));
  return CheckRoutes(function, config);
}

Status Registry::CheckSecrets(const std::string& function, const VersionConfig& config) const {
  return rules_ == nullptr ? Status() : rules_->CheckSecrets(function, config.secrets);
}

Status Registry::CheckRoom(const std::string& function, const std::string& main_module, const VersionConfig& config) const {
  if (functions_.count(function) == 0 && functions_.size() >= kFunctionsMax) {
    return Exhausted("there are " + std::to_string(kFunctionsMax) + " functions already; delete one first");
  }
  ServingIndex::Sums sums = index_.sums();
  sums.routes += config.routes.size();
  sums.bytes += CatalogBytes(function, main_module, config);
  if (const auto found = functions_.find(function); found != functions_.end()) {
    const ServingIndex::Sums own = ServingIndex::SumsOf(found->second);
    sums.routes -= own.routes;
    sums.bytes -= own.bytes;
  }
  // Where the upper bounds fit there is nothing to count.
  if (sums.routes > kRoutesMax || sums.bytes > kCatalogBytesMax) sums = SumsBeside(function, main_module, config);
  if (sums.routes > kRoutesMax) return Exhausted("all functions together would have more than " + std::to_string(kRoutesMax) + " routes");
  if (sums.bytes > kCatalogBytesMax) {
    return Exhausted("the configuration of all functions together would be more than " + std::to_string(kCatalogBytesMax >> 20) +
                     " MiB; make environments smaller");
  }
  return {};
}

// Exactly: of all others, and this.
ServingIndex::Sums Registry::SumsBeside(const std::string& function, const std::string& main_module, const VersionConfig& config) const {
  ServingIndex::Sums sums{config.routes.size(), CatalogBytes(function, main_module, config)};
  for (const auto& [name, other] : functions_) {
    if (name == function) continue;
    for (const VersionPtr& version : Serving(other)) {
      sums.routes += version->config.routes.size();
      sums.bytes += CatalogBytes(name, version->main_module, version->config);
    }
    for (const VersionPtr& version : WarmVersions(other)) sums.bytes += CatalogBytes(name, version->main_module, version->config);
  }
  return sums;
}

bool Registry::ServesRoute(const std::string& function, const std::string& route) const {
  for (const VersionPtr& version : Serving(functions_.at(function))) {
    const auto& routes = version->config.routes;
    if (std::find(routes.begin(), routes.end(), route) != routes.end()) return true;
  }
  return false;
}

Status Registry::CheckRoutes(const std::string& function, const VersionConfig& config) const {
  for (const std::string& route : config.routes) {
    const auto owner = OwnerByName(route);
    if (owner == function) return Invalid("route '" + route + "' is the function's own already; leave it out");
    if (owner && functions_.count(*owner) != 0) return RouteTaken(route, *owner);
  }
  std::set<std::string> wanted(config.routes.begin(), config.routes.end());
  wanted.insert(PathRouteOf(function));
  wanted.insert(HostRouteOf(function));
  for (const std::string& route : wanted) {
    for (const std::string& holder : index_.Holders(route)) {
      if (holder != function && ServesRoute(holder, route)) return RouteTaken(route, holder);
    }
  }
  return {};
}

// Whether a version of the store may serve beside what the other functions have by now.
Status Registry::CheckFit(const Function& function, uint64_t number) const {
  ZTS_ASSIGN_OR_RETURN(const VersionPtr version, function.Find(number));
  ZTS_RETURN_IF_ERROR(CheckRoom(function.name(), version->main_module, version->config));
  ZTS_RETURN_IF_ERROR(CheckSecrets(function.name(), version->config));
  return CheckRoutes(function.name(), version->config);
}

tenancy::Usage Registry::Used(std::string_view name_space, const std::string& except) const {
  tenancy::Usage used;
  for (const auto& [name, function] : functions_) {
    if (name == except || tenancy::SplitName(name).name_space != name_space) continue;
    ++used.functions;
    used.versions += function.versions.size();
    for (const auto& [number, version] : function.versions) used.stored_bytes += StoredBytes(*version);
  }
  return used;
}

tenancy::Usage Registry::UsageOf(const std::string& name_space) const {
  const std::lock_guard lock(mutex_);
  return Used(name_space, "");
}

Status Registry::WhileEmpty(const std::string& name_space, const std::function<Status()>& act) {
  const std::lock_guard lock(mutex_);
  if (Used(name_space, "").functions != 0) {
    return Error{ErrorCode::kExists, "namespace '" + name_space +
        "' has functions; delete them first: ztsctl list --namespace " + name_space};
  }
  return act();
}

// With what the deploy brings and without what it pushes out.
Status Registry::CheckQuotas(const std::string& function, uint64_t bundle_bytes) const {
  if (rules_ == nullptr) return {};
  tenancy::Usage after = Used(tenancy::SplitName(function).name_space, function);
  after.functions += 1;
  after.versions += 1;
  after.stored_bytes += bundle_bytes;
  const auto found = functions_.find(function);
  if (found != functions_.end()) {
    size_t kept = 1;
    for (auto at = found->second.versions.rbegin(); at != found->second.versions.rend() && kept < kVersionsMax; ++at, ++kept) {
      after.versions += 1;
      after.stored_bytes += StoredBytes(*at->second);
    }
  }
  return rules_->CheckDeploy(function, after);
}

}  // namespace zts::controller
