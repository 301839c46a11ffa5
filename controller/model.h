// What the controller means by a function version, free of wire and disk formats.
//
// The edges (deploy_service, sync_service) turn these into messages, the store into records; everything between them speaks of
// these alone.
//
// Thread:   values; a VersionPtr is shared and immutable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sha256.h"

namespace zts::controller {

// 0 means the platform's default, which the worker knows.
struct VersionLimits {
  int64_t cpu_per_request_ns = 0;
  int64_t wall_per_request_ns = 0;
  int64_t startup_cpu_ns = 0;
  uint64_t memory_bytes_max = 0;
  // How the isolate collects garbage: nothing that a code cache depends on.
  uint64_t nursery_bytes = 0;
  uint64_t request_garbage_bytes = 0;
  bool operator==(const VersionLimits&) const = default;
};

struct VersionConfig {
  VersionLimits limits;
  std::map<std::string, std::string> env;
  std::vector<std::string> routes;     // in the form NormalizeRoute gives them
  std::vector<std::string> allow_net;  // as base/host_pattern.h reads them
  // Names, in order: of the function's secrets the version sees these alone, and does not serve without them. None: it sees them all.
  std::vector<std::string> secrets;
  std::string jit;                     // "disabled", "lazy", "eager"; empty: as the worker does
  uint32_t jit_threshold = 0;          // of that policy; 0: its own
  std::string isolation;               // "process", or empty: with all others
  bool operator==(const VersionConfig&) const = default;
};

// When a version gets a snapshot of its evaluated module: where it pays (kSnapshotFromEvaluation), wherever it can be made, or not.
enum class SnapshotPolicy : uint8_t { kAuto, kAlways, kNever };

// One immutable version of a function. Code cache and snapshot are made of its bundle for one kind of engine, and change with that.
struct FunctionVersion {
  std::string function;
  uint64_t number = 0;  // counts from 1 within the function
  Digest bundle_digest{};
  uint64_t bundle_bytes = 0;
  std::optional<Digest> code_cache_digest;
  uint64_t code_cache_bytes = 0;
  std::optional<Digest> snapshot_digest;  // of the evaluated module, for engines of the same artifact key
  uint64_t snapshot_bytes = 0;
  SnapshotPolicy snapshot_policy = SnapshotPolicy::kAuto;
  std::string start_reason;  // why isolates begin from a snapshot, or do not
  std::optional<Digest> source_map_digest;  // for people who read stack traces; never sent to workers
  uint64_t source_map_bytes = 0;
  std::string artifact_key;  // which V8, flags and CPU the code cache is good for
  VersionConfig config;
  std::string main_module;
  int64_t created_ns = 0;   // since 1970
  uint64_t version_id = 0;  // of this version alone, for ever
  std::string author;       // who deployed it, as the client says
  std::string message;      // and why
  uint64_t based_on = 0;    // the version whose code it shares, with another configuration; 0: its own code
  bool operator==(const FunctionVersion&) const = default;
};

using VersionPtr = std::shared_ptr<const FunctionVersion>;

// Where a tenant's source is wrong; line and column count from 1, 0 means unknown.
struct SourceProblem {
  std::string kind;  // "syntax-error", "no-handler", "exception", "startup-limit", "memory-limit"
  std::string message;
  std::string file;
  int line = 0;
  int column = 0;
  std::string source_line;
  std::string stack;
};

}  // namespace zts::controller
