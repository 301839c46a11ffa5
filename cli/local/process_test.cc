#include "cli/local/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"

namespace zts::cli {
namespace {

std::string LogFile() {
  return std::string(::getenv("TEST_TMPDIR") ? ::getenv("TEST_TMPDIR") : "/tmp") + "/process_test.log." +
         std::to_string(::getpid());
}

TEST(ProcessTest, OwnProcessIsRunningUnderItsStartTimeOnly) {
  const auto self = Identify(::getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_TRUE(IsRunning(*self));
  EXPECT_FALSE(IsRunning({self->pid, self->start_time + 1}));
  EXPECT_FALSE(IsRunning({0, 0}));
  EXPECT_FALSE(Identify(-1).has_value());
}

TEST(ProcessTest, SpawnedProgramsLogAndEndBySignal) {
  const std::string log = LogFile();
  const auto pid = Spawn({"/bin/sh", "-c", "echo hello; echo there >&2; exec sleep 1000"}, log);
  ASSERT_TRUE(pid.ok());
  const auto process = Identify(*pid);
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(::getpgid(*pid), *pid);
  EXPECT_FALSE(WaitForEnd(*process, kMillisecond));
  // A start time that is not its own protects a stranger.
  Signal({process->pid, process->start_time + 1}, SIGKILL);
  EXPECT_TRUE(IsRunning(*process));
  Signal(*process, SIGKILL);
  EXPECT_TRUE(WaitForEnd(*process, 60 * kSecond));
  EXPECT_FALSE(IsRunning(*process));  // a zombie does not run
  ::waitpid(*pid, nullptr, 0);
  std::filesystem::remove(log);
}

TEST(ProcessTest, OutputIsAppended) {
  const std::string log = LogFile();
  for (int i = 0; i < 2; ++i) {
    const auto pid = Spawn({"/bin/sh", "-c", "echo line"}, log);
    ASSERT_TRUE(pid.ok());
    ::waitpid(*pid, nullptr, 0);
  }
  EXPECT_EQ(ReadFile(log).value(), "line\nline\n");
  std::filesystem::remove(log);
}

TEST(ProcessTest, MissingProgramsAreNamed) {
  const auto pid = Spawn({"/nonexistent/program"}, LogFile());
  ASSERT_FALSE(pid.ok());
  EXPECT_NE(pid.error().message.find("/nonexistent/program"), std::string::npos);
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
}

}  // namespace
}  // namespace zts::cli
