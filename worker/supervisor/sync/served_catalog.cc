#include "worker/supervisor/sync/served_catalog.h"

#include <algorithm>
#include <utility>

namespace zts::supervisor {
namespace {

void AddTo(CatalogSpec& spec, const ServedFunction& function) {
  const FunctionSpecPtr active = function.SpecOf(function.version);
  if (active == nullptr) return;
  spec.functions.push_back(active);
  const v1::Traffic& traffic = function.version.traffic();
  const FunctionSpecPtr canary = traffic.has_canary() ? function.SpecOf(traffic.canary()) : nullptr;
  if (canary != nullptr && canary != active) {
    spec.splits.push_back({active, canary, traffic.share().share(), traffic.share().sticky_by(), traffic.share().sticky_name()});
  }
  for (const v1::FunctionVersion& warm : traffic.warm()) {
    const FunctionSpecPtr standby = function.SpecOf(warm);
    if (standby != nullptr && standby != active && standby != canary) spec.standby.push_back(standby);
  }
}

}  // namespace

bool Content::Fits(const v1::FunctionVersion& version) const {
  return version_id == version.version_id() && bundle_digest == version.bundle_digest() &&
         code_cache_digest == version.code_cache_digest() && snapshot_digest == version.snapshot_digest() &&
         secrets_revision == version.secrets_revision();
}

const Content* ServedFunction::Find(uint64_t version_id) const {
  const auto found = std::find_if(contents.begin(), contents.end(), [&](const Content& one) { return one.version_id == version_id; });
  return found == contents.end() ? nullptr : &*found;
}

FunctionSpecPtr ServedFunction::SpecOf(const v1::FunctionVersion& of) const {
  const Content* content = Find(of.version_id());
  return content == nullptr ? nullptr : content->spec;
}

bool ServedFunction::Serves(uint64_t version_id) const {
  const v1::Traffic& traffic = version.traffic();
  return version.version_id() == version_id || (traffic.has_canary() && traffic.canary().version_id() == version_id);
}

ServedFunctionPtr ServedCatalog::Find(const std::string& function) const {
  const auto found = functions.find(function);
  return found == functions.end() ? nullptr : found->second;
}

CatalogSpec ServedCatalog::SpecWith(const CatalogChange& change) const {
  CatalogSpec spec;
  spec.version = change.version;
  spec.functions.reserve(functions.size() + change.functions.size());
  auto changed = change.functions.begin();
  const auto add_changed = [&] {
    if (changed->second != nullptr) AddTo(spec, *changed->second);
    ++changed;
  };
  // Both are in the order of their names, and so is what comes of them.
  if (change.extent == CatalogChange::Extent::kDelta) {
    for (const auto& [name, function] : functions) {
      while (changed != change.functions.end() && changed->first < name) add_changed();
      if (changed != change.functions.end() && changed->first == name) {
        add_changed();
      } else {
        AddTo(spec, *function);
      }
    }
  }
  while (changed != change.functions.end()) add_changed();
  return spec;
}

std::vector<ServedFunctionPtr> ServedCatalog::Apply(CatalogChange change) {
  std::vector<ServedFunctionPtr> gone;
  store_id = std::move(change.store_id);
  version = change.version;
  if (change.extent == CatalogChange::Extent::kWhole) {
    for (auto& [name, function] : functions) gone.push_back(std::move(function));
    functions = std::move(change.functions);
    return gone;
  }
  for (auto& [name, function] : change.functions) {
    const auto found = functions.find(name);
    if (found != functions.end()) gone.push_back(found->second);
    if (function != nullptr) {
      functions[name] = std::move(function);
    } else if (found != functions.end()) {
      functions.erase(found);
    }
  }
  return gone;
}

}  // namespace zts::supervisor
