// Checks a bundle and makes its code cache, outside of this process: it runs the tenant's code.
//
// Owner:    main(), one a process: ProcessCompiler; a fake in tests.
// Thread:   any; blocks until the result is there.
// Errors:   the Result: our own trouble (no compiler installed, machine busy, stopped). A SourceProblem: the tenant's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "controller/model.h"

namespace zts::controller {

struct CompileJob {
  std::string function;
  std::string main_module;
  std::string_view source;
  std::map<std::string, std::string> env;
  VersionLimits limits;
  SnapshotPolicy snapshot = SnapshotPolicy::kAuto;
  // What one compiler process is to do: ProcessCompiler's own affair. A trial begins from `snapshot_to_try`, as an engine would.
  enum class Product : uint8_t { kCodeCache, kSnapshot, kTrial } product = Product::kCodeCache;
  std::string_view snapshot_to_try = {};
};

struct CompiledBundle {
  std::string code_cache;  // a process that was asked for the snapshot answers with that, here
  std::string artifact_key;
  int64_t evaluate_ns = 0;       // what evaluating the module took
  bool reads_environment = false;  // while it is evaluated: a snapshot is good for the job's env alone
  std::string snapshot_refusal;  // why there can be no snapshot of the evaluated module; empty: it may be tried
  std::string snapshot;          // empty: isolates begin from the code cache
  std::string start_reason;      // why they begin as they do, for people
};

using CompileOutcome = std::variant<CompiledBundle, SourceProblem>;

class Compiler {
 public:
  virtual ~Compiler() = default;
  virtual Result<CompileOutcome> Compile(const CompileJob& job) = 0;
  // Ends what is being compiled; every call from here on fails.
  virtual void Stop() {}
};

}  // namespace zts::controller
