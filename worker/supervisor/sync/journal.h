// Records after one another in one file, each added by one write and none ever changed: what follows a snapshot.
//
//   "zts-journal-1\n", then for each record: length (4 bytes, little-endian), SHA-256 (32 bytes), content
//
// A record's SHA-256 is that of the one before it and its own content; the first one's stands on the seed, the digest of the snapshot.
// So a journal is read only on top of what it was written for, and up to the first byte that is not what was written: a write that was
// torn, a page that never reached the disk, a record that is missing in the middle all end it there.
//
// Owner:    DiskCache.
// Thread:   one at a time.
// Limits:   kRecordBytesMax.
// Errors:   Append fails when the disk is full or broken, and leaves the file as it was; when not even that can be had, the journal takes
//           nothing more, and what it has is still read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sha256.h"
#include "base/unique_fd.h"

namespace zts::supervisor {

class Journal {
 public:
  // Far above a whole catalog (controller/limits.h, kCatalogBytesMax); a length beyond it is damage, and not read into memory.
  static constexpr size_t kRecordBytesMax = size_t{128} << 20;

  // Made when missing. Each whole record goes to `visit`; what follows the last one, or the first that `visit` refuses, is cut off.
  static Result<std::unique_ptr<Journal>> Open(const std::string& path, const Digest& seed,
                                               const std::function<bool(std::string_view)>& visit);

  // From here on it is there after a kill of the process; after a crash of the machine once Sync has returned.
  Status Append(std::string_view content);
  Status Sync();

  uint64_t bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  Journal(std::string path, UniqueFd file, const Digest& seed) : path_(std::move(path)), file_(std::move(file)), last_(seed) {}
  void Replay(std::string_view content, const std::function<bool(std::string_view)>& visit);
  Status WriteAll(std::string_view bytes);

  const std::string path_;
  UniqueFd file_;
  Digest last_;         // of the last record
  uint64_t bytes_ = 0;  // whole records and what precedes them
  bool broken_ = false;
};

}  // namespace zts::supervisor
