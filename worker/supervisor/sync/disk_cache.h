// What this worker last served, on disk: content by digest and one catalog that names it.
//
//   catalog          checksum and protobuf, flushed to the disk with all it names
//   catalog.next     the same for a newer one, not flushed yet
//   blobs/DIGEST     a bundle or a code cache
//
// Nothing here is trusted when read: a file that does not hash to its name is removed and counts as missing, and a next catalog that
// is not whole is as none. So writing needs no care and no waiting: a kill of the process loses nothing that was written, and a
// crash of the machine nothing that was settled.
//
// Owner:    main(), one; the data folder's lock keeps other processes away.
// Thread:   one at a time.
// Errors:   kNotFound: not there; kCorrupt: was there and is not what was written. Writing fails when the disk is full or broken; the
//           worker serves on without.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/supervisor/sync/cache.pb.h"

namespace zts::supervisor {

class DiskCache {
 public:
  static Result<std::unique_ptr<DiskCache>> Open(const std::string& folder);

  Result<std::string> ReadBlob(const std::string& digest);
  // REQUIRES: content hashes to digest.
  Status WriteBlob(const std::string& digest, std::string_view content);

  // The newest that is whole.
  Result<CachedCatalog> ReadCatalog();
  // From here on it is what ReadCatalog finds; takes microseconds.
  Status WriteCatalog(const CachedCatalog& catalog);
  // Flushes it and the blobs: milliseconds each, so whoever waits for the catalog is answered first.
  Status Settle();

  // Removes every blob but these.
  void RemoveUnused(const std::set<std::string>& digests);

 private:
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}
  std::string BlobPath(const std::string& digest) const { return folder_ + "/blobs/" + digest; }
  std::string CatalogPath() const { return folder_ + "/catalog"; }
  std::string NextPath() const { return folder_ + "/catalog.next"; }
  Status SyncBlobs();

  std::string folder_;
  std::vector<std::string> unsynced_;  // paths
  bool next_written_ = false;
};

}  // namespace zts::supervisor
