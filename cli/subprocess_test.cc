#include "cli/subprocess.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

constexpr RunLimits kRoomy{1 << 20, 60 * kSecond};

TEST(SubprocessTest, TakesOutputAndExitCode) {
  const auto finished = RunTool({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, kRoomy);
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->exit_code, 3);
  EXPECT_EQ(finished->out, "out\n");
  EXPECT_EQ(finished->err, "err\n");
}

TEST(SubprocessTest, StandardInputIsEmpty) { EXPECT_EQ(RunTool({"/bin/cat"}, kRoomy).value().out, ""); }

TEST(SubprocessTest, MissingProgramsAreNamed) {
  const auto finished = RunTool({"/nonexistent/tool"}, kRoomy);
  ASSERT_FALSE(finished.ok());
  EXPECT_NE(finished.error().message.find("/nonexistent/tool"), std::string::npos);
}

TEST(SubprocessTest, LimitsEndIt) {
  EXPECT_EQ(RunTool({"/bin/cat", "/dev/zero"}, {1 << 16, 60 * kSecond}).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(RunTool({"/bin/sleep", "1000"}, {1 << 16, 20 * kMillisecond}).error().code, ErrorCode::kTimeout);
}

TEST(SubprocessTest, DeathBySignalIsAnError) { EXPECT_FALSE(RunTool({"/bin/sh", "-c", "kill -9 $$"}, kRoomy).ok()); }

TEST(SubprocessTest, FindsProgramsOnThePath) {
  EXPECT_TRUE(FindOnPath("sh").ok());
  EXPECT_FALSE(FindOnPath("no-such-program-anywhere").ok());
}

}  // namespace
}  // namespace zts::cli
