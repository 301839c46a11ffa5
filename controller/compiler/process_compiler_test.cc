// The parent's side, with small programs in the place of a compiler process. compiler_process_test has the real one.
#include "controller/compiler/process_compiler.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "controller/compiler/frame.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::controller {
namespace {

// Says that it is ready, reads its job's first bytes, and does `what`.
std::vector<std::string> Shell(const std::string& what) { return {"/bin/sh", "-c", "printf R; head -c 1 >/dev/null; " + what}; }

class ProcessCompilerTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> command, Nanos start_timeout = 20 * kSecond, Nanos wall_slack = 20 * kSecond) {
    compiler_ = std::make_unique<ProcessCompiler>(ProcessCompiler::Options{std::move(command), start_timeout, wall_slack, 4096});
  }

  Result<CompileOutcome> Compile(std::string_view source = "export default 1") {
    CompileJob job;
    job.function = "f";
    job.main_module = "f.js";
    job.source = source;
    job.limits.startup_cpu_ns = 10 * kMillisecond;
    return compiler_->Compile(job);
  }

  SourceProblem Problem() {
    auto outcome = Compile();
    EXPECT_TRUE(outcome.ok()) << (outcome.ok() ? "" : outcome.error().message);
    if (!outcome.ok()) return {};
    EXPECT_TRUE(std::holds_alternative<SourceProblem>(*outcome));
    return std::get<SourceProblem>(*outcome);
  }

  std::string AnswerFile(const std::string& bytes) {
    const std::string path = folder_.path() + "/answer";
    EXPECT_TRUE(WriteFileAtomically(path, bytes).ok());
    return path;
  }

  store::ScratchFolder folder_;
  std::unique_ptr<ProcessCompiler> compiler_;
};

TEST_F(ProcessCompilerTest, HandsOnTheAnswer) {
  Start(Shell("exec cat " + AnswerFile(EncodeAnswer(CompiledBundle{"cache", "key"}))));
  for (int i = 0; i < 3; ++i) {
    const auto outcome = Compile();
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(std::get<CompiledBundle>(*outcome).code_cache, "cache");
    EXPECT_EQ(std::get<CompiledBundle>(*outcome).artifact_key, "key");
  }
}

TEST_F(ProcessCompilerTest, LargeJobsDoNotBlockOnAChildThatAnswersEarly) {
  Start(Shell("exec cat " + AnswerFile(EncodeAnswer(CompiledBundle{"cache", "key"}))));
  EXPECT_TRUE(Compile(std::string(8 << 20, ' ')).ok());
}

TEST_F(ProcessCompilerTest, SignalsAndExitsAreExplained) {
  Start(Shell("kill -SEGV $$"));
  EXPECT_EQ(Problem().kind, "crash");
  EXPECT_NE(Problem().message.find("signal 11"), std::string::npos) << Problem().message;
  Start(Shell("kill -XCPU $$"));
  EXPECT_EQ(Problem().kind, "startup-limit");
  Start(Shell("echo 'Fatal in f: out of memory' >&2; exit 86"));
  EXPECT_EQ(Problem().kind, "memory-limit");
  EXPECT_NE(Problem().message.find("Fatal in f: out of memory"), std::string::npos);
  EXPECT_EQ(Problem().file, "f.js");
  Start(Shell("exit 3"));
  EXPECT_EQ(Compile().error().code, ErrorCode::kInternal);
}

TEST_F(ProcessCompilerTest, SilenceEndsAtTheWallLimit) {
  Start(Shell("exec sleep 1000"), 20 * kSecond, 10 * kMillisecond);
  EXPECT_EQ(Problem().kind, "startup-limit");
}

TEST_F(ProcessCompilerTest, ClosedErrorStreamIsNoReasonToSpin) {
  Start(Shell("exec 2>&-; exec cat " + AnswerFile(EncodeAnswer(CompiledBundle{"cache", "key"}))));
  EXPECT_TRUE(Compile().ok());
}

TEST_F(ProcessCompilerTest, GarbageAndFloodsAreCutOff) {
  Start(Shell("printf 'this is no frame, and never was one'; exec sleep 1000"));
  EXPECT_EQ(Problem().kind, "crash");
  Start(Shell("exec cat " + AnswerFile(EncodeAnswer(CompiledBundle{std::string(5000, 'x'), "key"}))));
  EXPECT_EQ(Problem().kind, "crash");
  Start(Shell("head -c 1000000 /dev/zero >&2; kill -KILL $$"));
  EXPECT_EQ(Problem().kind, "crash");
}

TEST_F(ProcessCompilerTest, ProcessThatCannotStartIsOurTrouble) {
  Start({"/nowhere/host"});
  auto outcome = Compile();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_NE(outcome.error().message.find("cannot execute"), std::string::npos) << outcome.error().message;
  Start({"/bin/sh", "-c", "echo 'the snapshot is missing' >&2; exit 1"});
  outcome = Compile();
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.error().message.find("the snapshot is missing"), std::string::npos) << outcome.error().message;
  Start({"/bin/sleep", "1000"}, 10 * kMillisecond);
  EXPECT_EQ(Compile().error().code, ErrorCode::kUnavailable);
}

TEST_F(ProcessCompilerTest, ChildHasNoEnvironmentAndNoOtherDescriptors) {
  ::setenv("ZTS_SECRET", "1", 1);
  const std::string seen = folder_.path() + "/seen";
  // Its own limits forbid files with content; names of new, empty files can carry what it sees.
  Start(Shell("mkdir " + seen + "; for f in /proc/self/fd/*; do : > " + seen + "/fd${f##*/}; done; : > " + seen +
              "/secret${ZTS_SECRET}; grep -q 'NoNewPrivs:.1' /proc/self/status && : > " + seen + "/nnp; exit 3"));
  (void)Compile();
  EXPECT_TRUE(std::filesystem::exists(seen + "/secret"));
  EXPECT_FALSE(std::filesystem::exists(seen + "/secret1"));
  EXPECT_TRUE(std::filesystem::exists(seen + "/nnp"));
  size_t descriptors = 0;
  for (const auto& file : std::filesystem::directory_iterator(seen)) descriptors += file.path().filename().string().rfind("fd", 0) == 0;
  EXPECT_LE(descriptors, 4u) << "three pipes, and the one the listing itself needs";
}

TEST_F(ProcessCompilerTest, StopEndsWhatRunsAndWhatWaits) {
  Start(Shell("exec sleep 1000"));
  std::vector<std::thread> deploys;
  std::atomic<int> aborted{0};
  for (size_t i = 0; i < kCompilersMax + 2; ++i) {
    deploys.emplace_back([&] {
      const auto outcome = Compile();
      if (!outcome.ok() && outcome.error().code == ErrorCode::kAborted) ++aborted;
    });
  }
  compiler_->Stop();
  for (std::thread& deploy : deploys) deploy.join();
  EXPECT_EQ(aborted, static_cast<int>(kCompilersMax + 2));
}

TEST_F(ProcessCompilerTest, WarmProcessThatDiedIsReplaced) {
  // Dies while it waits, the first time; answers, the second.
  const std::string once = folder_.path() + "/once";
  const std::string answer = AnswerFile(EncodeAnswer(CompiledBundle{"cache", "key"}));
  Start({"/bin/sh", "-c", "mkdir " + once + " 2>/dev/null && exit 9; printf R; head -c 1 >/dev/null; exec cat " + answer});
  const auto outcome = Compile();
  EXPECT_TRUE(outcome.ok()) << outcome.error().message;
}

}  // namespace
}  // namespace zts::controller
