// The startup snapshot: a blob of V8's with the web API in place, and what may run it.
//
// Built once, by snapshot_main.cc, with the same binary and flags that run it. The file begins with the key of what made it.
//
// Owner:    Host, one a process.
// Thread:   any; immutable after Load.
// Life:     outlives every isolate made from it: V8 reads from the blob lazily.
// Errors:   Load fails when the file is missing, cut, or of another binary or other flags.
#pragma once

#include <v8.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace zts::js {

// Where the functions for the native side are: index of Context::GetDataFromSnapshotOnce.
inline constexpr size_t kSnapshotCalls = 0;

class Snapshot {
 public:
  static Result<Snapshot> Load(const std::string& path);
  // The file's content for a blob just made.
  static std::string Encode(std::string_view blob);

  const v8::StartupData* data() const { return &data_; }

  Snapshot(Snapshot&& other) noexcept : file_(std::move(other.file_)), data_(other.data_) {}
  Snapshot(const Snapshot&) = delete;

 private:
  Snapshot(std::unique_ptr<std::string> file, size_t blob_start);

  std::unique_ptr<std::string> file_;  // at one address while the Snapshot moves
  v8::StartupData data_;
};

}  // namespace zts::js
