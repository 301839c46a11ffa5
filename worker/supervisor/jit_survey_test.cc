#include "worker/supervisor/jit_survey.h"

#include <gtest/gtest.h>

#include "worker/engine/limits.h"

namespace zts::supervisor {
namespace {

constexpr int kTop = static_cast<int>(js::JitTier::kOptimized);

class JitSurveysTest : public testing::Test {
 protected:
  std::optional<ipc::ToEngine> Begin(const std::string& function = "f", uint32_t threads = 2, Nanos watch = kSecond) {
    return surveys_.Begin({function, {{7, 1}, {8, 2}}, threads}, watch, [this](JitSurvey survey) { told_.push_back(std::move(survey)); });
  }
  static ipc::VersionCode Code(uint64_t version_id, js::JitTier tier, uint32_t bytes, uint32_t samples) {
    ipc::VersionCode code;
    code.set_version_id(version_id);
    code.set_watched(true);
    ipc::FunctionCode& function = *code.add_functions();
    function.set_name("hot");
    function.set_line(3);
    function.set_column(4);
    function.set_tier(static_cast<uint32_t>(tier));
    function.set_code_bytes(bytes);
    function.set_samples(samples);
    ipc::Deoptimization& deoptimization = *function.add_deoptimizations();
    deoptimization.set_reason("wrong map");
    deoptimization.set_line(5);
    deoptimization.set_count(2);
    return code;
  }
  void Answer(uint64_t id, uint32_t thread, std::vector<ipc::VersionCode> versions) {
    ipc::JitAnswer answer;
    answer.set_id(id);
    answer.set_thread(thread);
    for (ipc::VersionCode& version : versions) *answer.add_versions() = version;
    surveys_.OnAnswer(answer);
  }

  FakeClock clock_;
  JitSurveys surveys_{&clock_};
  std::vector<JitSurvey> told_;
};

TEST_F(JitSurveysTest, PutsTheThreadsTogether) {
  const auto question = Begin();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->ask_jit().watch_ns(), kSecond);
  EXPECT_EQ(question->ask_jit().version_ids_size(), 2);
  const uint64_t id = question->ask_jit().id();
  Answer(id, 0, {Code(7, js::JitTier::kOptimized, 900, 10)});
  Answer(id, 0, {Code(7, js::JitTier::kOptimized, 900, 10)});  // twice is once
  EXPECT_TRUE(told_.empty());
  Answer(id, 1, {Code(7, js::JitTier::kBaseline, 300, 1), Code(99, js::JitTier::kBaseline, 1, 1)});
  ASSERT_EQ(told_.size(), 1u);
  const JitSurvey& survey = told_[0];
  EXPECT_EQ(survey.threads_silent, 0u);
  EXPECT_EQ(survey.problem, "");
  ASSERT_EQ(survey.versions.size(), 2u);
  EXPECT_EQ(survey.versions[1].isolates, 0u);  // not loaded
  const VersionJit& loaded = survey.versions[0];
  EXPECT_EQ(loaded.number, 1u);
  EXPECT_EQ(loaded.isolates, 2u);
  EXPECT_EQ(loaded.watched, 2u);
  ASSERT_EQ(loaded.functions.size(), 1u);
  const FunctionJit& hot = loaded.functions[0];
  EXPECT_EQ(hot.isolates[kTop], 1u);
  EXPECT_EQ(hot.isolates[static_cast<int>(js::JitTier::kBaseline)], 1u);
  EXPECT_EQ(hot.code_bytes, 900u);
  EXPECT_EQ(hot.samples, 11u);
  ASSERT_EQ(hot.deoptimizations.size(), 1u);
  EXPECT_EQ(hot.deoptimizations[0].count, 4u);
}

TEST_F(JitSurveysTest, AThreadInALongTurnIsSilentAndHoldsUpNobody) {
  const auto question = Begin();
  Answer(question->ask_jit().id(), 1, {Code(8, js::JitTier::kInterpreted, 10, 0)});
  EXPECT_EQ(surveys_.NextDeadline(), clock_.Now() + kSecond + JitSurveys::kAnswerTime);
  surveys_.OnTime();
  EXPECT_TRUE(told_.empty());
  clock_.Advance(kSecond + JitSurveys::kAnswerTime);
  surveys_.OnTime();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].threads_silent, 1u);
  EXPECT_EQ(told_[0].versions[1].isolates, 1u);
  EXPECT_EQ(surveys_.NextDeadline(), 0);
  Answer(question->ask_jit().id(), 0, {Code(8, js::JitTier::kInterpreted, 10, 0)});  // too late
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(JitSurveysTest, OneAFunctionAndNotTooManyAtOnce) {
  EXPECT_TRUE(Begin("f"));
  EXPECT_FALSE(Begin("f"));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_NE(told_[0].problem.find("somebody else"), std::string::npos);
  for (size_t i = 1; i < JitSurveys::kSurveysMax; ++i) EXPECT_TRUE(Begin("f" + std::to_string(i)));
  EXPECT_FALSE(Begin("more"));
  EXPECT_FALSE(told_[1].problem.empty());
}

TEST_F(JitSurveysTest, AnEngineThatEndsEndsThem) {
  EXPECT_TRUE(Begin("f"));
  EXPECT_TRUE(Begin("g"));
  surveys_.EndAll("the engine has ended");
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_EQ(told_[0].problem, "the engine has ended");
  EXPECT_TRUE(Begin("f"));
}

TEST_F(JitSurveysTest, KeepsWhereTheTimeGoes) {
  const auto question = Begin("f", 1, 2 * kJitWatchMax);
  EXPECT_EQ(question->ask_jit().watch_ns(), kJitWatchMax);
  ipc::VersionCode code = Code(7, js::JitTier::kOptimized, 1, 1);
  for (uint32_t i = 0; i < kJitFunctionsMax + 5; ++i) {
    ipc::FunctionCode& function = *code.add_functions();
    function.set_name("f" + std::to_string(i));
    function.set_line(10 + i);
    function.set_samples(i + 2);
  }
  Answer(question->ask_jit().id(), 0, {code});
  const VersionJit& version = told_[0].versions[0];
  ASSERT_EQ(version.functions.size(), kJitFunctionsMax);
  EXPECT_EQ(version.left_out, 6u);
  EXPECT_EQ(version.functions.front().name, "f5");
  EXPECT_LT(version.functions.front().line, version.functions.back().line);
}

}  // namespace
}  // namespace zts::supervisor
