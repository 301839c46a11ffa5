// What the supervisor hands an engine: function versions and catalogs of them, apart from how they came here.
//
// Owner:    shared; immutable once made.
// Thread:   any.
// Life:     a spec keeps its content alive, so that a new engine gets it without the disk or the controller.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "worker/supervisor/engine_class.h"

namespace zts::supervisor {

// V8 reads it in place, by words.
inline constexpr size_t kSnapshotAlignment = 64;

struct FunctionSpec {
  // Given by this worker, never reused while it lives: ids of another store could collide with what an engine has.
  uint64_t version_id = 0;
  std::string function;
  uint64_t number = 0;
  std::string main_module;

  // A sealed memory file: source, then code cache, then the snapshot at a multiple of kSnapshotAlignment.
  UniqueFd content;
  uint64_t source_bytes = 0;
  uint64_t code_cache_bytes = 0;
  uint64_t snapshot_at = 0;
  uint64_t snapshot_bytes = 0;
  // Which engine build the code cache and the snapshot are good for; another one gets the source alone.
  std::string artifact_key;

  // 0: the platform's default.
  Nanos cpu_per_request = 0;
  Nanos wall_per_request = 0;
  Nanos startup_cpu = 0;
  uint64_t memory_bytes_max = 0;
  uint64_t nursery_bytes = 0;
  uint64_t request_garbage_bytes = 0;

  // Which engine runs it; as the deploy says, so that what the worker's own policy is anyway may be written there too.
  EngineClass engine_class;

  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> routes;
  // What it may reach besides public addresses, as base/host_pattern.h reads it. The egress process is told, the engine is not.
  std::vector<std::string> allow_net;
};

using FunctionSpecPtr = std::shared_ptr<const FunctionSpec>;

// Requests of one function, divided between two versions.
struct SplitSpec {
  FunctionSpecPtr active;
  FunctionSpecPtr canary;
  uint32_t share = 0;       // the canary's, in ten thousandths
  std::string sticky_by;    // "", "header", "cookie", "ip"
  std::string sticky_name;
};

struct CatalogSpec {
  uint64_t version = 0;
  std::vector<FunctionSpecPtr> functions;
  std::vector<SplitSpec> splits;
  // Served before, kept to go back to. An engine that refuses one goes without.
  std::vector<FunctionSpecPtr> standby;

  // All that an engine has to know of it.
  template <typename F>
  void ForEach(F&& visit) const {
    for (const FunctionSpecPtr& spec : functions) visit(spec);
    for (const SplitSpec& split : splits) visit(split.canary);
    for (const FunctionSpecPtr& spec : standby) visit(spec);
  }
};

// Why a function version cannot be served.
struct Problem {
  std::string function;  // empty: of the catalog as a whole
  uint64_t number = 0;
  std::string kind;      // an outcome's name, or "engine-died", "quarantined", "fetch", ...
  std::string message;
  std::string file;
  int line = 0;
  int column = 0;
  std::string source_line;
  std::string stack;
};

// Console output or an uncaught exception, with the names an id stands for.
struct LogRecord {
  Nanos time = 0;  // since 1970
  std::string function;
  uint64_t number = 0;
  std::string severity;  // "debug", "info", "log", "warn", "error", "exception"
  std::string message;
  std::string request_id;
  uint64_t dropped_before = 0;
};

}  // namespace zts::supervisor
