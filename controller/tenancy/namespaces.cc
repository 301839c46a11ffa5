#include "controller/tenancy/namespaces.h"

#include "controller/tenancy/records.pb.h"
#include "controller/tenancy/roles.h"
#include "controller/validate.h"

namespace zts::tenancy {
namespace {

constexpr std::string_view kKeyPrefix = "n/";
constexpr Nanos kMinute = 60 * kSecond;

Error Exceeded(const std::string& name, const std::string& what, uint64_t wanted, uint64_t max) {
  return {ErrorCode::kExhausted, "namespace '" + name + "' may hold " + std::to_string(max) + " " + what + ", and would hold " +
                                     std::to_string(wanted) + "; delete something, or ask an admin: ztsctl namespace set"};
}

Error Missing(const std::string& name) {
  return NotFound("there is no namespace '" + name + "'; an admin makes one: ztsctl namespace create " + name);
}

std::string Encode(const Namespaces::Item& item) {
  record::Namespace message;
  message.set_functions_max(item.quotas.functions_max);
  message.set_versions_max(item.quotas.versions_max);
  message.set_stored_bytes_max(item.quotas.stored_bytes_max);
  message.set_deploys_per_minute(item.quotas.deploys_per_minute);
  message.set_created_ns(item.created_ns);
  return message.SerializeAsString();
}

}  // namespace

Result<std::unique_ptr<Namespaces>> Namespaces::Open(store::Store& store, const Clock& clock) {
  std::unique_ptr<Namespaces> namespaces(new Namespaces(store, clock));
  namespaces->items_[std::string(kDefaultNamespace)] = {std::string(kDefaultNamespace), {}, 0};
  ZTS_ASSIGN_OR_RETURN(const std::vector<store::Record> records, store.ScanRecords(kKeyPrefix));
  for (const store::Record& record : records) {
    const std::string name = record.key.substr(kKeyPrefix.size());
    record::Namespace message;
    if (!message.ParseFromString(record.value)) {
      return Error{ErrorCode::kCorrupt, "the record of namespace " + name + " cannot be read; restore the data directory from a backup"};
    }
    namespaces->items_[name] = {
        name,
        {message.functions_max(), message.versions_max(), message.stored_bytes_max(), message.deploys_per_minute()},
        message.created_ns()};
  }
  return namespaces;
}

Status Namespaces::Put(const Item& item) {
  if (item.quotas.deploys_per_minute > kDeploysPerMinuteMax) {
    return Invalid("more than " + std::to_string(kDeploysPerMinuteMax) + " deploys a minute are no bound; leave it out");
  }
  ZTS_RETURN_IF_ERROR(store_.WriteRecords({{std::string(kKeyPrefix) + item.name, Encode(item)}}));
  items_[item.name] = item;
  return {};
}

Status Namespaces::Create(const std::string& name, const Quotas& quotas) {
  if (name.find('.') != std::string::npos || !controller::ValidateFunctionName(name).ok()) {
    return Invalid("a namespace's name is a host label: 1 to 63 lower-case letters, digits or '-', starting with a letter");
  }
  const std::lock_guard lock(mutex_);
  if (items_.count(name) != 0) {
    return Error{ErrorCode::kExists, "there is a namespace '" + name + "' already; ztsctl namespace set changes it"};
  }
  if (items_.size() >= kNamespacesMax) {
    return Error{ErrorCode::kExhausted, "there are " + std::to_string(kNamespacesMax) + " namespaces already"};
  }
  return Put({name, quotas, clock_.WallNow()});
}

Status Namespaces::Change(const std::string& name, const Quotas& quotas) {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(name);
  if (found == items_.end()) return Missing(name.substr(0, 64));
  return Put({name, quotas, found->second.created_ns});
}

Status Namespaces::Remove(const std::string& name) {
  if (name == kDefaultNamespace) return Invalid("the default namespace stays");
  const std::lock_guard lock(mutex_);
  if (items_.count(name) == 0) return Missing(name.substr(0, 64));
  ZTS_RETURN_IF_ERROR(store_.WriteRecords({{std::string(kKeyPrefix) + name, std::nullopt}}));
  items_.erase(name);
  deploys_.erase(name);
  return {};
}

std::vector<Namespaces::Item> Namespaces::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<Item> list;
  for (const auto& [name, item] : items_) list.push_back(item);
  return list;
}

Status Namespaces::CheckDeploy(const std::string& name, const Usage& after) const {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(name);
  if (found == items_.end()) return Missing(name);
  const Quotas& quotas = found->second.quotas;
  if (quotas.functions_max != 0 && after.functions > quotas.functions_max) {
    return Exceeded(name, "functions", after.functions, quotas.functions_max);
  }
  if (quotas.versions_max != 0 && after.versions > quotas.versions_max) {
    return Exceeded(name, "versions", after.versions, quotas.versions_max);
  }
  if (quotas.stored_bytes_max != 0 && after.stored_bytes > quotas.stored_bytes_max) {
    return Exceeded(name, "bytes", after.stored_bytes, quotas.stored_bytes_max);
  }
  return {};
}

Status Namespaces::BeginDeploy(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(name);
  if (found == items_.end()) return Missing(name);
  const uint64_t max = found->second.quotas.deploys_per_minute;
  if (max == 0) return {};
  std::deque<Nanos>& recent = deploys_[name];
  const Nanos now = clock_.Now();
  while (!recent.empty() && now - recent.front() >= kMinute) recent.pop_front();
  if (recent.size() >= max) {
    const Nanos wait = kMinute - (now - recent.front());
    return Error{ErrorCode::kExhausted, "namespace '" + name + "' may deploy " + std::to_string(max) + " times a minute; try again in " +
                                            std::to_string(wait / kSecond + 1) + " s"};
  }
  recent.push_back(now);
  return {};
}

}  // namespace zts::tenancy
