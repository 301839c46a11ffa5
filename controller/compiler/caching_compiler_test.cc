#include "controller/compiler/caching_compiler.h"

#include <gtest/gtest.h>

namespace zts::controller {
namespace {

// Counts what reaches the compiler; a source that begins with "!" does not compile, "?" is a compiler out of order.
class CountingCompiler final : public Compiler {
 public:
  CountingCompiler(int& count, bool& stopped) : count_(count), stopped_(stopped) {}
  Result<CompileOutcome> Compile(const CompileJob& job) override {
    ++count_;
    if (job.source.starts_with('!')) return CompileOutcome(SourceProblem{"syntax-error", "no", job.main_module, 1, 1, "!", ""});
    if (job.source.starts_with('?')) return Unavailable("away");
    return CompileOutcome(CompiledBundle{std::string(100, job.source.front()), "key"});
  }
  void Stop() override { stopped_ = true; }

 private:
  int& count_;
  bool& stopped_;
};

class CachingCompilerTest : public testing::Test {
 protected:
  CompileJob Job(std::string_view source, std::string function = "f") { return {std::move(function), "m.js", source, {{"A", "1"}}, {}}; }
  std::string Compiled(const CompileJob& job) {
    auto outcome = compiler_.Compile(job);
    EXPECT_TRUE(outcome.ok());
    return std::get<CompiledBundle>(*outcome).code_cache;
  }

  int count_ = 0;
  bool stopped_ = false;
  CachingCompiler compiler_{std::make_unique<CountingCompiler>(count_, stopped_), 350};  // three bundles
};

TEST_F(CachingCompilerTest, SameSourceUnderManyNamesIsCompiledOnce) {
  const std::string first = Compiled(Job("a", "one"));
  EXPECT_EQ(Compiled(Job("a", "two")), first);
  EXPECT_EQ(Compiled(Job("a", "three")), first);
  EXPECT_EQ(count_, 1);
}

TEST_F(CachingCompilerTest, WhateverTheTopLevelMaySeeTellsThemApart) {
  Compiled(Job("a"));
  CompileJob job = Job("a");
  job.main_module = "other.js";
  Compiled(job);
  job = Job("a");
  job.env["A"] = "2";
  Compiled(job);
  job = Job("a");
  job.env = {{"A1", ""}};
  Compiled(job);
  job = Job("a");
  job.limits.memory_bytes_max = 1 << 26;
  Compiled(job);
  job = Job("a");
  job.snapshot = SnapshotPolicy::kNever;
  Compiled(job);
  job = Job("a");
  job.limits.startup_cpu_ns = kSecond;
  Compiled(job);
  Compiled(Job("b"));
  EXPECT_EQ(count_, 8);
}

TEST_F(CachingCompilerTest, FailuresAreNotRemembered) {
  for (int i = 0; i < 2; ++i) {
    auto problem = compiler_.Compile(Job("!"));
    ASSERT_TRUE(problem.ok());
    EXPECT_EQ(std::get<SourceProblem>(*problem).kind, "syntax-error");
    EXPECT_EQ(compiler_.Compile(Job("?")).error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(count_, 4);
}

TEST_F(CachingCompilerTest, LeastRecentlyUsedGoFirst) {
  for (const char* source : {"a", "b", "c"}) Compiled(Job(source));
  Compiled(Job("a"));
  Compiled(Job("d"));  // in the place of b
  EXPECT_EQ(count_, 4);
  for (const char* source : {"a", "c", "d"}) Compiled(Job(source));
  EXPECT_EQ(count_, 4);
  Compiled(Job("b"));
  EXPECT_EQ(count_, 5);
}

TEST_F(CachingCompilerTest, StopReachesTheCompiler) {
  compiler_.Stop();
  EXPECT_TRUE(stopped_);
}

}  // namespace
}  // namespace zts::controller
