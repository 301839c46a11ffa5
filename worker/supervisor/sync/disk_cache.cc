#include "worker/supervisor/sync/disk_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

namespace zts::supervisor {
namespace {

// Before the protobuf: these bytes, then the SHA-256 of the rest in hex and a line feed.
constexpr std::string_view kMagic = "zts-catalog-1\n";
constexpr size_t kHeaderBytes = kMagic.size() + 64 + 1;

constexpr const char* kTemporary = ".new";
// Files that are flushed one by one: the handful of a deploy.
constexpr size_t kFlushesMax = 16;
constexpr std::string_view kJournalPrefix = "journal.";

Status Flush(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return Error::FromErrno("open " + path);
  if (::fsync(fd.get()) != 0) return Error::FromErrno("fsync " + path);
  return {};
}

// Of all that is unwritten on the file system of that folder: one wait, however many files.
Status FlushFileSystem(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return Error::FromErrno("open " + folder);
  if (::syncfs(fd.get()) != 0) return Error::FromErrno("syncfs " + folder);
  return {};
}

Status WriteTo(const std::string& path, std::string_view content) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error::FromErrno("create " + path);
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::FromErrno("write " + path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

// A kill leaves the old file or the new one; unlike WriteFileAtomically it does not wait for the disk.
Status Replace(const std::string& path, std::string_view content) {
  const std::string temporary = path + kTemporary;
  Status written = WriteTo(temporary, content);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) written = Error::FromErrno("rename " + temporary);
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

struct WholeCatalog {
  CachedCatalog catalog;
  Digest digest{};
  uint64_t bytes = 0;
};

Result<WholeCatalog> ReadCatalogFile(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const Error corrupt{ErrorCode::kCorrupt, path + " is damaged"};
  if (content.size() < kHeaderBytes || !content.starts_with(kMagic)) return corrupt;
  const std::string_view body = std::string_view(content).substr(kHeaderBytes);
  WholeCatalog whole{{}, Sha256Of(body), content.size()};
  if (content.substr(kMagic.size(), 64) != ToHex(whole.digest)) return corrupt;
  if (!whole.catalog.ParseFromArray(body.data(), static_cast<int>(body.size()))) return corrupt;
  return whole;
}

// A catalog's functions by name, while changes are made to them.
class Merger {
 public:
  explicit Merger(CachedCatalog catalog) : catalog_(std::move(catalog)) {
    for (int i = 0; i < catalog_.functions_size(); ++i) at_[catalog_.functions(i).function()] = i;
  }

  // Whether the record is a change on top of what is there.
  bool Apply(std::string_view record) {
    CachedChange change;
    if (!change.ParseFromArray(record.data(), static_cast<int>(record.size()))) return false;
    if (change.base_version() != catalog_.catalog_version()) return false;
    for (const std::string& removal : change.removals()) Remove(removal);
    for (zts::v1::FunctionVersion& upsert : *change.mutable_upserts()) Put(std::move(upsert));
    for (auto& [function, sealed] : *change.mutable_sealed_secrets()) {
      (*catalog_.mutable_sealed_by_function())[function] = std::move(sealed);
    }
    catalog_.set_catalog_version(change.catalog_version());
    return true;
  }

  CachedCatalog Take() { return std::move(catalog_); }

 private:
  // The last one takes the place of the one that goes.
  void Remove(const std::string& function) {
    catalog_.mutable_sealed_by_function()->erase(function);
    const auto found = at_.find(function);
    if (found == at_.end()) return;
    const int last = catalog_.functions_size() - 1;
    at_[catalog_.functions(last).function()] = found->second;
    catalog_.mutable_functions()->SwapElements(found->second, last);
    catalog_.mutable_functions()->RemoveLast();
    at_.erase(found);
  }

  void Put(zts::v1::FunctionVersion version) {
    catalog_.mutable_sealed_by_function()->erase(version.function());
    const auto [found, is_new] = at_.try_emplace(version.function(), catalog_.functions_size());
    (is_new ? *catalog_.add_functions() : *catalog_.mutable_functions(found->second)) = std::move(version);
  }

  CachedCatalog catalog_;
  std::unordered_map<std::string, int> at_;
};

}  // namespace

Result<std::unique_ptr<DiskCache>> DiskCache::Open(const std::string& folder) {
  ZTS_RETURN_IF_ERROR(MakeDirectories(folder + "/blobs", 0700));
  return std::unique_ptr<DiskCache>(new DiskCache(folder));
}

Result<std::string> DiskCache::ReadBlob(const std::string& digest) {
  ZTS_CHECK(DigestFromHex(digest).has_value());
  const std::string path = BlobPath(digest);
  ZTS_ASSIGN_OR_RETURN(std::string content, ReadFile(path));
  if (ToHex(Sha256Of(content)) == digest) return content;
  ::unlink(path.c_str());
  unsynced_.erase(digest);
  return Error{ErrorCode::kCorrupt, path + " is not what was written there; it is removed"};
}

Status DiskCache::WriteBlob(const std::string& digest, std::string_view content) {
  ZTS_CHECK(DigestFromHex(digest).has_value());
  const std::string path = BlobPath(digest);
  ZTS_RETURN_IF_ERROR(Replace(path, content));
  unsynced_.insert(digest);
  return {};
}

// Thousands of files of a first catalog one after another would take minutes, with the next deploy waiting behind them.
Status DiskCache::SyncBlobs() {
  if (unsynced_.empty()) return {};
  if (unsynced_.size() > kFlushesMax) {
    ZTS_RETURN_IF_ERROR(FlushFileSystem(folder_));
    unsynced_.clear();
    return {};
  }
  for (const std::string& digest : unsynced_) {
    // One that is gone is found missing when it is read.
    if (::access(BlobPath(digest).c_str(), F_OK) == 0) ZTS_RETURN_IF_ERROR(Flush(BlobPath(digest), O_RDONLY));
  }
  unsynced_.clear();
  return Flush(folder_ + "/blobs", O_RDONLY | O_DIRECTORY);
}

// --- catalog and journal -----------------------------------------------------------------------------

Status DiskCache::OpenJournal(const Digest& catalog, const std::function<bool(std::string_view)>& visit) {
  journal_.reset();
  const std::string path = folder_ + "/" + std::string(kJournalPrefix) + ToHex(catalog);
  journal_is_new_ = ::access(path.c_str(), F_OK) != 0;
  ZTS_ASSIGN_OR_RETURN(journal_, Journal::Open(path, catalog, visit));
  journal_unsynced_ = journal_is_new_;
  return {};
}

Result<CachedCatalog> DiskCache::ReadCatalog() {
  auto whole = ReadCatalogFile(NextPath());
  // Of a process that was killed before it settled.
  next_written_ = whole.ok();
  if (!whole.ok()) whole = ReadCatalogFile(CatalogPath());
  if (!whole.ok()) return std::move(whole).error();
  catalog_bytes_ = whole->bytes;
  Merger merger(std::move(whole->catalog));
  const Status opened = OpenJournal(whole->digest, [&](std::string_view record) { return merger.Apply(record); });
  if (!opened.ok()) {
    ZTS_LOG(kWarning) << opened.error().message << "; the catalog is written anew with the next change";
  }
  CachedCatalog catalog = merger.Take();
  version_ = catalog.catalog_version();
  return catalog;
}

Status DiskCache::WriteCatalog(const CachedCatalog& catalog) {
  const std::string body = catalog.SerializeAsString();
  const Digest digest = Sha256Of(body);
  ZTS_RETURN_IF_ERROR(Replace(NextPath(), std::string(kMagic) + ToHex(digest) + "\n" + body));
  next_written_ = true;
  catalog_bytes_ = kHeaderBytes + body.size();
  version_ = catalog.catalog_version();
  const Status opened = OpenJournal(digest, [](std::string_view) { return false; });
  if (!opened.ok()) {
    ZTS_LOG(kWarning) << opened.error().message << "; the next change writes the whole catalog again";
  }
  return {};
}

Status DiskCache::AppendChange(const CachedChange& change) {
  if (journal_ == nullptr || change.base_version() != version_) return NotFound("no catalog on the disk that this change is on top of");
  if (Status added = journal_->Append(change.SerializeAsString()); !added.ok()) {
    journal_.reset();
    return added;
  }
  version_ = change.catalog_version();
  journal_unsynced_ = true;
  return {};
}

bool DiskCache::ShouldCompact() const {
  return journal_ != nullptr && journal_->bytes() > std::max(kJournalBytesMin, catalog_bytes_);
}

Status DiskCache::SyncJournal() {
  if (journal_ == nullptr || !journal_unsynced_) return {};
  ZTS_RETURN_IF_ERROR(journal_->Sync());
  journal_unsynced_ = false;
  if (!std::exchange(journal_is_new_, false)) return {};
  return Flush(folder_, O_RDONLY | O_DIRECTORY);
}

Status DiskCache::Settle() {
  ZTS_RETURN_IF_ERROR(SyncBlobs());
  ZTS_RETURN_IF_ERROR(SyncJournal());
  if (!next_written_) return {};
  ZTS_RETURN_IF_ERROR(Flush(NextPath(), O_RDONLY));
  if (::rename(NextPath().c_str(), CatalogPath().c_str()) != 0) return Error::FromErrno("rename " + NextPath());
  next_written_ = false;
  ZTS_RETURN_IF_ERROR(Flush(folder_, O_RDONLY | O_DIRECTORY));
  RemoveOtherJournals();
  return {};
}

// Of catalogs that are no more.
void DiskCache::RemoveOtherJournals() {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    const bool other = journal_ == nullptr || file.path() != journal_->path();
    if (other && file.path().filename().string().starts_with(kJournalPrefix)) std::filesystem::remove(file.path(), error);
  }
}

// --- what is not needed any more -----------------------------------------------------------------------

void DiskCache::RemoveUnused(const std::set<std::string>& digests) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_ + "/blobs", error)) {
    // Also what a crash left half-written.
    const std::string name = file.path().filename().string();
    if (digests.count(name) > 0) continue;
    std::filesystem::remove(file.path(), error);
    unsynced_.erase(name);
  }
  if (error) {
    ZTS_LOG(kWarning) << "unused files of " << folder_ << "/blobs stay: " << error.message();
  }
}

void DiskCache::RemoveBlobs(const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) {
    unsynced_.erase(digest);
    if (::unlink(BlobPath(digest).c_str()) != 0 && errno != ENOENT) {
      ZTS_LOG(kWarning) << Error::FromErrno("remove " + BlobPath(digest)).message;
    }
  }
}

}  // namespace zts::supervisor
