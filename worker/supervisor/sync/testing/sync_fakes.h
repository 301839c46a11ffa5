// Stand-ins for what the applier speaks with: engines that take everything, and a controller's content.
//
// Thread:   the test's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "worker/supervisor/sync/applier.h"

namespace zts::supervisor {

class FakeSink final : public CatalogSink {
 public:
  Result<std::vector<Problem>> Prepare(CatalogSpec catalog, std::vector<uint64_t> warm) override {
    ++prepares;
    last_warm = std::move(warm);
    if (aborted) return Error{ErrorCode::kAborted, "stopping"};
    if (!problems.empty()) return problems;
    prepared = std::move(catalog);
    return std::vector<Problem>{};
  }
  Status Commit() override {
    if (!commit_error.empty()) return Internal(commit_error);
    committed = std::move(prepared);
    ++commits;
    return {};
  }
  std::string ArtifactKey() const override { return artifact_key; }

  // "a=1 b=2": function and number of what serves.
  std::string Serving() const {
    std::string text;
    for (const FunctionSpecPtr& spec : committed.functions) {
      text += (text.empty() ? "" : " ") + spec->function + "=" + std::to_string(spec->number);
    }
    return text;
  }

  std::string artifact_key = "key";
  std::vector<Problem> problems;
  std::string commit_error;
  bool aborted = false;
  CatalogSpec prepared, committed;
  std::vector<uint64_t> last_warm;
  int prepares = 0, commits = 0;
};

// Content by digest, with counts of what was asked for.
class FakeBlobs final : public BlobSource {
 public:
  Result<std::string> Fetch(const std::string& digest, size_t bytes_max) override {
    ++fetches;
    const auto found = content.find(digest);
    if (found == content.end()) return NotFound("no content " + digest);
    return found->second;
  }
  std::string Add(const std::string& bytes) {
    const std::string digest = ToHex(Sha256Of(bytes));
    content[digest] = bytes;
    return digest;
  }
  // A version of a function whose source and code cache name it.
  v1::FunctionVersion Version(const std::string& function, uint64_t number, const std::string& artifact_key = "key") {
    const std::string source = "source of " + function + std::to_string(number);
    const std::string code = "code of " + function + std::to_string(number);
    v1::FunctionVersion version;
    version.set_function(function);
    version.set_number(number);
    version.set_version_id(std::hash<std::string>()(function) << 16 | number);
    version.set_bundle_digest(Add(source));
    version.set_bundle_bytes(source.size());
    version.set_code_cache_digest(Add(code));
    version.set_code_cache_bytes(code.size());
    version.set_artifact_key(artifact_key);
    version.set_main_module(function + ".js");
    version.set_created_ns(static_cast<int64_t>(number));
    return version;
  }

  std::map<std::string, std::string> content;
  int fetches = 0;
};

}  // namespace zts::supervisor
