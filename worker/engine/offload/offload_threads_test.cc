// Real threads, their loops on epoll, and isolates that are fakes.
#include "worker/engine/offload/offload_threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "jsruntime/testing/fake_isolate.h"
#include "worker/engine/limits.h"
#include "worker/engine/log_queue.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"

namespace zts::offload {
namespace {

// Several threads read it.
class SteppedClock final : public Clock {
 public:
  Nanos Now() const override { return now_; }
  Nanos WallNow() const override { return now_; }
  void Advance(Nanos by) { now_ += by; }

 private:
  std::atomic<Nanos> now_{kSecond};
};

class RealOffloadThreadsTest : public testing::Test {
 protected:
  static constexpr uint32_t kThreads = 2;
  RealOffloadThreadsTest()
      : factory_(&fake_clock_), watchdog_([](uint64_t) {}), warmup_(&factory_, &watchdog_, nullptr, runtime::Warmup::Mode::kManual) {
    OffloadThreads::Options options{.warmup = &warmup_, .watchdog = &watchdog_, .logs = &logs_, .keeper_clock = &clock_};
    for (uint32_t thread = 0; thread < kThreads; ++thread) {
      counters_.push_back(std::make_unique<ipc::ShardCounters>());
      options.counters.push_back(counters_.back().get());
    }
    auto started = OffloadThreads::Start(std::move(options));
    EXPECT_TRUE(started.ok());
    threads_ = std::move(started).value();
    shard_ = threads_->Join([](const Placement::Move&) {});
  }
  ~RealOffloadThreadsTest() override {
    threads_->Part(shard_);
    threads_->EndLoops();
    warmup_.Stop();
  }

  // What the thread finds out by itself.
  template <typename F>
  auto On(uint32_t thread, F&& ask) {
    auto told = std::make_shared<std::promise<decltype(ask())>>();
    threads_->host(thread)->Post([told, ask] { told->set_value(ask()); });
    return told->get_future().get();
  }
  bool Running(uint32_t thread) {
    return threads_->PostIfRunning(thread, [](OffloadHost&) {});
  }

  js::FakeIsolateFactory factory_;
  FakeClock fake_clock_;
  SteppedClock clock_;
  runtime::Watchdog watchdog_;
  runtime::Warmup warmup_;
  LogQueue logs_;
  std::vector<std::unique_ptr<ipc::ShardCounters>> counters_;
  std::unique_ptr<OffloadThreads> threads_;
  uint32_t shard_ = 0;
};

TEST_F(RealOffloadThreadsTest, AThreadIsStartedForWhomItIsToRun) {
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    EXPECT_FALSE(Running(thread));
    EXPECT_EQ(counters_[thread]->offload.dormant.Read(), 1u);
  }
  const Placement::Place place = threads_->Take(shard_, 1);
  const pid_t tid = On(place.thread, [] { return ::gettid(); });
  EXPECT_NE(tid, ::gettid());
  EXPECT_TRUE(Running(place.thread));
  EXPECT_FALSE(Running(1 - place.thread));
  EXPECT_EQ(counters_[place.thread]->offload.dormant.Read(), 0u);
  EXPECT_EQ(counters_[place.thread]->offload.functions.Read(), 1u);
  const Placement::Place other = threads_->Take(shard_, 2);
  EXPECT_NE(On(other.thread, [] { return ::gettid(); }), tid);
}

TEST_F(RealOffloadThreadsTest, ItGivesWayToShards) {
  const Placement::Place place = threads_->Take(shard_, 1);
  const int niceness = On(place.thread, [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); });
  EXPECT_EQ(niceness, ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())) + kOffloadNiceness);
}

TEST_F(RealOffloadThreadsTest, OneThatNobodyUsesEndsAndTheNextDoesWhatWasPosted) {
  const Placement::Place place = threads_->Take(shard_, 1);
  const auto own = [] { return std::this_thread::get_id(); };
  On(place.thread, own);
  threads_->Tend();
  threads_->Give(place.serial);
  threads_->Tend();
  EXPECT_TRUE(Running(place.thread));  // not at once
  clock_.Advance(kOffloadRest);
  threads_->Tend();
  while (Running(place.thread)) std::this_thread::yield();
  std::promise<void> done;
  threads_->host(place.thread)->Post([&done] { done.set_value(); });
  threads_->Take(shard_, 2);
  threads_->Take(shard_, 3);
  done.get_future().wait();
  EXPECT_EQ(counters_[place.thread]->offload.starts.Read(), 2u);
}

TEST_F(RealOffloadThreadsTest, OneThatHasSomethingStays) {
  const Placement::Place place = threads_->Take(shard_, 1);
  On(place.thread, [] { return 0; });
  // As if an isolate had come between the question and its answer.
  const runtime::Target target{js::MakeScript("f", "v1", "pending"), 1, 1};
  OffloadHost* host = threads_->host(place.thread);
  On(place.thread, [host, target] { host->Expect(nullptr, target, 0); return 0; });
  warmup_.RunPending();
  On(place.thread, [] { return 0; });
  EXPECT_FALSE(On(place.thread, [host] { return host->MayRest(); }));
  On(place.thread, [host] { host->Release(nullptr, 1); return 0; });
  EXPECT_TRUE(On(place.thread, [host] { return host->MayRest(); }));
  warmup_.RunPending();
}

TEST_F(RealOffloadThreadsTest, TheEndWaitsForNobodyThatRests) {
  threads_->EndLoops();
  threads_->EndLoops();
}

}  // namespace
}  // namespace zts::offload
