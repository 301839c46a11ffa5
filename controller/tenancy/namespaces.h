// The namespaces there are, and their quotas: what functions, versions, bytes and deploys one team may take.
//
// The default namespace is always there and is bounded only when it is given quotas.
//
// Owner:    Controller, one a process.
// Thread:   any. Put and Remove wait for the disk. CheckDeploy is called under the registry's lock and takes no other.
// Life:     store and clock outlive it.
// Limits:   kNamespacesMax; the quotas themselves.
// Errors:   kInvalid and kNotFound name the command that helps; kExhausted names the quota.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/store/store.h"

namespace zts::tenancy {

// Each is a row of a list for people.
inline constexpr size_t kNamespacesMax = 4096;
inline constexpr uint64_t kDeploysPerMinuteMax = 100'000;

// 0: no bound.
struct Quotas {
  uint64_t functions_max = 0;
  uint64_t versions_max = 0;
  uint64_t stored_bytes_max = 0;
  uint64_t deploys_per_minute = 0;
};

struct Usage {
  uint64_t functions = 0;
  uint64_t versions = 0;
  uint64_t stored_bytes = 0;
};

class Namespaces {
 public:
  static Result<std::unique_ptr<Namespaces>> Open(store::Store& store, const Clock& clock);

  Status Create(const std::string& name, const Quotas& quotas);
  Status Change(const std::string& name, const Quotas& quotas);
  // REQUIRES: nothing is in it, and nothing can come into it until this returns.
  Status Remove(const std::string& name);

  struct Item {
    std::string name;
    Quotas quotas;
    int64_t created_ns = 0;
  };
  std::vector<Item> List() const;

  // Whether it is there, and `after` a deploy would be within its quotas.
  Status CheckDeploy(const std::string& name, const Usage& after) const;
  // Counts a deploy that begins; fails when there were too many in the last minute.
  Status BeginDeploy(const std::string& name);

 private:
  Namespaces(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  Status Put(const Item& item);

  store::Store& store_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Item> items_;
  std::map<std::string, std::deque<Nanos>> deploys_;  // of the last minute, of those that have such a quota
};

}  // namespace zts::tenancy
