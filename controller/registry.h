// Decides what the platform serves: takes new versions, deletes, goes back to the version before. The store's only writer.
//
// A version is *proven* once every connected worker has served the catalog that brought it. Until then workers may reject it, and
// the function goes back to its last proven version, or goes away when it has none. A proven version is never taken back: a worker that
// cannot run it is the worker's problem.
//
// Owner:    main(), one a process.
// Thread:   any. Changes are made one at a time and wait for the disk; catalog() never waits for it.
// Life:     store and clock outlive it.
// Limits:   kFunctionsMax, kRoutesMax, kCatalogBytesMax, kVersionsKept, and what ValidateConfig bounds.
// Errors:   kInvalid and kExhausted are the caller's; what the store says is passed on, and leaves everything as it was.
#pragma once

#include <atomic>
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
#include "controller/model.h"
#include "controller/store/store.h"

namespace zts::controller {

struct NewVersion {
  std::string function;
  std::string main_module;
  VersionConfig config;
  std::string_view bundle;
  Digest bundle_digest{};
  std::string_view code_cache;  // may be empty
  std::string artifact_key;
};

struct Deployed {
  VersionPtr version;
  uint64_t catalog_version = 0;
};

class Registry {
 public:
  static Result<std::unique_ptr<Registry>> Open(store::Store& store, const Clock& clock);

  // Whether Deploy would take this, as far as can be said without the bundle; brings the configuration into canonical form.
  Status Check(const std::string& function, const std::string& main_module, VersionConfig& config, uint64_t bundle_bytes) const;
  Result<Deployed> Deploy(NewVersion version);
  // The catalog version without the function.
  Result<uint64_t> Delete(const std::string& function);

  // Goes back to the last proven version. kNotFound when `number` does not serve any more, kInvalid when it is proven.
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
    enum class Role { kKept, kActive } role = Role::kKept;
  };
  // Newest first.
  Result<std::vector<VersionItem>> Versions(const std::string& function) const;
  Result<std::string> ReadBlob(const Digest& digest) const { return store_.ReadBlob(digest); }
  const std::string& store_id() const { return store_.id(); }

 private:
  struct Function {
    store::FunctionRecord record;
    std::map<uint64_t, VersionPtr> versions;
  };

  Registry(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  Status LoadAll();
  bool IsProven(const store::FunctionRecord& record) const;
  store::Counters NextCounters() const;
  Status CheckRoom(const std::string& function, const std::string& main_module, const VersionConfig& config) const;
  Status CheckRoutes(const std::string& function, const VersionConfig& config) const;
  // Versions of a function that may serve: the active one, and the one to fall back to.
  std::vector<VersionPtr> Serving(const Function& function) const;
  // Makes `after` (none: it goes away) the state of the function, in store and memory, under the next catalog version.
  Status Commit(const std::string& name, std::optional<Function> after, std::vector<store::BlobWrite> blobs, store::Counters counters);
  void CountBlobs(const FunctionVersion& version, std::map<Digest, int>& counts, int by) const;
  void PublishCatalog(const std::string& name, bool removed);

  store::Store& store_;
  const Clock& clock_;

  std::atomic<uint64_t> served_version_{0};
  mutable std::mutex mutex_;  // held over the disk's write
  store::Counters counters_;
  std::map<std::string, Function> functions_;
  std::map<Digest, int> blob_uses_;

  mutable std::mutex catalog_mutex_;
  CatalogPtr catalog_;
};

}  // namespace zts::controller
