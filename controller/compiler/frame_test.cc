#include "controller/compiler/frame.h"

#include <gtest/gtest.h>

namespace zts::controller {
namespace {

FrameReader ReadAtOnce(const std::string& frame) {
  FrameReader reader(1 << 20);
  EXPECT_TRUE(reader.Add(frame).ok());
  EXPECT_TRUE(reader.done());
  return reader;
}

TEST(CompilerFrameTest, JobsComeBack) {
  CompileJob job;
  job.function = "hello";
  job.main_module = "caf\xc3\xa9.js";
  job.source = "export default 1 // \0 and all";
  job.env = {{"A", "x\ny"}};
  job.product = CompileJob::Product::kTrial;
  job.snapshot_to_try = "blob";
  job.limits.startup_cpu_ns = 5;
  job.limits.memory_bytes_max = uint64_t{1} << 30;
  FrameReader reader = ReadAtOnce(EncodeJob(job));
  const auto received = DecodeJob(reader.TakeHead(), reader.TakeBody());
  ASSERT_TRUE(received.ok()) << received.error().message;
  EXPECT_EQ(received->job.function, job.function);
  EXPECT_EQ(received->job.main_module, job.main_module);
  EXPECT_EQ(received->storage, job.source);
  EXPECT_EQ(received->job.env, job.env);
  EXPECT_EQ(received->job.limits, job.limits);
  EXPECT_EQ(received->job.product, job.product);
  EXPECT_EQ(received->snapshot_to_try, "blob");
  EXPECT_FALSE(DecodeJob(R"({"main_module":"a.js","source_bytes":9})", "short").ok());
  EXPECT_FALSE(DecodeJob(R"({"main_module":"a.js","product":3})", "").ok());
}

TEST(CompilerFrameTest, AnswersComeBack) {
  FrameReader good = ReadAtOnce(EncodeAnswer(CompiledBundle{std::string("\0\xff", 2), "v8|flags"}));
  const auto compiled = DecodeAnswer(good.TakeHead(), good.TakeBody());
  ASSERT_TRUE(compiled.ok());
  EXPECT_EQ(std::get<CompiledBundle>(*compiled).code_cache, std::string("\0\xff", 2));
  EXPECT_EQ(std::get<CompiledBundle>(*compiled).artifact_key, "v8|flags");
  FrameReader more = ReadAtOnce(EncodeAnswer(CompiledBundle{"cache", "key", 12'000'000, true, "it starts timers"}));
  const auto refused = DecodeAnswer(more.TakeHead(), more.TakeBody());
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(std::get<CompiledBundle>(*refused).evaluate_ns, 12'000'000);
  EXPECT_EQ(std::get<CompiledBundle>(*refused).snapshot_refusal, "it starts timers");
  EXPECT_TRUE(std::get<CompiledBundle>(*refused).reads_environment);
  FrameReader bad = ReadAtOnce(EncodeAnswer(SourceProblem{"syntax-error", "not \xff UTF-8", "a.js", 3, 7, "let let", "stack"}));
  const auto problem = DecodeAnswer(bad.TakeHead(), bad.TakeBody());
  ASSERT_TRUE(problem.ok());
  EXPECT_EQ(std::get<SourceProblem>(*problem).line, 3);
  EXPECT_EQ(std::get<SourceProblem>(*problem).column, 7);
  EXPECT_EQ(std::get<SourceProblem>(*problem).message, "not \xef\xbf\xbd UTF-8");
}

TEST(CompilerFrameTest, EveryCutGivesTheSameFrame) {
  const std::string frame = EncodeAnswer(CompiledBundle{"cache", "key"});
  for (size_t cut = 0; cut <= frame.size(); ++cut) {
    FrameReader reader(1 << 20);
    ASSERT_TRUE(reader.Add(frame.substr(0, cut)).ok());
    EXPECT_EQ(reader.done(), cut == frame.size());
    ASSERT_TRUE(reader.Add(frame.substr(cut)).ok());
    ASSERT_TRUE(reader.done());
    EXPECT_EQ(reader.TakeBody(), "cache");
  }
}

TEST(CompilerFrameTest, LengthsAreNotTrusted) {
  FrameReader huge(1000);
  EXPECT_EQ(huge.Add(std::string(12, '\xff')).error().code, ErrorCode::kExhausted);
  FrameReader more(1000);
  EXPECT_EQ(more.Add(EncodeAnswer(CompiledBundle{"cache", "key"}) + "x").error().code, ErrorCode::kCorrupt);
}

TEST(CompilerFrameTest, OtherHeadsAreCorrupt) {
  for (const char* head : {"", "[]", "{", "7", "{}", "{\"kind\":1}", "\xff"}) {
    EXPECT_EQ(DecodeAnswer(head, "").error().code, ErrorCode::kCorrupt) << head;
    EXPECT_EQ(DecodeJob(head, "").error().code, ErrorCode::kCorrupt) << head;
  }
}

}  // namespace
}  // namespace zts::controller
