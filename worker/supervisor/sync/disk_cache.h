// What this worker last served, on disk: content by digest and one catalog that names it.
//
//   catalog          checksum and protobuf, replaced whole
//   blobs/DIGEST     a bundle or a code cache
//
// Nothing here is trusted when read: a file that does not hash to its name is removed and counts as missing. So content needs no
// care while it is written, and only the catalog is replaced in the careful way, after what it names is on the disk.
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

  Result<CachedCatalog> ReadCatalog();
  // Survives a crash of the machine, with all blobs written so far.
  Status WriteCatalog(const CachedCatalog& catalog);

  // Removes every blob but these.
  void RemoveUnused(const std::set<std::string>& digests);

 private:
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}
  std::string BlobPath(const std::string& digest) const { return folder_ + "/blobs/" + digest; }
  Status SyncBlobs();

  std::string folder_;
  std::vector<std::string> unsynced_;  // paths
};

}  // namespace zts::supervisor
