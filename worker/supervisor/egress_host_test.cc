// The real zts-egress: started, connected, killed, started again.
#include "worker/supervisor/egress_host.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

namespace zts::supervisor {
namespace {

class EgressHostTest : public testing::Test {
 protected:
  std::unique_ptr<EgressHost> Make(const std::string& program = "worker/zts-egress") {
    EgressHost::Options options;
    options.command = {std::filesystem::absolute(program), "--ipc-fd=" + std::to_string(ChildProcess::kGivenFd)};
    options.clock = &clock_;
    options.on_up = [this] {
      std::lock_guard lock(mutex_);
      ++ups_;
      changed_.notify_all();
    };
    auto host = std::make_unique<EgressHost>(std::move(options));
    host->Start();
    return host;
  }
  void WaitForUp(int times) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ups_ >= times; }));
  }
  // The other end is gone.
  static bool IsClosed(const UniqueFd& socket) {
    pollfd waiting{socket.get(), POLLIN, 0};
    char byte;
    return ::poll(&waiting, 1, 60'000) == 1 && ::recv(socket.get(), &byte, 1, 0) <= 0;
  }
  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int ups_ = 0;
};

TEST_F(EgressHostTest, IsStartedAgainAndLetsGoOfItsSockets) {
  const auto host = Make();
  FunctionSpec spec;
  spec.version_id = 1;
  spec.function = "fn";
  spec.allow_net = {"127.0.0.1"};
  host->AddFunction(spec);
  WaitForUp(1);
  auto sockets = host->Connect(2);
  ASSERT_TRUE(sockets.ok()) << sockets.error().message;
  ASSERT_EQ(sockets->size(), 2u);
  const pid_t first = host->status().pid;
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  EXPECT_TRUE(IsClosed((*sockets)[0]));
  EXPECT_TRUE(IsClosed((*sockets)[1]));
  WaitForUp(2);
  EXPECT_NE(host->status().pid, first);
  EXPECT_EQ(host->status().starts, 2u);
  EXPECT_TRUE(host->Connect(1).ok());
}

TEST_F(EgressHostTest, StopEndsTheProcess) {
  const auto host = Make();
  WaitForUp(1);
  const pid_t pid = host->status().pid;
  host->Stop();
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_FALSE(host->Connect(1).ok());
}

TEST_F(EgressHostTest, WithoutAProgramItGoesOnTrying) {
  const auto host = Make("worker/no-such-program");
  EXPECT_FALSE(host->Connect(1).ok());
  EXPECT_FALSE(host->status().up);
}

}  // namespace
}  // namespace zts::supervisor
