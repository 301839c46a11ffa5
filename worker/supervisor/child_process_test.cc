#include "worker/supervisor/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <thread>

namespace zts::supervisor {
namespace {

// A shell that has `script` to run and descriptor 3 to write to; gives back what it wrote and how it ended.
struct Told {
  std::string text;
  ExitStatus status;
};

Told RunShell(const std::string& script, std::vector<std::string> environment = {}) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd mine(ends[0]);
  auto child = ChildProcess::Start({{"/bin/sh", "-c", script}, std::move(environment), UniqueFd(ends[1])});
  EXPECT_TRUE(child.ok()) << child.error().message;
  Told told;
  char buffer[4096];
  ssize_t got;
  while ((got = ::read(mine.get(), buffer, sizeof buffer)) > 0) told.text.append(buffer, static_cast<size_t>(got));
  auto status = child->Wait(-1);
  EXPECT_TRUE(status.ok());
  told.status = *status;
  return told;
}

TEST(ChildProcessTest, TellsHowItEnded) {
  EXPECT_EQ(RunShell("exit 3").status.ToString(), "exit status 3");
  EXPECT_EQ(RunShell("kill -9 $$").status.ToString(), "signal 9 (SIGKILL)");
}

TEST(ChildProcessTest, HasNoDescriptorsButItsOwn) {
  // One that is open here without close-on-exec.
  UniqueFd leak(::open("/dev/null", O_RDONLY));
  ASSERT_TRUE(leak.valid());
  const Told told = RunShell("exec /bin/ls /proc/self/fd >&3");
  // The listing opens the folder itself, under the next free number.
  EXPECT_EQ(told.text, "0\n1\n2\n3\n4\n");
}

TEST(ChildProcessTest, HasTheEnvironmentItWasGivenAndNoOther) {
  ::setenv("ZTS_TEST_SECRET", "x", 1);
  const Told told = RunShell("/usr/bin/env >&3", {"A=1"});
  EXPECT_NE(told.text.find("A=1\n"), std::string::npos);
  EXPECT_EQ(told.text.find("SECRET"), std::string::npos);
}

TEST(ChildProcessTest, CannotGainPrivilegesAndHasAGroupOfItsOwn) {
  EXPECT_EQ(RunShell("grep NoNewPrivs /proc/self/status >&3").text, "NoNewPrivs:\t1\n");
  EXPECT_EQ(RunShell("[ $$ = $(cut -d' ' -f5 /proc/$$/stat) ] && printf same >&3").text, "same");
}

TEST(ChildProcessTest, HasNoSignalBlockedOrIgnored) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &set, nullptr), 0);
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(RunShell("grep SigBlk /proc/self/status >&3").text, "SigBlk:\t0000000000000000\n");
  // Signals 32 and 33 are the C library's own and cannot be set.
  const std::string ignored = RunShell("grep SigIgn /proc/self/status >&3").text;
  EXPECT_EQ(std::stoull(ignored.substr(ignored.find('\t') + 1), nullptr, 16) & ~(3ull << 31), 0u) << ignored;
}

TEST(ChildProcessTest, SaysWhatCouldNotBeExecuted) {
  auto child = ChildProcess::Start({{"/nowhere/engine"}, {}, UniqueFd(::open("/dev/null", O_RDONLY))});
  ASSERT_FALSE(child.ok());
  EXPECT_NE(child.error().message.find("/nowhere/engine"), std::string::npos);
}

TEST(ChildProcessTest, WaitGivesUpAndKillIsHarmlessAfterwards) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd mine(ends[0]);
  auto child = ChildProcess::Start({{"/bin/cat"}, {}, UniqueFd(ends[1])});
  ASSERT_TRUE(child.ok());
  child->Kill();
  auto status = child->Wait(-1);
  ASSERT_TRUE(status.ok());
  child->Kill();
  EXPECT_FALSE(child->Wait(0).ok());
}

TEST(ChildProcessTest, DiesWithTheThreadThatStartedIt) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd mine(ends[0]);
  std::optional<ChildProcess> child;
  std::thread starter([&] {
    auto started = ChildProcess::Start({{"/bin/sh", "-c", "read line <&3"}, {}, UniqueFd(ends[1])});
    ASSERT_TRUE(started.ok());
    child.emplace(std::move(*started));
  });
  starter.join();
  auto status = child->Wait(-1);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->code, SIGKILL);
}

}  // namespace
}  // namespace zts::supervisor
