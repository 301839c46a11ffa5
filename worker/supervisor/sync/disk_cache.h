// What this worker last served, on disk: content by digest, one catalog that names it, and the changes since.
//
//   catalog          checksum and protobuf, flushed to the disk with all it names
//   catalog.next     the same for a newer one, not flushed yet
//   journal.DIGEST   changes on top of the catalog that hashes to DIGEST
//   blobs/DIGEST     a bundle or a code cache
//
// A change costs what it weighs, not what the catalog weighs: it is one record at the end of the journal. Once the journal is as large as
// the catalog, a new catalog takes the place of both.
//
// Nothing here is trusted when read: a file that does not hash to its name is removed and counts as missing, a next catalog that
// is not whole is as none, and a journal counts up to its first byte that is not what was written. So writing needs no care and no
// waiting: a kill of the process loses nothing that was written, and a crash of the machine nothing that was settled.
//
// Owner:    main(), one; the data folder's lock keeps other processes away.
// Thread:   one at a time.
// Limits:   kJournalBytesMin.
// Errors:   kNotFound: not there; kCorrupt: was there and is not what was written. Writing fails when the disk is full or broken; what is
//           there stays, and the worker serves on without.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "worker/supervisor/sync/cache.pb.h"
#include "worker/supervisor/sync/journal.h"

namespace zts::supervisor {

class DiskCache {
 public:
  // A small catalog is not written anew with each few changes.
  static constexpr uint64_t kJournalBytesMin = uint64_t{1} << 20;

  static Result<std::unique_ptr<DiskCache>> Open(const std::string& folder);

  Result<std::string> ReadBlob(const std::string& digest);
  // REQUIRES: content hashes to digest.
  Status WriteBlob(const std::string& digest, std::string_view content);

  // The newest that is whole, with the changes on top of it. Changes are added to it from here on.
  Result<CachedCatalog> ReadCatalog();
  // From here on it is what ReadCatalog finds.
  Status WriteCatalog(const CachedCatalog& catalog);
  // The same for what it makes of the catalog written or read last; takes microseconds. kNotFound: there is none that is whole, a write
  // before this one failed, or the change is on top of another; the whole catalog is to be written.
  Status AppendChange(const CachedChange& change);
  // The journal outweighs the catalog: time to write the whole one.
  bool ShouldCompact() const;
  // Flushes catalog, journal and blobs: milliseconds each, so whoever waits for the catalog is answered first.
  Status Settle();

  // Removes every blob but these; and exactly these.
  void RemoveUnused(const std::set<std::string>& digests);
  void RemoveBlobs(const std::vector<std::string>& digests);

 private:
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}
  std::string BlobPath(const std::string& digest) const { return folder_ + "/blobs/" + digest; }
  std::string CatalogPath() const { return folder_ + "/catalog"; }
  std::string NextPath() const { return folder_ + "/catalog.next"; }
  Status OpenJournal(const Digest& catalog, const std::function<bool(std::string_view)>& visit);
  void RemoveOtherJournals();
  Status SyncBlobs();
  Status SyncJournal();

  std::string folder_;
  std::set<std::string> unsynced_;  // digests
  bool next_written_ = false;
  uint64_t catalog_bytes_ = 0;
  // On top of the catalog that counts; null when there is none to add to.
  std::unique_ptr<Journal> journal_;
  uint64_t version_ = 0;  // of the catalog with its journal
  bool journal_is_new_ = false;
  bool journal_unsynced_ = false;
};

}  // namespace zts::supervisor
