#include "controller/artifact_renewer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "controller/limits.h"

namespace zts::controller {
namespace {

std::string NameOf(const FunctionVersion& version) { return version.function + " v" + std::to_string(version.number); }

std::set<std::string> EngineKeys(const Publisher& publisher) {
  std::set<std::string> keys;
  for (const WorkerInfo& worker : publisher.Workers()) {
    if (!worker.hello.artifact_key.empty()) keys.insert(worker.hello.artifact_key);
  }
  return keys;
}

}  // namespace

// All that workers hold.
std::vector<VersionPtr> ArtifactRenewer::Held() const {
  std::vector<VersionPtr> held;
  const CatalogPtr catalog = registry_.catalog();
  for (const CatalogEntry& entry : catalog->entries) {
    held.push_back(entry.version);
    if (entry.canary != nullptr) held.push_back(entry.canary);
    held.insert(held.end(), entry.warm.begin(), entry.warm.end());
  }
  return held;
}

bool ArtifactRenewer::IsStale(const FunctionVersion& version, const std::set<std::string>& engines) const {
  if (engines.empty() || engines.count(version.artifact_key) != 0 || tried_.count(version.version_id) != 0) return false;
  // Until something was compiled nobody knows what the compiler's engine is.
  return !compiler_key_ || engines.count(*compiler_key_) != 0;
}

bool ArtifactRenewer::Tick() {
  const std::set<std::string> engines = EngineKeys(publisher_);
  const std::vector<VersionPtr> held = Held();
  const auto stale = std::find_if(held.begin(), held.end(), [&](const VersionPtr& version) { return IsStale(*version, engines); });
  if (stale == held.end()) {
    for (const uint64_t id : std::exchange(again_, {})) tried_.erase(id);
    return false;
  }
  Renew(*stale, engines);
  return true;
}

void ArtifactRenewer::Renew(const VersionPtr& version, const std::set<std::string>& engines) {
  tried_.insert(version->version_id);
  const std::string name = NameOf(*version);
  const auto keeps = [&](const std::string& why) {
    metrics_.OnRenewal("failed");
    ZTS_LOG(kWarning) << name << " runs from its source on engines that are new: " << why;
  };
  const auto keeps_for_now = [&](const Error& why) {
    again_.insert(version->version_id);
    keeps(why.message);
  };
  const auto source = registry_.ReadBlob(version->bundle_digest);
  if (!source.ok()) return keeps(source.error().message);
  auto outcome = compiler_.Compile({version->function, version->main_module, *source, version->config.env, version->config.limits,
                                    version->snapshot_policy});
  if (!outcome.ok()) return keeps_for_now(outcome.error());
  if (const auto* problem = std::get_if<SourceProblem>(&*outcome)) return keeps(problem->kind + ": " + problem->message);
  CompiledBundle& compiled = std::get<CompiledBundle>(*outcome);
  compiler_key_ = compiled.artifact_key;
  if (engines.count(compiled.artifact_key) == 0) return;
  const Status renewed = registry_.RenewArtifacts(version, {.code_cache = compiled.code_cache,
                                                            .artifact_key = compiled.artifact_key,
                                                            .snapshot = compiled.snapshot,
                                                            .start_reason = compiled.start_reason});
  if (!renewed.ok()) return keeps_for_now(renewed.error());
  metrics_.OnRenewal("renewed");
  ZTS_LOG(kInfo) << name << " has a code cache" << (compiled.snapshot.empty() ? "" : " and a snapshot") << " for engines of "
                 << compiled.artifact_key;
  publisher_.OnCatalog();
}

void ArtifactRenewer::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    lock.unlock();
    const bool looked = Tick();
    lock.lock();
    changed_.wait_for(lock, std::chrono::nanoseconds(looked ? kRenewPause : kRenewInterval), [&] { return stopped_; });
  }
}

void ArtifactRenewer::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace zts::controller
