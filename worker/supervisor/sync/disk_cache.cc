#include "worker/supervisor/sync/disk_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

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

Status Flush(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return Error::FromErrno("open " + path);
  if (::fsync(fd.get()) != 0) return Error::FromErrno("fsync " + path);
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

Result<CachedCatalog> ReadCatalogFile(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const Error corrupt{ErrorCode::kCorrupt, path + " is damaged"};
  if (content.size() < kHeaderBytes || !content.starts_with(kMagic)) return corrupt;
  const std::string_view body = std::string_view(content).substr(kHeaderBytes);
  if (content.substr(kMagic.size(), 64) != ToHex(Sha256Of(body))) return corrupt;
  CachedCatalog catalog;
  if (!catalog.ParseFromArray(body.data(), static_cast<int>(body.size()))) return corrupt;
  return catalog;
}

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
  return Error{ErrorCode::kCorrupt, path + " is not what was written there; it is removed"};
}

Status DiskCache::WriteBlob(const std::string& digest, std::string_view content) {
  ZTS_CHECK(DigestFromHex(digest).has_value());
  const std::string path = BlobPath(digest);
  ZTS_RETURN_IF_ERROR(Replace(path, content));
  unsynced_.push_back(path);
  return {};
}

Status DiskCache::SyncBlobs() {
  if (unsynced_.empty()) return {};
  for (const std::string& path : unsynced_) {
    // One that is gone was removed as unused.
    if (::access(path.c_str(), F_OK) == 0) ZTS_RETURN_IF_ERROR(Flush(path, O_RDONLY));
  }
  unsynced_.clear();
  return Flush(folder_ + "/blobs", O_RDONLY | O_DIRECTORY);
}

Result<CachedCatalog> DiskCache::ReadCatalog() {
  if (auto next = ReadCatalogFile(NextPath()); next.ok()) return next;
  return ReadCatalogFile(CatalogPath());
}

Status DiskCache::WriteCatalog(const CachedCatalog& catalog) {
  const std::string body = catalog.SerializeAsString();
  ZTS_RETURN_IF_ERROR(Replace(NextPath(), std::string(kMagic) + ToHex(Sha256Of(body)) + "\n" + body));
  next_written_ = true;
  return {};
}

Status DiskCache::Settle() {
  if (!next_written_) return {};
  ZTS_RETURN_IF_ERROR(SyncBlobs());
  ZTS_RETURN_IF_ERROR(Flush(NextPath(), O_RDONLY));
  if (::rename(NextPath().c_str(), CatalogPath().c_str()) != 0) return Error::FromErrno("rename " + NextPath());
  next_written_ = false;
  return Flush(folder_, O_RDONLY | O_DIRECTORY);
}

void DiskCache::RemoveUnused(const std::set<std::string>& digests) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_ + "/blobs", error)) {
    // Also what a crash left half-written.
    if (digests.count(file.path().filename().string()) == 0) std::filesystem::remove(file.path(), error);
  }
  if (error) {
    ZTS_LOG(kWarning) << "unused files of " << folder_ << "/blobs stay: " << error.message();
  }
}

}  // namespace zts::supervisor
