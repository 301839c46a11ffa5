// A Compiler that answers what a test says.
//
// Owner:    a test.
// Thread:   Compile: any. The answers are set before.
#pragma once

#include <string>

#include "controller/compiler/compiler.h"

namespace zts::controller {

class FakeCompiler final : public Compiler {
 public:
  // A bundle that begins with "!" does not compile; any other has a code cache made of it.
  Result<CompileOutcome> Compile(const CompileJob& job) override {
    if (job.source.starts_with("!")) {
      return CompileOutcome(
          SourceProblem{"syntax-error", "SyntaxError: unexpected '!'", job.main_module, 1, 1, std::string(job.source), ""});
    }
    return CompileOutcome(CompiledBundle{"cache of " + std::string(job.source) + made_of, key});
  }

  std::string key = "fake|key";
  std::string made_of;  // added to each code cache
};

}  // namespace zts::controller
