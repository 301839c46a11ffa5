#include "worker/engine/net/loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "worker/engine/net/testing/fake_io.h"

namespace zts::net {
namespace {

// Writes down what happens, in order.
class Recorder final : public LoopHandler {
 public:
  explicit Recorder(Io* io) : io_(io) {}
  void OnAccept(Handle handle) override {
    log.push_back("accept");
    io_->Open(handle, {.index = 0, .generation = ++generation_});
  }
  void OnAcceptError(int error) override { log.push_back("accept error " + std::to_string(error)); }
  void OnRecv(SlotId slot, Lease lease, int error) override {
    log.push_back(lease.bytes().empty() ? "end " + std::to_string(error) : "recv " + std::string(lease.text()));
    if (on_recv) on_recv(slot);
  }
  void OnSent(SlotId, int error) override { log.push_back("sent " + std::to_string(error)); }
  void OnClosed(SlotId) override { log.push_back("closed"); }
  void OnPassEnd() override { log.push_back("pass"); }

  std::vector<std::string> Take() { return std::exchange(log, {}); }

  std::vector<std::string> log;
  std::function<void(SlotId)> on_recv;

 private:
  Io* io_;
  uint32_t generation_ = 0;
};

class LoopTest : public ::testing::Test {
 protected:
  LoopTest() {
    auto io = std::make_unique<FakeIo>(FakeIoOptions{.clock = &clock_});
    net_ = io.get();
    loop_ = std::make_unique<Loop>(std::move(io), &clock_);
    recorder_ = std::make_unique<Recorder>(net_);
    EXPECT_TRUE(net_->Listen(-1).ok());
  }
  std::vector<std::string> Pass() {
    loop_->RunOnce(recorder_.get(), -1);
    return recorder_->Take();
  }
  using Log = std::vector<std::string>;

  FakeClock clock_;
  FakeIo* net_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Recorder> recorder_;
};

TEST_F(LoopTest, APassIsEventsThenTimersThenTasksThenItsEnd) {
  const auto peer = net_->Connect();
  EXPECT_EQ(Pass(), (Log{"accept", "pass"}));
  net_->PeerWrite(peer, "hi");
  Timer timer([&] { recorder_->log.push_back("timer"); });
  loop_->Arm(&timer, clock_.Now() + kMillisecond);
  clock_.Advance(2 * kMillisecond);
  loop_->Post([&] { recorder_->log.push_back("task"); });
  EXPECT_EQ(Pass(), (Log{"recv hi", "timer", "task", "pass"}));
}

TEST_F(LoopTest, TheWaitIsTheNextTimers) {
  Timer timer([] {});
  Pass();
  EXPECT_EQ(net_->last_wait(), -1);
  const Nanos start = clock_.Now();
  loop_->Arm(&timer, start + 7 * kMillisecond);
  Pass();
  EXPECT_EQ(net_->last_wait(), 7 * kMillisecond);
  clock_.Advance(3 * kMillisecond);
  Pass();
  EXPECT_EQ(net_->last_wait(), 4 * kMillisecond);
  loop_->RunOnce(recorder_.get(), kMillisecond);
  EXPECT_EQ(net_->last_wait(), kMillisecond);
  clock_.Advance(4 * kMillisecond);
  Pass();
  EXPECT_FALSE(timer.armed());
  Pass();
  EXPECT_EQ(net_->last_wait(), -1);
}

TEST_F(LoopTest, TheTimeStandsStillWithinAPass) {
  const auto peer = net_->Connect();
  Pass();
  net_->PeerWrite(peer, "x");
  clock_.Advance(kSecond);
  Nanos seen = 0;
  recorder_->on_recv = [&](SlotId) {
    clock_.Advance(kSecond);
    seen = loop_->now();
  };
  const Nanos start = clock_.Now();
  Pass();
  EXPECT_EQ(seen, start);
  EXPECT_EQ(loop_->now(), start);
}

TEST_F(LoopTest, ATaskPostedByATaskRunsInTheNextPassAtOnce) {
  loop_->Post([&] {
    recorder_->log.push_back("outer");
    loop_->Post([&] { recorder_->log.push_back("inner"); });
  });
  EXPECT_EQ(Pass(), (Log{"outer", "pass"}));
  EXPECT_EQ(Pass(), (Log{"inner", "pass"}));
  EXPECT_EQ(net_->last_wait(), 0);
}

TEST_F(LoopTest, StopFinishesThePassThatHasBegun) {
  loop_->Post([&] {
    loop_->Stop();
    recorder_->log.push_back("after stop");
  });
  loop_->Run(recorder_.get());
  EXPECT_EQ(recorder_->Take(), (Log{"after stop", "pass"}));
  loop_->Run(recorder_.get());
  EXPECT_EQ(recorder_->Take(), Log{});
}

TEST_F(LoopTest, RunsAgainAfterARestartAndDoesWhatWasPostedMeanwhile) {
  loop_->Stop();
  loop_->Run(recorder_.get());
  loop_->Post([&] {
    recorder_->log.push_back("meanwhile");
    loop_->Stop();
  });
  loop_->Run(recorder_.get());
  EXPECT_EQ(recorder_->Take(), Log{});
  loop_->Restart();
  loop_->Run(recorder_.get());
  EXPECT_EQ(recorder_->Take(), (Log{"meanwhile", "pass"}));
}

TEST_F(LoopTest, ATimerMayGoInItsOwnFunctionAndATaskMayArm) {
  auto timer = std::make_unique<Timer>([&] { recorder_->log.push_back("timer"); });
  Timer killer([&] { timer.reset(); });
  loop_->Post([&] {
    loop_->Arm(timer.get(), clock_.Now() + kMillisecond);
    loop_->Arm(&killer, clock_.Now() + kMillisecond);
  });
  Pass();
  clock_.Advance(kMillisecond);
  EXPECT_EQ(Pass(), (Log{"timer", "pass"}));
  EXPECT_EQ(timer, nullptr);
}

TEST_F(LoopTest, LeasesOfUnhandledCompletionsGoBack) {
  const auto peer = net_->Connect();
  Pass();
  net_->PeerWrite(peer, "x");
  Pass();
  EXPECT_EQ(net_->leases(), 0u);
}

}  // namespace
}  // namespace zts::net
