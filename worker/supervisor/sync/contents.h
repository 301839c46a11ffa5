// Gives versions what they need to run, from the disk or from the controller, and knows what of the disk is still named by something.
//
// Owner:    Applier.
// Thread:   one at a time.
// Life:     cache and engines outlive it.
// Limits:   kBlobBytesMax.
// Errors:   Make: kInvalid, kNotFound, kCorrupt, kUnavailable: why the version cannot have its source. Without code cache and snapshot a
//           version works all the same, and its first start is slower.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "worker/supervisor/engines.h"
#include "worker/supervisor/sync/catalog_receiver.h"
#include "worker/supervisor/sync/disk_cache.h"
#include "worker/supervisor/sync/served_catalog.h"

namespace zts::supervisor {

class Contents {
 public:
  // The controller takes bundles far below this; what is larger is no bundle.
  static constexpr size_t kBlobBytesMax = size_t{256} << 20;

  Contents(CatalogSink* engines, DiskCache* cache) : engines_(engines), cache_(cache) {}

  // `blobs`: where content comes from that the disk does not have; may be null.
  Result<Content> Make(const v1::FunctionVersion& version, BlobSource* blobs);

  // A function that is served or may be; and one that is neither any more.
  void Use(const ServedFunction& function);
  void Release(const ServedFunction& function);
  // Writes what the disk had no room for, and now may have.
  void WriteMissing(const ServedCatalog& catalog);
  // Of the disk: what is used, and what no longer is since it was taken last.
  std::set<std::string> Used() const;
  std::vector<std::string> TakeUnused();

 private:
  Result<std::string> Blob(const std::string& digest, uint64_t bytes, BlobSource* blobs);
  // A code cache or a snapshot: what only engines of the version's artifact key can use.
  std::string Artifact(const v1::FunctionVersion& version, const std::string& digest, uint64_t bytes, BlobSource* blobs);

  CatalogSink* engines_;
  DiskCache* cache_;
  uint64_t next_version_id_ = 1;
  std::unordered_map<std::string, uint32_t> uses_;  // by digest
  std::set<std::string> unused_;
  std::set<std::string> unwritten_;
};

}  // namespace zts::supervisor
