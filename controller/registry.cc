#include "controller/registry.h"

#include <algorithm>
#include <limits>
#include <set>

#include "controller/limits.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

Error Exhausted(std::string message) { return {ErrorCode::kExhausted, std::move(message)}; }

// What a version takes in an encoded catalog, about: its strings, two digests in hex, and the numbers with their tags.
size_t CatalogBytes(const std::string& function, const std::string& main_module, const VersionConfig& config) {
  constexpr size_t kFixed = 400, kPerString = 8;
  size_t bytes = kFixed + function.size() + main_module.size();
  for (const auto& [name, value] : config.env) bytes += name.size() + value.size() + 2 * kPerString;
  for (const std::string& route : config.routes) bytes += route.size() + kPerString;
  for (const std::string& host : config.allow_net) bytes += host.size() + kPerString;
  return bytes;
}

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

// The newest kVersionsKept, and always those that may serve.
void DropOldVersions(std::map<uint64_t, VersionPtr>& versions, const store::FunctionRecord& record) {
  size_t excess = versions.size() > kVersionsKept ? versions.size() - kVersionsKept : 0;
  for (auto at = versions.begin(); at != versions.end() && excess > 0;) {
    const bool serves = at->first == record.active_number || at->first == record.fallback_number;
    at = serves ? std::next(at) : versions.erase(at);
    if (!serves) --excess;
  }
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::Open(store::Store& store, const Clock& clock) {
  std::unique_ptr<Registry> registry(new Registry(store, clock));
  ZTS_RETURN_IF_ERROR(registry->LoadAll());
  return registry;
}

Status Registry::LoadAll() {
  ZTS_ASSIGN_OR_RETURN(store::Contents contents, store_.Load());
  counters_ = contents.counters;
  for (store::FunctionRecord& record : contents.functions) functions_[record.name].record = std::move(record);
  for (FunctionVersion& version : contents.versions) {
    const auto function = functions_.find(version.function);
    if (function == functions_.end()) {
      return Error{ErrorCode::kCorrupt, "the store holds a version of '" + version.function + "' but no such function"};
    }
    CountBlobs(version, blob_uses_, 1);
    const uint64_t number = version.number;
    function->second.versions[number] = std::make_shared<const FunctionVersion>(std::move(version));
  }
  auto catalog = std::make_shared<Catalog>();
  catalog->version = counters_.catalog_version;
  catalog->removals_since = counters_.catalog_version;
  for (const auto& [name, function] : functions_) {
    const auto active = function.versions.find(function.record.active_number);
    if (active == function.versions.end()) {
      return Error{ErrorCode::kCorrupt, "the store names version " + std::to_string(function.record.active_number) + " of '" + name +
                                            "' but does not hold it"};
    }
    catalog->entries.push_back({active->second, function.record.changed_at});
  }
  catalog_ = std::move(catalog);
  return {};
}

CatalogPtr Registry::catalog() const {
  const std::lock_guard lock(catalog_mutex_);
  return catalog_;
}

uint64_t Registry::proven_version() const {
  const std::lock_guard lock(mutex_);
  return counters_.proven_version;
}

bool Registry::IsProven(const store::FunctionRecord& record) const {
  return record.active_number == record.fallback_number || record.changed_at <= std::max(counters_.proven_version, served_version_.load());
}

// Of the catalog that the change at hand makes.
store::Counters Registry::NextCounters() const {
  store::Counters counters = counters_;
  counters.proven_version = std::max(counters.proven_version, served_version_.load());
  counters.catalog_version += 1;
  return counters;
}

std::vector<VersionPtr> Registry::Serving(const Function& function) const {
  std::vector<VersionPtr> serving{function.versions.at(function.record.active_number)};
  const auto fallback = function.versions.find(function.record.fallback_number);
  if (!IsProven(function.record) && fallback != function.versions.end()) serving.push_back(fallback->second);
  return serving;
}

Status Registry::Check(const std::string& function, const std::string& main_module, VersionConfig& config, uint64_t bundle_bytes) const {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  ZTS_RETURN_IF_ERROR(ValidateMainModule(main_module));
  ZTS_RETURN_IF_ERROR(ValidateConfig(config));
  ZTS_RETURN_IF_ERROR(ValidateBundleSize(bundle_bytes));
  const std::lock_guard lock(mutex_);
  ZTS_RETURN_IF_ERROR(CheckRoom(function, main_module, config));
  return CheckRoutes(function, config);
}

Status Registry::CheckRoom(const std::string& function, const std::string& main_module, const VersionConfig& config) const {
  if (functions_.count(function) == 0 && functions_.size() >= kFunctionsMax) {
    return Exhausted("there are " + std::to_string(kFunctionsMax) + " functions already; delete one first");
  }
  size_t routes = config.routes.size(), bytes = CatalogBytes(function, main_module, config);
  for (const auto& [name, other] : functions_) {
    if (name == function) continue;
    for (const VersionPtr& version : Serving(other)) {
      routes += version->config.routes.size();
      bytes += CatalogBytes(name, version->main_module, version->config);
    }
  }
  if (routes > kRoutesMax) return Exhausted("all functions together would have more than " + std::to_string(kRoutesMax) + " routes");
  if (bytes > kCatalogBytesMax) {
    return Exhausted("the configuration of all functions together would be more than " + std::to_string(kCatalogBytesMax >> 20) +
                     " MiB; make environments smaller");
  }
  return {};
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
  for (const auto& [name, other] : functions_) {
    if (name == function) continue;
    for (const VersionPtr& version : Serving(other)) {
      for (const std::string& route : version->config.routes) {
        if (wanted.count(route) != 0) return RouteTaken(route, name);
      }
    }
  }
  return {};
}

Result<Deployed> Registry::Deploy(NewVersion wanted) {
  ZTS_RETURN_IF_ERROR(Check(wanted.function, wanted.main_module, wanted.config, wanted.bundle.size()));
  const std::lock_guard lock(mutex_);
  // Again: another deploy may have come between.
  ZTS_RETURN_IF_ERROR(CheckRoom(wanted.function, wanted.main_module, wanted.config));
  ZTS_RETURN_IF_ERROR(CheckRoutes(wanted.function, wanted.config));
  store::Counters counters = NextCounters();
  Function after;
  if (const auto found = functions_.find(wanted.function); found != functions_.end()) {
    after = found->second;
    if (IsProven(after.record)) after.record.fallback_number = after.record.active_number;
  } else {
    counters.creations += 1;
    after.record = {.name = wanted.function, .creation = counters.creations};
  }
  const uint64_t number = after.record.next_number++;
  if (number > std::numeric_limits<uint32_t>::max()) return Exhausted("the function has used up its version numbers; delete it first");
  auto version = std::make_shared<FunctionVersion>();
  version->function = wanted.function;
  version->number = number;
  version->bundle_digest = wanted.bundle_digest;
  version->bundle_bytes = wanted.bundle.size();
  version->artifact_key = std::move(wanted.artifact_key);
  version->config = std::move(wanted.config);
  version->main_module = std::move(wanted.main_module);
  version->created_ns = clock_.WallNow();
  version->version_id = uint64_t{after.record.creation} << 32 | number;
  std::vector<store::BlobWrite> blobs{{version->bundle_digest, wanted.bundle}};
  if (!wanted.code_cache.empty()) {
    version->code_cache_digest = Sha256Of(wanted.code_cache);
    version->code_cache_bytes = wanted.code_cache.size();
    blobs.push_back({*version->code_cache_digest, wanted.code_cache});
  }
  after.record.active_number = number;
  after.record.changed_at = counters.catalog_version;
  after.versions[number] = version;
  DropOldVersions(after.versions, after.record);
  ZTS_RETURN_IF_ERROR(Commit(wanted.function, std::move(after), std::move(blobs), counters));
  return Deployed{std::move(version), counters_.catalog_version};
}

Result<uint64_t> Registry::Delete(const std::string& function) {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  if (functions_.count(function) == 0) return NotFound("there is no function '" + function + "'");
  store::Counters counters = NextCounters();
  ZTS_RETURN_IF_ERROR(Commit(function, std::nullopt, {}, counters));
  return counters_.catalog_version;
}

Result<uint64_t> Registry::Reject(const std::string& function, uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  if (found == functions_.end() || found->second.record.active_number != number) {
    return NotFound("version " + std::to_string(number) + " of '" + function + "' does not serve");
  }
  if (IsProven(found->second.record)) {
    return Invalid("version " + std::to_string(number) + " of '" + function + "' is known to work and stays");
  }
  store::Counters counters = NextCounters();
  std::optional<Function> after;
  if (found->second.record.fallback_number != 0) {
    after = found->second;
    after->versions.erase(number);
    after->record.active_number = after->record.fallback_number;
    after->record.changed_at = counters.catalog_version;
  }
  ZTS_RETURN_IF_ERROR(Commit(function, std::move(after), {}, counters));
  return counters_.catalog_version;
}

void Registry::NoteServed(uint64_t catalog_version) {
  uint64_t known = served_version_;
  while (known < catalog_version && !served_version_.compare_exchange_weak(known, catalog_version)) {
  }
}

Status Registry::MarkProven(uint64_t catalog_version) {
  NoteServed(catalog_version);
  const std::lock_guard lock(mutex_);
  if (catalog_version <= counters_.proven_version) return {};
  store::Change change;
  change.counters = counters_;
  change.counters.proven_version = std::min(catalog_version, counters_.catalog_version);
  ZTS_RETURN_IF_ERROR(store_.Commit(change));
  counters_ = change.counters;
  return {};
}

void Registry::CountBlobs(const FunctionVersion& version, std::map<Digest, int>& counts, int by) const {
  counts[version.bundle_digest] += by;
  if (version.code_cache_digest) counts[*version.code_cache_digest] += by;
}

Status Registry::Commit(const std::string& name, std::optional<Function> after, std::vector<store::BlobWrite> blobs,
                        store::Counters counters) {
  static const Function kNone;
  const auto found = functions_.find(name);
  const Function& before = found != functions_.end() ? found->second : kNone;
  store::Change change;
  change.counters = counters;
  std::map<Digest, int> uses;  // the difference
  for (const auto& [number, version] : before.versions) {
    if (after && after->versions.count(number) != 0) continue;
    change.remove_versions.push_back({name, number});
    CountBlobs(*version, uses, -1);
  }
  if (after) {
    for (const auto& [number, version] : after->versions) {
      if (before.versions.count(number) != 0) continue;
      change.put_versions.push_back(*version);
      CountBlobs(*version, uses, 1);
    }
    change.put_functions.push_back(after->record);
  } else {
    change.remove_functions.push_back(name);
  }
  for (const auto& [digest, by] : uses) {
    const auto used = blob_uses_.find(digest);
    if (used != blob_uses_.end() && used->second + by == 0) change.remove_blobs.push_back(digest);
  }
  // Content that is there already is written again all the same: it heals a damaged copy, and costs no more than the deploy did.
  change.put_blobs = std::move(blobs);
  ZTS_RETURN_IF_ERROR(store_.Commit(change));

  counters_ = counters;
  for (const auto& [digest, by] : uses) {
    if ((blob_uses_[digest] += by) == 0) blob_uses_.erase(digest);
  }
  const bool removed = !after.has_value();
  if (removed) {
    functions_.erase(name);
  } else {
    functions_[name] = *std::move(after);
  }
  PublishCatalog(name, removed);
  return {};
}

void Registry::PublishCatalog(const std::string& name, bool removed) {
  auto next = std::make_shared<Catalog>(*catalog());
  next->version = counters_.catalog_version;
  const auto at = std::lower_bound(next->entries.begin(), next->entries.end(), name,
                                   [](const CatalogEntry& entry, const std::string& key) { return entry.version->function < key; });
  const bool there = at != next->entries.end() && at->version->function == name;
  if (removed) {
    next->entries.erase(at);
    next->removals.push_back({next->version, name});
    if (next->removals.size() > kRemovalsKept) {
      next->removals_since = next->removals.front().removed_at;
      next->removals.erase(next->removals.begin());
    }
  } else {
    const Function& function = functions_.at(name);
    const CatalogEntry entry{function.versions.at(function.record.active_number), function.record.changed_at};
    if (there) {
      *at = entry;
    } else {
      next->entries.insert(at, entry);
    }
  }
  const std::lock_guard lock(catalog_mutex_);
  catalog_ = std::move(next);
}

Result<std::vector<Registry::VersionItem>> Registry::Versions(const std::string& function) const {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  if (found == functions_.end()) return NotFound("there is no function '" + function + "'");
  std::vector<VersionItem> items;
  for (const auto& [number, version] : found->second.versions) {
    const bool active = number == found->second.record.active_number;
    items.push_back({version, active ? VersionItem::Role::kActive : VersionItem::Role::kKept});
  }
  std::reverse(items.begin(), items.end());
  return items;
}

}  // namespace zts::controller
