// Checks a bundle and makes its code cache, outside of this process: it runs the tenant's code.
//
// Owner:    main(), one a process: ProcessCompiler; a fake in tests.
// Thread:   any; blocks until the result is there.
// Errors:   the Result: our own trouble (no compiler installed, machine busy, stopped). A SourceProblem: the tenant's.
#pragma once

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
};

struct CompiledBundle {
  std::string code_cache;
  std::string artifact_key;
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
