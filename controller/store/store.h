// What the controller remembers: functions, their versions, the bundles and code caches, and a few counters.
//
// A change is committed whole or not at all, and is on the disk when Commit returns. Content is named by its SHA-256 and checked
// when it is read. The store decides nothing: that is the registry's part, its only writer.
//
// Owner:    main(), one a process; RocksStore in the product, MemoryStore in tests. Both pass store_contract_test.
// Thread:   Commit: one at a time. Everything else: any.
// Errors:   Commit: what the disk says (kExhausted when it is full); nothing acknowledged earlier is lost, and the same commit may be tried
//           again. ReadBlob: kNotFound, or kCorrupt when the bytes are not those that were written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "controller/model.h"
#include "controller/traffic.h"

namespace zts::store {

using controller::FunctionVersion;

// One function that exists.
struct FunctionRecord {
  std::string name;
  uint32_t creation = 0;       // how many functions had been created when this one was; half of its versions' ids
  uint64_t active_number = 0;  // the version that serves
  // Where to go back to when workers refuse the active version: a version known to work, the active one itself when it is known, 0
  // when there is none.
  uint64_t fallback_number = 0;
  uint64_t next_number = 1;
  uint64_t changed_at = 0;  // the catalog version in which active_number, the canary or what is kept warm became what it is
  std::optional<controller::Canary> canary;
  std::optional<controller::Promotion> promotion;  // of the canary
  // Versions that have been active, the latest last; the active one is among them.
  std::vector<uint64_t> served;
  std::vector<controller::HistoryEvent> history;   // oldest first
  bool operator==(const FunctionRecord&) const = default;
};

struct Counters {
  uint64_t catalog_version = 0;
  uint32_t creations = 0;
  // Catalogs up to this one were active on every worker that was connected: their versions are known to work.
  uint64_t proven_version = 0;
  bool operator==(const Counters&) const = default;
};

struct VersionName {
  std::string function;
  uint64_t number = 0;
};

struct BlobWrite {
  Digest digest{};
  std::string_view content;  // must outlive the Commit
};

// A record of another part's own: tokens, namespaces, secrets, the audit trail. docs/storage_format.md lists the prefixes.
struct Record {
  std::string key;
  std::string value;
};
struct RecordEdit {
  std::string key;
  std::optional<std::string> value;  // none: removed
};

// What one commit changes. Removals are applied first.
struct Change {
  Counters counters;
  std::vector<std::string> remove_functions;
  std::vector<VersionName> remove_versions;
  std::vector<Digest> remove_blobs;
  std::vector<FunctionRecord> put_functions;
  std::vector<FunctionVersion> put_versions;
  std::vector<BlobWrite> put_blobs;
  std::vector<RecordEdit> records;
};

// Everything but the blobs. Functions by name, versions by function and number.
struct Contents {
  Counters counters;
  std::vector<FunctionRecord> functions;
  std::vector<FunctionVersion> versions;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Status Commit(const Change& change) = 0;
  virtual Result<Contents> Load() const = 0;
  virtual Result<std::string> ReadBlob(const Digest& digest) const = 0;
  // All of them or none, on the disk when it returns; leaves functions and counters alone. Any thread.
  virtual Status WriteRecords(const std::vector<RecordEdit>& edits) = 0;
  // Those whose key begins with `prefix`, in the order of their keys.
  virtual Result<std::vector<Record>> ScanRecords(std::string_view prefix) const = 0;
  // Makes `folder`, which must not be there, a copy of the store as it is at one moment. Commits go on meanwhile. The folder must be
  // on the same file system: what does not change is linked and not copied.
  virtual Status Checkpoint(const std::string& folder) = 0;
  // Made at random when the store was created; tells workers one database from another.
  virtual const std::string& id() const = 0;
  // Fails with the reason when a commit would.
  virtual Status CheckWritable() = 0;
  // Taken on the disk, about.
  virtual uint64_t disk_bytes() const = 0;
};

}  // namespace zts::store
