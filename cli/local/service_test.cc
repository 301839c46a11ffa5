#include "cli/local/service.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>

namespace zts::cli {
namespace {

constexpr Nanos kPatience = 60 * kSecond;

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "zts_service_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~ServiceTest() override { std::filesystem::remove_all(root_); }

  Service Make() { return Service({"thing", root_ + "/ready.json", root_ + "/log"}, clock_); }
  static std::vector<std::string> Shell(const std::string& script) { return {"/bin/sh", "-c", script}; }
  static std::string WaitEnd(Service& service) {
    WaitForEnd(service.process(), kPatience);
    while (true) {
      if (const auto ended = service.Reap()) return *ended;
    }
  }

  FakeClock clock_;
  std::string root_;
};

TEST_F(ServiceTest, ReadyWhenItsFileAppears) {
  Service service = Make();
  ASSERT_TRUE(service
                  .Start(Shell("echo '{\"admin\":\"a:1\"}' > " + root_ + "/new; mv " + root_ + "/new " + root_ +
                               "/ready.json; exec sleep 1000"))
                  .ok());
  std::optional<nlohmann::json> ready;
  while (!ready) ready = service.TakeReady();
  EXPECT_EQ((*ready)["admin"], "a:1");
  EXPECT_TRUE(service.ready());
  EXPECT_FALSE(service.TakeReady().has_value());
  EXPECT_FALSE(service.Reap().has_value());
  EXPECT_FALSE(service.Stop(kPatience, [] { return false; }));
  EXPECT_FALSE(service.running());
}

TEST_F(ServiceTest, SaysHowItEnded) {
  Service service = Make();
  ASSERT_TRUE(service.Start(Shell("exit 7")).ok());
  EXPECT_EQ(WaitEnd(service), "ended with exit code 7");
  ASSERT_TRUE(service.Start(Shell("kill -9 $$")).ok());
  EXPECT_EQ(WaitEnd(service), "ended by signal 9");
}

TEST_F(ServiceTest, PausesGrowWhileItKeepsDying) {
  Service service = Make();
  Nanos last = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(service.Start(Shell("exit 1")).ok());
    WaitEnd(service);
    const Nanos pause = service.restart_at() - clock_.Now();
    EXPECT_GE(pause, last);
    EXPECT_LE(pause, kRestartPauseMax);
    last = pause;
  }
  EXPECT_EQ(last, kRestartPauseMax);
  ASSERT_TRUE(service.Start(Shell("exit 1")).ok());
  clock_.Advance(kStableAfter);
  WaitEnd(service);
  EXPECT_EQ(service.restart_at() - clock_.Now(), kRestartPauseFirst);
}

TEST_F(ServiceTest, ProgramsThatCannotStartCountAsDead) {
  Service service = Make();
  EXPECT_FALSE(service.Start({"/nonexistent/program"}).ok());
  EXPECT_FALSE(service.running());
  EXPECT_GT(service.restart_at(), clock_.Now());
}

TEST_F(ServiceTest, StubbornOnesAreKilled) {
  Service service = Make();
  ASSERT_TRUE(
      service.Start(Shell("trap '' TERM; echo {} > " + root_ + "/ready.json; while :; do sleep 1000; done")).ok());
  while (!service.TakeReady()) {
  }
  EXPECT_TRUE(service.Stop(kPatience, [] { return true; }));
  EXPECT_FALSE(service.running());
}

}  // namespace
}  // namespace zts::cli
