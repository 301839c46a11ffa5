// Real compiler processes: what tenants may write, and what it must not do to anybody else.
#include <gtest/gtest.h>

#include <chrono>

#include "base/layout.h"
#include "controller/compiler/process_compiler.h"
#include "jsruntime/launch.h"

namespace zts::controller {
namespace {

class CompilerProcessTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto snapshot = FindInstalled("web.snapshot");
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    auto command = js::HostCommand("compiler.node", {*snapshot});
    ASSERT_TRUE(command.ok()) << command.error().message;
    compiler_ = new ProcessCompiler({.command = *command});
  }
  static void TearDownTestSuite() { delete compiler_; }

  CompileOutcome Compile(std::string_view source, VersionLimits limits = {}, SnapshotPolicy snapshot = SnapshotPolicy::kAuto) {
    CompileJob job;
    job.snapshot = snapshot;
    job.function = "f";
    job.main_module = "f.js";
    job.source = source;
    job.limits = limits;
    auto outcome = compiler_->Compile(job);
    EXPECT_TRUE(outcome.ok()) << (outcome.ok() ? "" : outcome.error().message);
    return outcome.ok() ? *std::move(outcome) : CompileOutcome(SourceProblem{.kind = "none"});
  }

  SourceProblem Problem(std::string_view source, VersionLimits limits = {}) {
    auto outcome = Compile(source, limits);
    EXPECT_TRUE(std::holds_alternative<SourceProblem>(outcome)) << "compiled: " << source;
    return std::holds_alternative<SourceProblem>(outcome) ? std::get<SourceProblem>(outcome) : SourceProblem{};
  }

  void ExpectCompiles(std::string_view source) {
    auto outcome = Compile(source);
    ASSERT_TRUE(std::holds_alternative<CompiledBundle>(outcome)) << std::get<SourceProblem>(outcome).message;
    EXPECT_FALSE(std::get<CompiledBundle>(outcome).code_cache.empty());
    EXPECT_NE(std::get<CompiledBundle>(outcome).artifact_key.find('|'), std::string::npos);
  }

  CompiledBundle Compiled(std::string_view source, SnapshotPolicy snapshot) {
    auto outcome = Compile(source, {}, snapshot);
    const auto* problem = std::get_if<SourceProblem>(&outcome);
    EXPECT_EQ(problem, nullptr) << problem->message;
    return problem == nullptr ? std::get<CompiledBundle>(std::move(outcome)) : CompiledBundle{};
  }

  static ProcessCompiler* compiler_;
};

ProcessCompiler* CompilerProcessTest::compiler_ = nullptr;

TEST_F(CompilerProcessTest, CompilesModules) {
  ExpectCompiles("export default { fetch(request) { return new Response('hi'); } }");
  ExpectCompiles("export default () => new Response('hi')");
  ExpectCompiles("const later = await Promise.resolve('x'); export default async () => new Response(later)");
}

TEST_F(CompilerProcessTest, SyntaxErrorsHaveTheirPlace) {
  const SourceProblem problem = Problem("const a = 1;\nexport default () => {\n  const b = a +;\n};\n");
  EXPECT_EQ(problem.kind, "syntax-error");
  EXPECT_EQ(problem.file, "f.js");
  EXPECT_EQ(problem.line, 3);
  EXPECT_GT(problem.column, 0);
  EXPECT_EQ(problem.source_line, "  const b = a +;");
  EXPECT_NE(problem.message.find("SyntaxError"), std::string::npos) << problem.message;
}

TEST_F(CompilerProcessTest, ExceptionsAtTheTopLevelHaveTheirPlace) {
  const SourceProblem problem = Problem("export default () => new Response('x');\n\nthrow new TypeError('on purpose');\n");
  EXPECT_EQ(problem.kind, "exception");
  EXPECT_EQ(problem.line, 3);
  EXPECT_NE(problem.message.find("on purpose"), std::string::npos) << problem.message;
}

TEST_F(CompilerProcessTest, ModuleWithoutAHandler) { EXPECT_EQ(Problem("export const x = 1;").kind, "no-handler"); }

TEST_F(CompilerProcessTest, ImportsThatAreNotBundled) {
  const SourceProblem problem = Problem("import left from 'left-pad';\nexport default () => new Response('x');");
  EXPECT_EQ(problem.kind, "syntax-error");
  EXPECT_NE(problem.message.find("left-pad"), std::string::npos) << problem.message;
}

TEST_F(CompilerProcessTest, EndlessLoopEndsAtTheStartupLimit) {
  const SourceProblem problem = Problem("for (;;) {}\nexport default () => {};", {.startup_cpu_ns = 50 * kMillisecond});
  EXPECT_EQ(problem.kind, "startup-limit");
  EXPECT_NE(problem.message.find("50 ms"), std::string::npos) << problem.message;
}

TEST_F(CompilerProcessTest, HeapExhaustionIsTheModulesAndNotOurs) {
  const SourceProblem grows =
      Problem("const all = []; for (;;) all.push(new Array(1000).fill(all.length));", {.memory_bytes_max = 32 << 20});
  EXPECT_EQ(grows.kind, "memory-limit") << grows.message;
  const SourceProblem at_once = Problem("new Array(2 ** 26).fill(1.5); export default () => {};", {.memory_bytes_max = 32 << 20});
  EXPECT_EQ(at_once.kind, "memory-limit") << at_once.message;
  ExpectCompiles("export default () => new Response('the next one is not affected')");
}

TEST_F(CompilerProcessTest, NothingOfTheHostIsThere) {
  for (const char* name : {"process", "require", "Buffer", "global", "__dirname", "module"}) {
    const SourceProblem problem = Problem("export default () => {}; throw new Error('is ' + typeof " + std::string(name) + ");");
    EXPECT_NE(problem.message.find("is undefined"), std::string::npos) << name << ": " << problem.message;
  }
}

TEST_F(CompilerProcessTest, LargeBundles) {
  std::string source = "export default () => new Response(String(f0()));\n";
  for (int i = 0; source.size() < 2'000'000; ++i) {
    source += "function f" + std::to_string(i) + "() { return [" + std::to_string(i) + ", 'some text to fill the line with']; }\n";
  }
  ExpectCompiles(source);
}

constexpr const char* kHandler = "; export default () => new Response('x');";

TEST_F(CompilerProcessTest, SnapshotsAreMadeWhereTheyPayAndWhereTheyAreWanted) {
  const std::string work = "let x = 0; for (let i = 0; i < 30_000_000; i++) x = (x * 31 + i) | 0; export { x }";
  const CompiledBundle heavy = Compiled(work + kHandler, SnapshotPolicy::kAuto);
  EXPECT_GT(heavy.snapshot.size(), size_t{500} << 10) << heavy.start_reason;
  EXPECT_FALSE(heavy.code_cache.empty()) << "for an engine of another build";
  EXPECT_NE(heavy.start_reason.find("evaluation takes"), std::string::npos);
  EXPECT_TRUE(Compiled(work + kHandler, SnapshotPolicy::kNever).snapshot.empty());
  const CompiledBundle small = Compiled("const x = 1" + std::string(kHandler), SnapshotPolicy::kAuto);
  EXPECT_TRUE(small.snapshot.empty());
  EXPECT_NE(small.start_reason.find("pays from"), std::string::npos) << small.start_reason;
  EXPECT_FALSE(Compiled("const x = 1" + std::string(kHandler), SnapshotPolicy::kAlways).snapshot.empty());
}

TEST_F(CompilerProcessTest, WorkThatNeedsMuchMemoryIsWrittenDownToo) {
  const std::string work =
      "let all = []; for (let i = 0; i < 11_000; i++) all.push(new Array(1000).fill(i)); const n = all.length; all = null; export { n }";
  const CompiledBundle compiled = Compiled(work + kHandler, SnapshotPolicy::kAlways);
  EXPECT_FALSE(compiled.snapshot.empty()) << compiled.start_reason;
}

TEST_F(CompilerProcessTest, WhatCannotBeWrittenDownCostsTheSnapshotAlone) {
  const auto reason = [this](const std::string& source) {
    const CompiledBundle compiled = Compiled(source + kHandler, SnapshotPolicy::kAlways);
    EXPECT_FALSE(compiled.code_cache.empty());
    EXPECT_TRUE(compiled.snapshot.empty()) << source;
    return compiled.start_reason;
  };
  EXPECT_NE(reason("setTimeout(() => {}, 1)").find("timers"), std::string::npos);
  // V8 ends the process.
  EXPECT_NE(reason("const format = new Intl.NumberFormat('en'); export { format }").find("no snapshot could be made"), std::string::npos);
  EXPECT_NE(reason("Object.freeze(Error)").find("freezes"), std::string::npos);
  // The module's own hooks.
  EXPECT_NE(reason("export function beforeSnapshot() { throw new Error('not me') }").find("not me"), std::string::npos);
  EXPECT_NE(reason("export function afterRestore() { throw new Error('not here') }").find("not here"), std::string::npos);
}

// Not a bound, a figure: the log shows what a deploy pays for its compile.
TEST_F(CompilerProcessTest, TimeOfASmallBundle) {
  for (int i = 0; i < 3; ++i) {
    const auto started = std::chrono::steady_clock::now();
    ExpectCompiles("export default () => new Response('hi')");
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    std::printf("compiled in %.1f ms\n", static_cast<double>(took.count()) / 1000);
  }
}

}  // namespace
}  // namespace zts::controller
