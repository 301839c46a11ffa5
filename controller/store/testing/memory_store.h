// A Store in memory that can be told to fail; obeys store_contract_test like the real one.
//
// Owner:    a test.
// Thread:   any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "controller/store/store.h"

namespace zts::store {

class MemoryStore final : public Store {
 public:
  Status Commit(const Change& change) override;
  Result<Contents> Load() const override;
  Result<std::string> ReadBlob(const Digest& digest) const override;
  Status WriteRecords(const std::vector<RecordEdit>& edits) override;
  Result<std::vector<Record>> ScanRecords(std::string_view prefix) const override;
  // In memory there is no folder to copy: kUnsupported.
  Status Checkpoint(const std::string& folder) override;
  const std::string& id() const override { return id_; }
  Status CheckWritable() override;
  uint64_t disk_bytes() const override;

  // Every commit fails with this until it is taken away again.
  void FailCommits(std::optional<Error> error);
  size_t blob_count() const;

 private:
  void Apply(const std::vector<RecordEdit>& edits);

  const std::string id_ = "memory-store";
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  Counters counters_;
  std::map<std::string, FunctionRecord> functions_;
  std::map<std::pair<std::string, uint64_t>, FunctionVersion> versions_;
  std::map<Digest, std::string> blobs_;
  std::map<std::string, std::string> records_;
};

}  // namespace zts::store
