#include "controller/serving_index.h"

#include <vector>

namespace zts::controller {
namespace {

// The active version, the one to fall back to, and the canary, each once.
std::vector<VersionPtr> MayServe(const FunctionState& function) {
  const store::FunctionRecord& record = function.record;
  std::set<uint64_t> numbers{record.active_number, record.fallback_number};
  if (record.canary) numbers.insert(record.canary->number);
  std::vector<VersionPtr> versions;
  for (const uint64_t number : numbers) {
    if (const auto found = function.versions.find(number); found != function.versions.end()) versions.push_back(found->second);
  }
  return versions;
}

}  // namespace

size_t CatalogBytes(const std::string& function, const std::string& main_module, const VersionConfig& config) {
  constexpr size_t kFixed = 400, kPerString = 8;
  size_t bytes = kFixed + function.size() + main_module.size();
  for (const auto& [name, value] : config.env) bytes += name.size() + value.size() + 2 * kPerString;
  for (const std::string& route : config.routes) bytes += route.size() + kPerString;
  for (const std::string& host : config.allow_net) bytes += host.size() + kPerString;
  for (const std::string& name : config.secrets) bytes += name.size() + kPerString;
  return bytes;
}

ServingIndex::Sums ServingIndex::SumsOf(const FunctionState& function) {
  Sums sums;
  for (const VersionPtr& version : MayServe(function)) {
    sums.routes += version->config.routes.size();
    sums.bytes += CatalogBytes(function.name(), version->main_module, version->config);
  }
  for (const VersionPtr& version : WarmVersions(function)) {
    sums.bytes += CatalogBytes(function.name(), version->main_module, version->config);
  }
  return sums;
}

void ServingIndex::Add(const FunctionState& function) {
  const Sums sums = SumsOf(function);
  sums_.routes += sums.routes;
  sums_.bytes += sums.bytes;
  for (const VersionPtr& version : MayServe(function)) {
    for (const std::string& route : version->config.routes) routes_[route].insert(function.name());
  }
}

void ServingIndex::Remove(const FunctionState& function) {
  const Sums sums = SumsOf(function);
  sums_.routes -= sums.routes;
  sums_.bytes -= sums.bytes;
  for (const VersionPtr& version : MayServe(function)) {
    for (const std::string& route : version->config.routes) {
      const auto found = routes_.find(route);
      if (found == routes_.end()) continue;
      found->second.erase(function.name());
      if (found->second.empty()) routes_.erase(found);
    }
  }
}

const std::set<std::string>& ServingIndex::Holders(const std::string& route) const {
  static const std::set<std::string> kNobody;
  const auto found = routes_.find(route);
  return found == routes_.end() ? kNobody : found->second;
}

}  // namespace zts::controller
