#include "controller/store/testing/memory_store.h"

namespace zts::store {

Status MemoryStore::Commit(const Change& change) {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  for (const std::string& name : change.remove_functions) functions_.erase(name);
  for (const VersionName& version : change.remove_versions) versions_.erase({version.function, version.number});
  for (const Digest& digest : change.remove_blobs) blobs_.erase(digest);
  for (const FunctionRecord& function : change.put_functions) functions_[function.name] = function;
  for (const FunctionVersion& version : change.put_versions) versions_[{version.function, version.number}] = version;
  for (const BlobWrite& blob : change.put_blobs) blobs_[blob.digest] = std::string(blob.content);
  Apply(change.records);
  counters_ = change.counters;
  return {};
}

void MemoryStore::Apply(const std::vector<RecordEdit>& edits) {
  for (const RecordEdit& edit : edits) {
    if (edit.value) {
      records_[edit.key] = *edit.value;
    } else {
      records_.erase(edit.key);
    }
  }
}

Status MemoryStore::WriteRecords(const std::vector<RecordEdit>& edits) {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  Apply(edits);
  return {};
}

Result<std::vector<Record>> MemoryStore::ScanRecords(std::string_view prefix) const {
  const std::lock_guard lock(mutex_);
  std::vector<Record> records;
  for (auto at = records_.lower_bound(std::string(prefix)); at != records_.end() && at->first.starts_with(prefix); ++at) {
    records.push_back({at->first, at->second});
  }
  return records;
}

Status MemoryStore::Checkpoint(const std::string&) {
  return Error{ErrorCode::kUnsupported, "a store in memory has no checkpoints"};
}

Result<Contents> MemoryStore::Load() const {
  const std::lock_guard lock(mutex_);
  Contents contents;
  contents.counters = counters_;
  for (const auto& [name, function] : functions_) contents.functions.push_back(function);
  for (const auto& [name, version] : versions_) contents.versions.push_back(version);
  return contents;
}

Result<std::string> MemoryStore::ReadBlob(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return NotFound("there is no content " + ToHex(digest) + " in the store");
  if (Sha256Of(found->second) != digest) return Error{ErrorCode::kCorrupt, "content " + ToHex(digest) + " is damaged"};
  return found->second;
}

Status MemoryStore::CheckWritable() {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  return {};
}

uint64_t MemoryStore::disk_bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [digest, content] : blobs_) bytes += content.size();
  return bytes;
}

void MemoryStore::FailCommits(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(error);
}

size_t MemoryStore::blob_count() const {
  const std::lock_guard lock(mutex_);
  return blobs_.size();
}

}  // namespace zts::store
