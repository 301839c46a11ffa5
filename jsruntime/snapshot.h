// The startup snapshot: a blob of V8's with the web API in place, and what may run it.
//
// Built once, by snapshot_main.cc, with the same binary and flags that run it. The file begins with the key of what made it, and also
// holds the sources of the web API, which V8 reads in place in every isolate, and the files of it that are compiled at first touch
// (lazy_files.h).
//
// Owner:    Host, one a process.
// Thread:   any; immutable after Load.
// Life:     outlives every isolate made from it: V8 reads from the blob lazily.
// Errors:   Load fails when the file is missing, cut, or of another binary or other flags.
#pragma once

#include <v8.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jsruntime/lazy_files.h"

namespace zts::js {

// Where the functions for the native side are: index of Context::GetDataFromSnapshotOnce.
inline constexpr size_t kSnapshotCalls = 0;

class Snapshot {
 public:
  static Result<Snapshot> Load(const std::string& path);
  // The file's content for a blob just made. The texts are those of References, in their order.
  static std::string Encode(std::string_view blob, std::span<const std::string_view> texts, LazyFiles lazy_files);
  // What a blob names outside of V8's heap, ended by 0: native functions, and the texts of the files that ran while it was built.
  static std::vector<intptr_t> References(std::span<const std::unique_ptr<LazyText>> texts);

  const v8::StartupData* data() const { return &data_; }
  // For CreateParams.
  const std::vector<intptr_t>& references() const { return references_; }
  LazyFiles lazy_files() const { return lazy_files_; }
  // What made it and what is in it, on one line: what is built on top of it is good for nothing else.
  const std::string& key() const { return key_; }

  Snapshot(Snapshot&& other) noexcept = default;
  Snapshot(const Snapshot&) = delete;

 private:
  explicit Snapshot(std::unique_ptr<std::string> file) : file_(std::move(file)) {}
  // Finds the parts behind the head; false where the file is cut.
  bool FindParts(size_t at);

  std::unique_ptr<std::string> file_;  // at one address while the Snapshot moves
  std::string key_;
  v8::StartupData data_ = {nullptr, 0};
  std::vector<std::unique_ptr<LazyText>> texts_;
  std::vector<intptr_t> references_;
  std::vector<LazyFile> lazy_files_;  // views of the file and of lazy_texts_
  std::vector<std::unique_ptr<LazyText>> lazy_texts_;
};

}  // namespace zts::js
