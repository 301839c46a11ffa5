#include "worker/engine/runtime/watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "jsruntime/testing/fake_isolate.h"
#include "jsruntime/testing/inert_isolate.h"
#include "worker/engine/limits.h"

namespace zts::runtime {
namespace {

constexpr Nanos kBudget = 50 * kMillisecond;

class WatchdogTest : public testing::Test {
 protected:
  WatchdogTest()
      : watchdog_([this](uint64_t version) { stuck_.push_back(version); }, {&clock_, [this](clockid_t) { return cpu_; }}) {}

  // Both clocks move: the thread is computing.
  void Compute(Nanos time) {
    clock_.Advance(time);
    cpu_ += time;
  }

  FakeClock clock_;
  Nanos cpu_ = 0;
  std::vector<uint64_t> stuck_;
  Watchdog watchdog_;
};

// Counts what the watchdog does to it.
class CountingIsolate final : public js::InertIsolate {
 public:
  void Terminate(js::OutcomeKind why) override {
    why_ = why;
    ++terminated_;
  }
  void ClearTermination() override { ++cleared_; }

  std::atomic<int> terminated_{0};
  int cleared_ = 0;
  std::atomic<js::OutcomeKind> why_{js::OutcomeKind::kOk};
};

TEST_F(WatchdogTest, TerminatesATurnThatHasUsedItsBudget) {
  CountingIsolate isolate;
  Turn turn(watchdog_.AddLane(), &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7);
  watchdog_.PollOnce();
  Compute(kBudget - 1);
  watchdog_.PollOnce();
  EXPECT_EQ(isolate.terminated_, 0);
  Compute(1);
  watchdog_.PollOnce();
  EXPECT_EQ(isolate.terminated_, 1);
  EXPECT_EQ(isolate.why_, js::OutcomeKind::kCpuLimit);
  EXPECT_EQ(turn.End(), Turn::Ending::kTerminated);
  EXPECT_EQ(isolate.cleared_, 1);
}

TEST_F(WatchdogTest, CountsCpuTimeNotTimeOnTheWall) {
  CountingIsolate isolate;
  Turn turn(watchdog_.AddLane(), &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7);
  watchdog_.PollOnce();
  clock_.Advance(100 * kBudget);  // the thread did not get a core
  cpu_ += kBudget / 2;
  watchdog_.PollOnce();
  EXPECT_EQ(isolate.terminated_, 0);
  Compute(kBudget / 2);
  watchdog_.PollOnce();
  EXPECT_EQ(isolate.terminated_, 1);
}

TEST_F(WatchdogTest, ALaneGoesWithItsThread) {
  std::vector<clockid_t> asked;
  Watchdog watchdog([](uint64_t) {}, {&clock_, [&asked](clockid_t id) { asked.push_back(id); return Nanos{0}; }});
  Watchdog::Lane* lane = nullptr;
  std::thread([&] { lane = watchdog.AddLane(); }).join();
  EXPECT_EQ(Watchdog::VersionInTurn(lane), 0u);
  watchdog.Rebind(lane);
  clockid_t own;
  ASSERT_EQ(pthread_getcpuclockid(pthread_self(), &own), 0);
  CountingIsolate isolate;
  {
    Turn turn(lane, &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7);
    EXPECT_EQ(Watchdog::VersionInTurn(lane), 7u);
    watchdog.PollOnce();
  }
  EXPECT_EQ(asked, (std::vector<clockid_t>{own}));
  EXPECT_EQ(Watchdog::VersionInTurn(lane), 0u);
}

// ---- who keeps a thread busy ------------------------------------------------------------------------------------------------

struct Busy {
  uint64_t version_id;
  Nanos cpu;
  bool operator==(const Busy&) const = default;
};

class BusyTest : public WatchdogTest {
 protected:
  BusyTest() : lane_(watchdog_.AddLane([this](uint64_t version, Nanos cpu) { busy_.push_back({version, cpu}); })) {
    watchdog_.PollOnce();
  }
  // A poll that finds this version's turn, which has used `cpu` since the last one.
  void PollInTurn(uint64_t version, Nanos cpu) {
    Turn turn(lane_, &isolate_, kSecond, js::OutcomeKind::kCpuLimit, version);
    Compute(cpu);
    watchdog_.PollOnce();
  }

  CountingIsolate isolate_;
  Watchdog::Lane* lane_;
  std::vector<Busy> busy_;
};

TEST_F(BusyTest, TellsWhoUsesTheThread) {
  for (Nanos used = kWatchdogPeriod; used < kBusyCpu; used += kWatchdogPeriod) PollInTurn(7, kWatchdogPeriod);
  EXPECT_TRUE(busy_.empty());
  PollInTurn(7, kWatchdogPeriod);
  ASSERT_EQ(busy_.size(), 1u);
  EXPECT_EQ(busy_[0], (Busy{7, kBusyCpu}));
  for (Nanos used = 0; used < kBusyCpu; used += kWatchdogPeriod) PollInTurn(7, kWatchdogPeriod);
  EXPECT_EQ(busy_.size(), 2u);
}

TEST_F(BusyTest, TellsOnceOfOneLongTurn) {
  Turn turn(lane_, &isolate_, 100 * kSecond, js::OutcomeKind::kCpuLimit, 7);
  for (int i = 0; i < 200; ++i) {
    Compute(kWatchdogPeriod);
    watchdog_.PollOnce();
  }
  EXPECT_EQ(busy_.size(), 1u);
}

TEST_F(BusyTest, ALittleNowAndThenIsNothing) {
  for (int i = 0; i < 100; ++i) {
    PollInTurn(7, kWatchdogPeriod);
    clock_.Advance(kBusyWindow / 10);
  }
  EXPECT_TRUE(busy_.empty());
}

TEST_F(BusyTest, TimeWithoutACoreDoesNotCount) {
  for (int i = 0; i < 100; ++i) {
    Turn turn(lane_, &isolate_, kSecond, js::OutcomeKind::kCpuLimit, 7);
    clock_.Advance(kWatchdogPeriod);
    watchdog_.PollOnce();
  }
  EXPECT_TRUE(busy_.empty());
}

TEST_F(BusyTest, FindsTheBusyOneAmongMany) {
  for (uint64_t round = 0; round < 40; ++round) {
    PollInTurn(7, kWatchdogPeriod);
    for (uint64_t other = 0; other < 3; ++other) PollInTurn(100 + round * 3 + other, kMillisecond / 10);
  }
  ASSERT_GE(busy_.size(), 3u);
  for (const Busy& busy : busy_) EXPECT_EQ(busy.version_id, 7u);
}

TEST_F(BusyTest, IsSilentWhenAsked) {
  watchdog_.Silence(lane_);
  for (int i = 0; i < 100; ++i) PollInTurn(7, kWatchdogPeriod);
  EXPECT_TRUE(busy_.empty());
}

TEST_F(WatchdogTest, ABudgetIsOfOneTurn) {
  CountingIsolate isolate;
  Watchdog::Lane* lane = watchdog_.AddLane();
  for (int i = 0; i < 10; ++i) {
    Turn turn(lane, &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7);
    watchdog_.PollOnce();
    Compute(kBudget - 1);
    watchdog_.PollOnce();
    EXPECT_EQ(turn.End(), Turn::Ending::kByItself);
  }
  EXPECT_EQ(isolate.terminated_, 0);
  EXPECT_EQ(isolate.cleared_, 0);
}

TEST_F(WatchdogTest, LeavesAnIdleLaneAlone) {
  CountingIsolate isolate;
  Watchdog::Lane* lane = watchdog_.AddLane();
  { Turn turn(lane, &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7); }
  watchdog_.PollOnce();
  Compute(kSecond);
  watchdog_.PollOnce();
  EXPECT_EQ(isolate.terminated_, 0);
}

TEST_F(WatchdogTest, ReportsOnceATurnThatDoesNotEnd) {
  CountingIsolate isolate;
  Turn turn(watchdog_.AddLane(), &isolate, kBudget, js::OutcomeKind::kStartupLimit, 42);
  watchdog_.PollOnce();
  Compute(kBudget);
  watchdog_.PollOnce();
  Compute(kTerminationGrace - 1);
  watchdog_.PollOnce();
  EXPECT_TRUE(stuck_.empty());
  Compute(1);
  watchdog_.PollOnce();
  watchdog_.PollOnce();
  EXPECT_EQ(stuck_, std::vector<uint64_t>{42});
  EXPECT_EQ(isolate.terminated_, 1);
}

TEST_F(WatchdogTest, ATurnThatDoesNotGetTheCoreToEndOnIsWaitedForWithinReason) {
  CountingIsolate isolate;
  Turn turn(watchdog_.AddLane(), &isolate, kBudget, js::OutcomeKind::kCpuLimit, 42);
  watchdog_.PollOnce();
  Compute(kBudget);
  watchdog_.PollOnce();
  clock_.Advance(kTerminationGrace);
  cpu_ += kTerminationGrace / 4;
  watchdog_.PollOnce();
  EXPECT_TRUE(stuck_.empty());
  clock_.Advance(kTerminationWaitMax - kTerminationGrace);
  watchdog_.PollOnce();
  EXPECT_EQ(stuck_, std::vector<uint64_t>{42});
}

TEST_F(WatchdogTest, KnowsWhoseTurnTheCallingThreadIsIn) {
  CountingIsolate isolate;
  EXPECT_EQ(watchdog_.VersionInTurnHere(), 0u);
  Watchdog::Lane* idle = watchdog_.AddLane();
  Watchdog::Lane* lane = watchdog_.AddLane();
  std::thread other([&] {
    Turn elsewhere(watchdog_.AddLane(), &isolate, kBudget, js::OutcomeKind::kCpuLimit, 8);
    EXPECT_EQ(watchdog_.VersionInTurnHere(), 8u);
  });
  other.join();
  EXPECT_EQ(watchdog_.VersionInTurnHere(), 0u);
  {
    Turn turn(lane, &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7);
    EXPECT_EQ(watchdog_.VersionInTurnHere(), 7u);
  }
  EXPECT_EQ(watchdog_.VersionInTurnHere(), 0u);
  EXPECT_EQ(Watchdog::VersionInTurn(idle), 0u);
}

TEST_F(WatchdogTest, AThreadThatIsGoneIsNoSuspect) {
  CountingIsolate isolate;
  cpu_ = -1;
  Turn turn(watchdog_.AddLane(), &isolate, kBudget, js::OutcomeKind::kCpuLimit, 7);
  watchdog_.PollOnce();
  clock_.Advance(kSecond);
  watchdog_.PollOnce();
  EXPECT_EQ(isolate.terminated_, 0);
}

TEST_F(WatchdogTest, LanesAreJudgedApart) {
  CountingIsolate busy, quick;
  Watchdog::Lane* first = watchdog_.AddLane();
  Watchdog::Lane* second = watchdog_.AddLane();
  Turn turn(first, &busy, kBudget, js::OutcomeKind::kCpuLimit, 1);
  watchdog_.PollOnce();
  Compute(kBudget);
  Turn other(second, &quick, kBudget, js::OutcomeKind::kCpuLimit, 2);
  watchdog_.PollOnce();
  EXPECT_EQ(busy.terminated_, 1);
  EXPECT_EQ(quick.terminated_, 0);
}

// Real threads: turns end while terminations are on their way; each one is taken back, and none reaches a later turn.
TEST(WatchdogThreadTest, EveryLateTerminationIsTakenBack) {
  std::atomic<Nanos> ticks{0};
  class SteppingClock final : public Clock {
   public:
    explicit SteppingClock(std::atomic<Nanos>* ticks) : ticks_(ticks) {}
    Nanos Now() const override { return *ticks_ += kSecond / 1000; }
    Nanos WallNow() const override { return 0; }

   private:
    std::atomic<Nanos>* ticks_;
  } clock(&ticks);
  Watchdog watchdog([](uint64_t) {}, {&clock, [&](clockid_t) { return ticks += kSecond; }});
  CountingIsolate isolate;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> polls{0};
  std::thread poller([&] {
    for (; !done; ++polls) {
      watchdog.PollOnce();
      std::this_thread::yield();  // where both have one core: Linux makes who yields wait for a slice of the other's
    }
  });
  Watchdog::Lane* lane = watchdog.AddLane();
  int terminated = 0;
  for (int i = 0; i < 2000; ++i) {
    Turn turn(lane, &isolate, 1, js::OutcomeKind::kCpuLimit, 7);
    // Some turns see a few looks of the watchdog, however the two threads get their cores; the others end whenever that is.
    for (const uint64_t seen = polls + i % 4; i % 8 < 4 && polls < seen;) std::this_thread::yield();
    for (std::atomic<int> spin = 0; spin < i % 64 * 16;) ++spin;
    const int before = isolate.cleared_;
    if (turn.End() == Turn::Ending::kTerminated) {
      ++terminated;
      EXPECT_EQ(isolate.cleared_, before + 1);
    }
    ASSERT_EQ(isolate.terminated_, isolate.cleared_);
  }
  done = true;
  poller.join();
  EXPECT_GE(terminated, 250);  // of each eight turns at least the one that has seen three looks
}

TEST(WatchdogThreadTest, EndsALoadThatSpins) {
  SystemClock clock;
  js::FakeIsolateFactory factory(&clock);
  std::atomic<Nanos> cpu{0};
  Watchdog watchdog([](uint64_t) {}, {nullptr, [&](clockid_t) { return cpu += kSecond; }});
  watchdog.Start();
  auto isolate = factory.NewIsolate();
  auto script = js::MakeScript("f", "v1", "load-spin");
  {
    Turn turn(watchdog.AddLane(), isolate.get(), 1, js::OutcomeKind::kStartupLimit, 7);
    EXPECT_EQ(isolate->Load(script).outcome.kind, js::OutcomeKind::kStartupLimit);
    EXPECT_EQ(turn.End(), Turn::Ending::kTerminated);
  }
  watchdog.Stop();
}

TEST(WatchdogThreadTest, ReadsTheCpuClockOfTheTurnsThread) {
  Watchdog watchdog([](uint64_t) {});
  CountingIsolate isolate;
  Turn turn(watchdog.AddLane(), &isolate, kMillisecond, js::OutcomeKind::kCpuLimit, 7);
  watchdog.Start();
  while (isolate.terminated_ == 0) {  // uses CPU time until the watchdog has seen enough of it
  }
  EXPECT_EQ(turn.End(), Turn::Ending::kTerminated);
}

}  // namespace
}  // namespace zts::runtime
