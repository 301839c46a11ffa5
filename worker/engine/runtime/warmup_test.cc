#include "worker/engine/runtime/warmup.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "jsruntime/testing/fake_isolate.h"
#include "jsruntime/testing/recording_client.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/memory_budget.h"
#include "worker/engine/runtime/watchdog.h"

namespace zts::runtime {
namespace {

using Urgency = Warmup::Urgency;

class WarmupTest : public testing::Test {
 protected:
  WarmupTest() : factory_(&clock_), watchdog_([](uint64_t) {}) {}

  // Loads and waits for the answer.
  static Loaded LoadNow(Warmup& warmup, js::ScriptPtr script, Urgency urgency = Urgency::kRequest) {
    std::promise<Loaded> promise;
    warmup.Load(std::move(script), 1, urgency, [&](Loaded loaded) { promise.set_value(std::move(loaded)); });
    return promise.get_future().get();
  }

  SystemClock clock_;
  js::FakeIsolateFactory factory_;
  Watchdog watchdog_;
};

TEST_F(WarmupTest, StocksItselfWhenIdle) {
  Warmup warmup(&factory_, &watchdog_);
  warmup.WaitUntilStocked();
  EXPECT_EQ(warmup.spares(), kSpareIsolates);
  EXPECT_EQ(factory_.isolates().size(), kSpareIsolates);
}

TEST_F(WarmupTest, LoadsIntoASpareAndMakesAnother) {
  Warmup warmup(&factory_, &watchdog_);
  warmup.WaitUntilStocked();
  Loaded loaded = LoadNow(warmup, js::MakeScript("f", "v1", "respond 200 hi"));
  ASSERT_NE(loaded.isolate, nullptr);
  EXPECT_TRUE(loaded.report.outcome.ok());
  EXPECT_EQ(loaded.kind, ipc::ColdKind::kSpareSource);
  EXPECT_EQ(loaded.isolate_time, 0);
  warmup.WaitUntilStocked();
  EXPECT_EQ(factory_.made(), static_cast<int>(kSpareIsolates) + 1);
  warmup.Dispose(std::move(loaded.isolate), nullptr);
}

TEST_F(WarmupTest, ANurseryOfAnotherSizeIsNoSpares) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  warmup.RunPending();
  auto script = std::make_shared<js::Script>(*js::MakeScript("f", "v1", "respond 200 hi"));
  script->limits.nursery_bytes = size_t{8} << 20;
  ipc::ColdKind kind{};
  warmup.Load(script, 1, Urgency::kRequest, [&](Loaded loaded) { kind = loaded.kind; });
  warmup.RunPending();
  EXPECT_EQ(kind, ipc::ColdKind::kFreshSource);
  EXPECT_EQ(factory_.nursery_bytes(), size_t{8} << 20);
  EXPECT_EQ(warmup.spares(), kSpareIsolates);
}

TEST_F(WarmupTest, ANurseryHoldsTheGarbageOfFiveRequests) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  warmup.RunPending();
  const auto nursery_of = [&](size_t garbage_bytes, size_t nursery_bytes) {
    auto script = std::make_shared<js::Script>(*js::MakeScript("f", "v1", "respond 200 hi"));
    script->limits.request_garbage_bytes = garbage_bytes;
    script->limits.nursery_bytes = nursery_bytes;
    warmup.Load(script, 1, Urgency::kRequest, [](Loaded) {});
    warmup.RunPending();
    return factory_.nursery_bytes();
  };
  EXPECT_EQ(nursery_of(size_t{1} << 20, 0), size_t{5} << 20);
  EXPECT_EQ(nursery_of(size_t{10} << 10, 0), js::kNurseryBytesDefault);
  EXPECT_EQ(nursery_of(size_t{1} << 20, size_t{3} << 20), size_t{3} << 20);
}

TEST_F(WarmupTest, SaysWhenTheCodeCacheServed) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  auto script = std::make_shared<js::Script>(*js::MakeScript("f", "v1", "respond 200 hi"));
  script->code_cache = AsBytes("cache");
  ipc::ColdKind kind{};
  warmup.Load(script, 1, Urgency::kRequest, [&](Loaded loaded) { kind = loaded.kind; });
  warmup.RunPending();
  EXPECT_EQ(kind, ipc::ColdKind::kFreshCached);  // nothing was in stock yet
  warmup.Load(script, 1, Urgency::kRequest, [&](Loaded loaded) { kind = loaded.kind; });
  warmup.RunPending();
  EXPECT_EQ(kind, ipc::ColdKind::kSpareCached);
}

// An isolate that has answered requests leaves what the next one of its script is loaded from.
TEST_F(WarmupTest, LearnsFromWhatHasAnswered) {
  MemoryBudget budget(size_t{256} << 20, 1);
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual, &budget);
  warmup.RunPending();
  auto script = js::MakeScript("f", "v1", "respond 200 hi");
  const auto load = [&] {
    Loaded result;
    warmup.Load(script, 1, Urgency::kRequest, [&](Loaded loaded) { result = std::move(loaded); });
    warmup.RunPending();
    return result;
  };
  js::RecordingClient client;
  js::RequestView request;
  Loaded loaded = load();
  EXPECT_EQ(loaded.kind, ipc::ColdKind::kSpareSource);
  loaded.isolate->Attach(&client);
  for (js::InvocationId id = 1; id <= 5; ++id) loaded.isolate->Dispatch(id, &request);
  warmup.Dispose(std::move(loaded.isolate), nullptr, 5);
  warmup.RunPending();
  EXPECT_EQ(warmup.learned_bytes(), 5u);
  EXPECT_EQ(budget.used_bytes(), 5);

  loaded = load();
  EXPECT_EQ(loaded.kind, ipc::ColdKind::kSpareLearned);
  warmup.Dispose(std::move(loaded.isolate), nullptr);
  script.reset();
  warmup.RunPending();
  EXPECT_EQ(warmup.learned_bytes(), 0u);  // nobody has the script any more
  EXPECT_EQ(budget.used_bytes(), 0);
}

// The next burst of the same size finds them all; who never asks again pays for them no longer than that.
TEST_F(WarmupTest, ABurstLeavesMoreSparesForAWhile) {
  FakeClock clock;
  Warmup warmup(&factory_, &watchdog_, &clock, Warmup::Mode::kManual);
  warmup.RunPending();
  const auto script = js::MakeScript("f", "v1", "respond 200 hi");
  const auto burst = [&](size_t size) {
    size_t fresh = 0;
    for (size_t i = 0; i < size; ++i) {
      warmup.Load(script, i, Urgency::kRequest, [&](Loaded loaded) { fresh += loaded.kind == ipc::ColdKind::kFreshSource ? 1 : 0; });
    }
    warmup.RunPending();
    return fresh;
  };
  EXPECT_EQ(burst(2 * kSpareIsolates), kSpareIsolates);
  EXPECT_EQ(warmup.spares(), 2 * kSpareIsolates);
  EXPECT_EQ(burst(2 * kSpareIsolates), 0u);
  clock.Advance(kSpareRest - 1);
  warmup.RunPending();
  EXPECT_EQ(warmup.spares(), 2 * kSpareIsolates);
  clock.Advance(1);
  warmup.RunPending();
  EXPECT_EQ(warmup.spares(), kSpareIsolates);
  EXPECT_EQ(factory_.isolates().size(), kSpareIsolates);
}

TEST_F(WarmupTest, WhatTheLastOnesHaveLeftIsReleased) {
  FakeClock time;
  js::FakeIsolateFactory factory(&time);
  Warmup warmup(&factory, &watchdog_, &time, Warmup::Mode::kManual);
  warmup.RunPending();
  time.Advance(10 * kReleaseRest);
  warmup.RunPending();
  EXPECT_EQ(factory.releases(), 0) << "none has gone";
  for (int i = 0; i < 3; ++i) {
    warmup.Dispose(factory.NewIsolate(), nullptr);
    warmup.RunPending();
    time.Advance(kReleaseRest - 1);
    warmup.RunPending();
    EXPECT_EQ(factory.releases(), 0) << "they still come and go";
  }
  time.Advance(1);
  for (int release = 1; release <= kReleases; ++release) {
    warmup.RunPending();
    EXPECT_EQ(factory.releases(), release);
    for (const js::FakeIsolate* spare : factory.isolates()) EXPECT_EQ(spare->tasks_run(), release);
    time.Advance(kReleaseRest);
  }
  time.Advance(10 * kReleaseRest);
  warmup.RunPending();
  EXPECT_EQ(factory.releases(), kReleases);
}

TEST_F(WarmupTest, WhatTheyLeaveIsReleasedNowAndThenWhileTheyComeAndGo) {
  FakeClock time;
  js::FakeIsolateFactory factory(&time);
  Warmup warmup(&factory, &watchdog_, &time, Warmup::Mode::kManual);
  warmup.RunPending();
  constexpr Nanos kStep = kReleaseRest / 2;
  constexpr int kSteps = static_cast<int>(10 * kReleaseLatest / kStep);
  for (int i = 0; i < kSteps; ++i) {
    warmup.Dispose(factory.NewIsolate(), nullptr);
    warmup.RunPending();
    time.Advance(kStep);
  }
  EXPECT_GE(factory.releases(), 8);
  EXPECT_LE(factory.releases(), 10);
}

TEST_F(WarmupTest, PreparationsThatFindNoSpareChangeNothing) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  warmup.RunPending();
  const auto script = js::MakeScript("f", "v1", "respond 200 hi");
  for (size_t i = 0; i < 3 * kSpareIsolates; ++i) warmup.Load(script, i, Urgency::kPrepare, [](Loaded) {});
  warmup.RunPending();
  EXPECT_EQ(warmup.spares(), kSpareIsolates);
}

TEST_F(WarmupTest, AFailedLoadHasAnOutcomeAndNoIsolate) {
  Warmup warmup(&factory_, &watchdog_);
  const Loaded loaded = LoadNow(warmup, js::MakeScript("f", "v1", "load-error syntax-error Unexpected token"));
  EXPECT_EQ(loaded.isolate, nullptr);
  EXPECT_EQ(loaded.report.outcome.kind, js::OutcomeKind::kSyntax);
}

TEST_F(WarmupTest, RequestsGoBeforePreparations) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  std::string order;
  auto script = js::MakeScript("f", "v1", "respond 200 hi");
  warmup.Load(script, 1, Urgency::kPrepare, [&](Loaded) { order += 'a'; });
  warmup.Load(script, 2, Urgency::kPrepare, [&](Loaded) { order += 'b'; });
  warmup.Load(script, 3, Urgency::kRequest, [&](Loaded) { order += 'c'; });
  warmup.Hurry(2);
  warmup.RunPending();
  EXPECT_EQ(order, "cba");
}

TEST_F(WarmupTest, PreparationsLeaveSparesToRequests) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  warmup.RunPending();
  std::vector<ipc::ColdKind> kinds;
  auto script = js::MakeScript("f", "v1", "respond 200 hi");
  for (size_t i = 0; i < kSpareIsolates; ++i) {
    warmup.Load(script, i, Urgency::kPrepare, [&](Loaded loaded) {
      kinds.push_back(loaded.kind);
      EXPECT_GE(warmup.spares(), kSpareIsolates / 2);
    });
  }
  warmup.RunPending();
  EXPECT_EQ(kinds.back(), ipc::ColdKind::kFreshSource);
  EXPECT_EQ(warmup.spares(), kSpareIsolates);
}

TEST_F(WarmupTest, ALoadThatSpinsMeetsItsStartupLimit) {
  std::atomic<Nanos> cpu{0};
  Watchdog watchdog([](uint64_t) {}, {nullptr, [&](clockid_t) { return cpu += 10 * kSecond; }});
  watchdog.Start();
  Warmup warmup(&factory_, &watchdog);
  auto script = std::make_shared<js::Script>(*js::MakeScript("f", "v1", "load-spin"));
  script->limits.startup_cpu = kMillisecond;
  EXPECT_EQ(LoadNow(warmup, script).report.outcome.kind, js::OutcomeKind::kStartupLimit);
  EXPECT_TRUE(LoadNow(warmup, js::MakeScript("g", "v1", "respond 200 hi")).report.outcome.ok());
}

TEST_F(WarmupTest, StopAnswersWhatWaits) {
  Warmup warmup(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual);
  std::vector<js::OutcomeKind> kinds;
  auto note = [&](Loaded loaded) { kinds.push_back(loaded.report.outcome.kind); };
  warmup.Load(js::MakeScript("f", "v1", "respond 200 hi"), 1, Urgency::kPrepare, note);
  warmup.Stop();
  warmup.Load(js::MakeScript("f", "v1", "respond 200 hi"), 1, Urgency::kRequest, note);
  EXPECT_EQ(kinds, std::vector(2, js::OutcomeKind::kOverloaded));
  EXPECT_TRUE(factory_.isolates().empty());
}

TEST_F(WarmupTest, DisposesTheIsolateBeforeItsClient) {
  struct Client : js::IsolateClient {
    js::FakeIsolateFactory* factory;
    std::promise<size_t>* alive;
    ~Client() override { alive->set_value(factory->isolates().size()); }
    void OnResponse(js::InvocationId, const js::ResponseView&) override {}
    void OnFailure(js::InvocationId, const js::Outcome&) override {}
    Taken OnChunk(js::InvocationId, std::string_view) override { return {0, Room::kNo}; }
    void OnResponseEnd(js::InvocationId, const js::Outcome&) override {}
    void OnConsole(js::InvocationId, js::LogSeverity, std::string_view) override {}
    void OnTimerDue(Nanos) override {}
    void OnTasksPosted() override {}
  };
  std::promise<size_t> alive;
  auto client = std::make_unique<Client>();
  client->factory = &factory_;
  client->alive = &alive;
  Warmup warmup(&factory_, &watchdog_);
  warmup.WaitUntilStocked();
  warmup.Dispose(factory_.NewIsolate(), std::move(client));
  EXPECT_EQ(alive.get_future().get(), kSpareIsolates);
}

}  // namespace
}  // namespace zts::runtime
