#include "controller/registry.h"

#include <algorithm>
#include <limits>

#include "controller/limits.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

Error Exhausted(std::string message) { return {ErrorCode::kExhausted, std::move(message)}; }

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
  for (auto& [name, function] : functions_) {
    const auto active = function.versions.find(function.record.active_number);
    if (active == function.versions.end()) {
      return Error{ErrorCode::kCorrupt, "the store names version " + std::to_string(function.record.active_number) + " of '" + name +
                                            "' but does not hold it"};
    }
    if (function.record.canary && function.versions.count(function.record.canary->number) == 0) {
      return Error{ErrorCode::kCorrupt, "the store names a canary of '" + name + "' that it does not hold"};
    }
    Complete(function);
    index_.Add(function);
    catalog->entries.push_back(EntryOf(function));
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

CatalogEntry Registry::EntryOf(const Function& function) const {
  CatalogEntry entry;
  entry.version = function.versions.at(function.record.active_number);
  entry.changed_at = function.record.changed_at;
  entry.warm = WarmVersions(function);
  if (const auto& canary = function.record.canary) {
    entry.canary = function.versions.at(canary->number);
    entry.canary_traffic = canary->traffic;
    entry.canary_since = canary->since;
  }
  return entry;
}

Result<Deployed> Registry::Deploy(NewVersion wanted) {
  ZTS_RETURN_IF_ERROR(Check(wanted.function, wanted.main_module, wanted.config, wanted.bundle.size()));
  const std::lock_guard lock(mutex_);
  // Again: another deploy may have come between.
  ZTS_RETURN_IF_ERROR(CheckRoom(wanted.function, wanted.main_module, wanted.config));
  ZTS_RETURN_IF_ERROR(CheckQuotas(wanted.function, wanted.bundle.size()));
  ZTS_RETURN_IF_ERROR(CheckRoutes(wanted.function, wanted.config));
  ZTS_RETURN_IF_ERROR(CheckSecrets(wanted.function, wanted.config));
  store::Counters counters = NextCounters();
  Function after;
  if (const auto found = functions_.find(wanted.function); found != functions_.end()) {
    after = found->second;
    if (IsProven(after.record)) after.record.fallback_number = after.record.active_number;
  } else {
    if (wanted.canary) {
      return Invalid("'" + wanted.function + "' has no version that a canary could run beside; deploy it without --canary");
    }
    counters.creations += 1;
    after.record = {.name = wanted.function, .creation = counters.creations};
  }
  ZTS_ASSIGN_OR_RETURN(std::shared_ptr<FunctionVersion> version, NextVersion(after, wanted.actor));
  version->bundle_digest = wanted.bundle_digest;
  version->bundle_bytes = wanted.bundle.size();
  version->config = std::move(wanted.config);
  version->main_module = std::move(wanted.main_module);
  version->snapshot_policy = wanted.snapshot_policy;
  std::vector<store::BlobWrite> blobs =
      Hold(*version, {wanted.code_cache, std::move(wanted.artifact_key), wanted.snapshot, std::move(wanted.start_reason)});
  blobs.push_back({version->bundle_digest, wanted.bundle});
  if (!wanted.source_map.empty()) {
    version->source_map_digest = Sha256Of(wanted.source_map);
    version->source_map_bytes = wanted.source_map.size();
    blobs.push_back({*version->source_map_digest, wanted.source_map});
  }
  after.versions[version->number] = version;
  HistoryEvent event = EventOf("deployed", version->number);
  if (wanted.canary) {
    ZTS_RETURN_IF_ERROR(SetCanary(after, version->number, *wanted.canary, counters.catalog_version));
    event = EventOf("canary", version->number, wanted.canary->share);
  } else {
    MakeActive(after, version->number);
  }
  ZTS_RETURN_IF_ERROR(Finish(std::move(after), std::move(event), wanted.actor, std::move(blobs), counters));
  return Deployed{std::move(version), counters_.catalog_version};
}

// Instead of those it has; what is to be written of them.
std::vector<store::BlobWrite> Registry::Hold(FunctionVersion& version, Artifacts artifacts) {
  std::vector<store::BlobWrite> blobs;
  const auto hold = [&blobs](std::string_view content, std::optional<Digest>& digest, uint64_t& bytes) {
    digest.reset();
    bytes = content.size();
    if (content.empty()) return;
    digest = Sha256Of(content);
    blobs.push_back({*digest, content});
  };
  hold(artifacts.code_cache, version.code_cache_digest, version.code_cache_bytes);
  hold(artifacts.snapshot, version.snapshot_digest, version.snapshot_bytes);
  version.artifact_key = std::move(artifacts.artifact_key);
  version.start_reason = std::move(artifacts.start_reason);
  return blobs;
}

Status Registry::RenewArtifacts(const VersionPtr& version, Artifacts artifacts) {
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(version->function);
  if (found == functions_.end()) return Error{ErrorCode::kAborted, "'" + version->function + "' was deleted"};
  Function after = found->second;
  const auto held = after.versions.find(version->number);
  if (held == after.versions.end() || held->second != version) {
    return Error{ErrorCode::kAborted, "v" + std::to_string(version->number) + " of '" + version->function + "' is gone, or was renewed"};
  }
  const store::Counters counters = NextCounters();
  if (IsProven(after.record)) after.record.fallback_number = after.record.active_number;
  after.record.changed_at = counters.catalog_version;
  auto renewed = std::make_shared<FunctionVersion>(*version);
  std::vector<store::BlobWrite> blobs = Hold(*renewed, std::move(artifacts));
  held->second = std::move(renewed);
  return Commit(version->function, std::move(after), std::move(blobs), counters);
}

// The function's next number, in a version that has no code and no configuration yet.
Result<std::shared_ptr<FunctionVersion>> Registry::NextVersion(Function& function, const Actor& actor) const {
  const uint64_t number = function.record.next_number++;
  if (number > std::numeric_limits<uint32_t>::max()) return Exhausted("the function has used up its version numbers; delete it first");
  auto version = std::make_shared<FunctionVersion>();
  version->function = function.name();
  version->number = number;
  version->created_ns = clock_.WallNow();
  version->version_id = uint64_t{function.record.creation} << 32 | number;
  version->author = actor.by;
  version->message = actor.note;
  return version;
}

Status Registry::Finish(Function after, HistoryEvent event, const Actor& actor, std::vector<store::BlobWrite> blobs,
                        store::Counters counters) {
  after.record.changed_at = counters.catalog_version;
  event.at_ns = clock_.WallNow();
  event.by = actor.by;
  event.note = actor.note;
  Remember(after, std::move(event));
  DropOldVersions(after, clock_.WallNow());
  const std::string name = after.name();
  return Commit(name, std::move(after), std::move(blobs), counters);
}

Result<uint64_t> Registry::Delete(const std::string& function) {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  if (functions_.count(function) == 0) return NotFound("there is no function '" + function + "'");
  store::Counters counters = NextCounters();
  std::vector<store::RecordEdit> records = rules_ != nullptr ? rules_->RemovalOf(function) : std::vector<store::RecordEdit>();
  ZTS_RETURN_IF_ERROR(Commit(function, std::nullopt, {}, counters, std::move(records), [&] {
    if (rules_ != nullptr) rules_->OnRemoved(function);
  }));
  return counters_.catalog_version;
}

Status Registry::Touch(const std::string& function, store::RecordEdit record, const std::function<void()>& committed) {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  return TouchLocked(function, std::move(record), committed);
}

Status Registry::DropSecret(const std::string& function, const std::string& key, store::RecordEdit record,
                            const std::function<void()>& committed) {
  ZTS_RETURN_IF_ERROR(ValidateFunctionName(function));
  const std::lock_guard lock(mutex_);
  if (const auto found = functions_.find(function); found != functions_.end()) {
    for (const VersionPtr& version : Serving(found->second)) {
      const auto& named = version->config.secrets;
      if (std::find(named.begin(), named.end(), key) == named.end()) continue;
      return Invalid(function + " v" + std::to_string(version->number) + " serves and names the secret '" + key +
                     "'; deploy a version without it first");
    }
  }
  return TouchLocked(function, std::move(record), committed);
}

Status Registry::TouchLocked(const std::string& function, store::RecordEdit record, const std::function<void()>& committed) {
  const auto found = functions_.find(function);
  if (found == functions_.end()) {
    ZTS_RETURN_IF_ERROR(store_.WriteRecords({std::move(record)}));
    committed();
    return {};
  }
  store::Counters counters = NextCounters();
  Function after = found->second;
  // It is the same version: one that is known to work stays so.
  if (IsProven(after.record)) after.record.fallback_number = after.record.active_number;
  after.record.changed_at = counters.catalog_version;
  return Commit(function, std::move(after), {}, counters, {std::move(record)}, committed);
}

Result<uint64_t> Registry::Reject(const std::string& function, uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  const auto is_canary = [&] { return found->second.record.canary && found->second.record.canary->number == number; };
  if (found == functions_.end() || (found->second.record.active_number != number && !is_canary())) {
    return NotFound("version " + std::to_string(number) + " of '" + function + "' does not serve");
  }
  return is_canary() ? RejectCanary(found->second) : RejectActive(found->second);
}

Result<uint64_t> Registry::RejectActive(Function after) {
  const uint64_t number = after.record.active_number;
  if (IsProven(after.record)) {
    return Invalid("version " + std::to_string(number) + " of '" + after.name() + "' is known to work and stays");
  }
  const store::Counters counters = NextCounters();
  if (after.record.fallback_number == 0) {
    ZTS_RETURN_IF_ERROR(Commit(after.name(), std::nullopt, {}, counters));
    return counters_.catalog_version;
  }
  FallBack(after);
  ZTS_RETURN_IF_ERROR(Finish(std::move(after), EventOf("refused", number, 0), {}, {}, counters));
  return counters_.catalog_version;
}

Result<uint64_t> Registry::RejectCanary(Function after) {
  const Canary canary = *after.record.canary;
  if (canary.since <= std::max(counters_.proven_version, served_version_.load())) {
    return Invalid("version " + std::to_string(canary.number) + " of '" + after.name() + "' is known to work and stays");
  }
  const store::Counters counters = NextCounters();
  if (IsProven(after.record)) after.record.fallback_number = after.record.active_number;
  ZTS_RETURN_IF_ERROR(EndCanary(after));
  ZTS_RETURN_IF_ERROR(Finish(std::move(after), EventOf("refused", canary.number, 0), {}, {}, counters));
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
  if (version.snapshot_digest) counts[*version.snapshot_digest] += by;
  if (version.source_map_digest) counts[*version.source_map_digest] += by;
}

Status Registry::Commit(const std::string& name, std::optional<Function> after, std::vector<store::BlobWrite> blobs,
                        store::Counters counters, std::vector<store::RecordEdit> records, const std::function<void()>& committed) {
  static const Function kNone;
  const auto found = functions_.find(name);
  const Function& before = found != functions_.end() ? found->second : kNone;
  store::Change change;
  change.counters = counters;
  std::map<Digest, int> uses;  // the difference
  for (const auto& [number, version] : before.versions) {
    const bool stays = after && after->versions.count(number) != 0;
    if (stays && after->versions.at(number) == version) continue;
    if (!stays) change.remove_versions.push_back({name, number});
    CountBlobs(*version, uses, -1);
  }
  if (after) {
    for (const auto& [number, version] : after->versions) {
      const auto was = before.versions.find(number);
      if (was != before.versions.end() && was->second == version) continue;
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
  change.records = std::move(records);
  ZTS_RETURN_IF_ERROR(store_.Commit(change));
  if (committed) committed();

  counters_ = counters;
  for (const auto& [digest, by] : uses) {
    if ((blob_uses_[digest] += by) == 0) blob_uses_.erase(digest);
  }
  const bool removed = !after.has_value();
  if (&before != &kNone) index_.Remove(before);
  if (removed) {
    functions_.erase(name);
  } else {
    index_.Add(*after);
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
    if (there) {
      *at = EntryOf(function);
    } else {
      next->entries.insert(at, EntryOf(function));
    }
  }
  const std::lock_guard lock(catalog_mutex_);
  catalog_ = std::move(next);
}

}  // namespace zts::controller
