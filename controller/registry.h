// Decides what the platform serves: takes new versions, divides requests between two, goes back, deletes. The store's only writer.
//
// A version is *proven* once every connected worker has served the catalog that brought it. Until then workers may reject it, and
// the function goes back to its last proven version, or goes away when it has none. A proven version is never taken back: a worker that
// cannot run it is the worker's problem.
//
// Owner:    main(), one a process.
// Thread:   any. Changes are made one at a time and wait for the disk; catalog() never waits for it.
// Life:     store and clock outlive it.
// Limits:   kFunctionsMax, kRoutesMax, kCatalogBytesMax, what lifecycle.h and ValidateConfig bound.
// Errors:   kInvalid and kExhausted are the caller's; what the store says is passed on, and leaves everything as it was.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/catalog.h"
#include "controller/lifecycle.h"
#include "controller/model.h"
#include "controller/serving_index.h"
#include "controller/store/store.h"
#include "controller/tenancy/namespaces.h"

namespace zts::controller {

struct NewVersion {
  std::string function;
  std::string main_module;
  VersionConfig config;
  std::string_view bundle;
  Digest bundle_digest{};
  std::string_view code_cache;  // may be empty
  std::string artifact_key;
  std::string_view snapshot;    // of the evaluated module; may be empty
  SnapshotPolicy snapshot_policy = SnapshotPolicy::kAuto;
  std::string start_reason;
  std::string_view source_map;  // may be empty
  Actor actor;
  // A share of the requests only, beside the active version.
  std::optional<CanaryShare> canary;
};

struct Deployed {
  VersionPtr version;
  uint64_t catalog_version = 0;
};

// What a bundle was compiled into.
struct Artifacts {
  std::string_view code_cache;  // may be empty
  std::string artifact_key;
  std::string_view snapshot;    // may be empty
  std::string start_reason;
};

// What other parts know about functions and their namespaces. Asked under the registry's lock: returns at once and does not call back.
class TenancyRules {
 public:
  virtual ~TenancyRules() = default;
  // Whether the function's namespace may hold this much.
  virtual Status CheckDeploy(const std::string& function, const tenancy::Usage& after) const = 0;
  // Whether the function has all these secrets; kInvalid names one that is missing.
  virtual Status CheckSecrets(const std::string& function, const std::vector<std::string>& names) const = 0;
  // Records that must go in the same commit as a function that is deleted, and the news that it is gone.
  virtual std::vector<store::RecordEdit> RemovalOf(const std::string& function) const = 0;
  virtual void OnRemoved(const std::string& function) = 0;
};

class Registry {
 public:
  static Result<std::unique_ptr<Registry>> Open(store::Store& store, const Clock& clock);

  // Whether Deploy would take this, as far as can be said without the bundle; brings the configuration into canonical form.
  Status Check(const std::string& function, const std::string& main_module, VersionConfig& config, uint64_t bundle_bytes) const;
  Result<Deployed> Deploy(NewVersion version);
  // Gives a version other artifacts; it stays the same version, and as proven as it is. kAborted when it is not held as `version` any more.
  Status RenewArtifacts(const VersionPtr& version, Artifacts artifacts);
  // The catalog version without the function.
  Result<uint64_t> Delete(const std::string& function);

  // Before the first change; outlives the registry. Without it nothing is bounded by namespaces.
  void set_rules(TenancyRules* rules) { rules_ = rules; }
  // Writes a record that is about a function, and sends its active version to the workers again where there is one. `committed` is called
  // once it is on the disk, before anybody sees the new catalog.
  Status Touch(const std::string& function, store::RecordEdit record, const std::function<void()>& committed);
  // The same for a record that takes the secret `key` away; kInvalid while a version that serves, or that it may fall back to, names it.
  Status DropSecret(const std::string& function, const std::string& key, store::RecordEdit record, const std::function<void()>& committed);
  tenancy::Usage UsageOf(const std::string& name_space) const;
  // Does it while nothing can be deployed to that namespace; kExists when it has functions.
  Status WhileEmpty(const std::string& name_space, const std::function<Status()>& act);

  // A new version with the active one's code and what `edit` makes of its configuration.
  using Edit = std::function<Status(VersionConfig&)>;
  Result<Deployed> Configure(const std::string& function, const Edit& edit, const Actor& actor);
  // To `to`, or (0) to the version before the active one that served; with a canary and no `to`, that one loses its share.
  Result<Deployed> Rollback(const std::string& function, uint64_t to, const Actor& actor);
  // `number` (0: the canary that runs) gets a share.
  Result<Deployed> SetShare(const std::string& function, uint64_t number, const CanaryShare& traffic, const Actor& actor);
  // `number` (0: the canary that runs) gets all requests.
  Result<Deployed> Promote(const std::string& function, uint64_t number, const Actor& actor);
  // The canary `number` loses its share; kAborted when it is not the canary any more.
  Result<Deployed> Withdraw(const std::string& function, uint64_t number, const Actor& actor);

  // `number` (0: the canary that runs) is promoted by itself, from the first step on. kInvalid: the steps are none.
  Result<Deployed> StartPromotion(const std::string& function, uint64_t number, Promotion promotion, const Sticky& sticky,
                                  const Actor& actor);
  // The canary keeps its share.
  Result<Deployed> StopPromotion(const std::string& function, const Actor& actor);
  // The share of the step after the one that runs; kAborted when `number` is not being promoted any more.
  Result<Deployed> NextStep(const std::string& function, uint64_t number, const Actor& actor);
  struct Promoting {
    std::string function;
    uint64_t active = 0;
    Canary canary;
    Promotion promotion;
  };
  std::vector<Promoting> Promotions() const;

  // Goes back to the last proven version; a canary loses its share. kNotFound when `number` does not serve any more, kInvalid when it
  // is proven.
  Result<uint64_t> Reject(const std::string& function, uint64_t number);
  // Every connected worker serves this catalog: its versions are proven from here on. Never waits; what a crash may forget is made durable
  // by the next change, or by MarkProven.
  void NoteServed(uint64_t catalog_version);
  Status MarkProven(uint64_t catalog_version);
  // The durable one.
  uint64_t proven_version() const;

  CatalogPtr catalog() const;
  struct VersionItem {
    VersionPtr version;
    enum class Role { kKept, kActive, kCanary, kWarm } role = Role::kKept;
    uint32_t share = 0;  // of the requests
  };
  // Newest first.
  Result<std::vector<VersionItem>> Versions(const std::string& function) const;
  struct Story {
    std::vector<HistoryEvent> events;  // oldest first
    std::optional<Canary> canary;
    std::optional<Promotion> promotion;
  };
  Result<Story> History(const std::string& function) const;
  Result<std::string> ReadBlob(const Digest& digest) const { return store_.ReadBlob(digest); }
  const std::string& store_id() const { return store_.id(); }

 private:
  using Function = FunctionState;

  Registry(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  Status LoadAll();
  bool IsProven(const store::FunctionRecord& record) const;
  store::Counters NextCounters() const;
  Status CheckRoom(const std::string& function, const std::string& main_module, const VersionConfig& config) const;
  Status CheckRoutes(const std::string& function, const VersionConfig& config) const;
  ServingIndex::Sums SumsBeside(const std::string& function, const std::string& main_module, const VersionConfig& config) const;
  bool ServesRoute(const std::string& function, const std::string& route) const;
  // Changes a function that exists: `change` gets its state and the next catalog version, and says which version it is about.
  using Alter = std::function<Result<HistoryEvent>(Function&, uint64_t catalog_version)>;
  Result<Deployed> Change(const std::string& function, const Actor& actor, const Alter& change);
  Status Finish(Function after, HistoryEvent event, const Actor& actor, std::vector<store::BlobWrite> blobs, store::Counters counters);
  Result<std::shared_ptr<FunctionVersion>> NextVersion(Function& function, const Actor& actor) const;
  Status CheckFit(const Function& function, uint64_t number) const;
  Result<uint64_t> RejectActive(Function after);
  Result<uint64_t> RejectCanary(Function after);
  CatalogEntry EntryOf(const Function& function) const;
  Status TouchLocked(const std::string& function, store::RecordEdit record, const std::function<void()>& committed);
  Status CheckSecrets(const std::string& function, const VersionConfig& config) const;
  Status CheckQuotas(const std::string& function, uint64_t bundle_bytes) const;
  tenancy::Usage Used(std::string_view name_space, const std::string& except) const;
  // Versions of a function that may serve: the active one, the canary, and the one to fall back to.
  std::vector<VersionPtr> Serving(const Function& function) const;
  // Makes `after` (none: it goes away) the state of the function, in store and memory, under the next catalog version.
  Status Commit(const std::string& name, std::optional<Function> after, std::vector<store::BlobWrite> blobs, store::Counters counters,
                std::vector<store::RecordEdit> records = {}, const std::function<void()>& committed = {});
  static std::vector<store::BlobWrite> Hold(FunctionVersion& version, Artifacts artifacts);
  void CountBlobs(const FunctionVersion& version, std::map<Digest, int>& counts, int by) const;
  void PublishCatalog(const std::string& name, bool removed);

  store::Store& store_;
  const Clock& clock_;
  TenancyRules* rules_ = nullptr;

  std::atomic<uint64_t> served_version_{0};
  mutable std::mutex mutex_;  // held over the disk's write
  store::Counters counters_;
  std::map<std::string, Function> functions_;
  ServingIndex index_;  // of functions_
  std::map<Digest, int> blob_uses_;

  mutable std::mutex catalog_mutex_;
  CatalogPtr catalog_;
};

}  // namespace zts::controller
