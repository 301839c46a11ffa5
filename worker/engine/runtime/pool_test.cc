#include "worker/engine/runtime/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jsruntime/testing/fake_isolate.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/memory_budget.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"

namespace zts::runtime {
namespace {

// A shard without sockets: one thread, a clock that moves when told, and a warm-up that works when told.
class PoolTest : public testing::Test, public PoolHost {
 protected:
  PoolTest()
      : counters_(std::make_unique<ipc::ShardCounters>()), factory_(&clock_),
        watchdog_([](uint64_t) {}, {nullptr, [this](clockid_t) { return cpu_ += 10 * kSecond; }}),
        warmup_(&factory_, &watchdog_, nullptr, Warmup::Mode::kManual),
        pool_(std::make_unique<Pool>(this, &warmup_, &watchdog_, counters_.get())) {}
  ~PoolTest() override {
    pool_.reset();
    warmup_.Stop();
  }

  // PoolHost.
  void OnResponse(RequestId id, const js::ResponseView& response) override {
    std::string body(response.body_bytes(), '\0');
    response.CopyBody(body.data());
    Note(id, std::to_string(response.status()) + " " + body);
  }
  void OnFailure(RequestId id, const js::Outcome& outcome) override { Note(id, std::string(js::OutcomeName(outcome.kind))); }
  js::IsolateClient::Taken OnChunk(RequestId id, std::string_view bytes) override {
    const size_t taken = std::min(bytes.size(), room_);
    streamed_[id].append(bytes.substr(0, taken));
    room_ -= taken;
    return {taken, room_ > 0 ? js::IsolateClient::Room::kYes : js::IsolateClient::Room::kNo};
  }
  void OnResponseEnd(RequestId id, const js::Outcome& outcome) override {
    EXPECT_EQ(ends_.count(id), 0u) << "response " << id << " has two ends";
    ends_[id] = js::OutcomeName(outcome.kind);
  }
  void OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity, std::string_view message) override {
    console_.push_back(std::to_string(version_id) + "/" + std::string(request_id) + ": " + std::string(message));
  }
  void OnWakeAt(Nanos when) override { wake_at_ = when; }
  void Post(std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  Nanos now() const override { return clock_.Now(); }
  Nanos clock_now() const override { return clock_.Now(); }

  void Note(RequestId id, std::string answer) {
    EXPECT_EQ(answers_.count(id), 0u) << "request " << id << " has two answers";
    answers_[id] = std::move(answer);
  }

  // Lets the warm-up and the mailbox work until both are quiet.
  void Settle() {
    for (;;) {
      const size_t steps = warmup_.RunPending();
      std::vector<std::function<void()>> tasks;
      {
        std::lock_guard lock(mutex_);
        tasks.swap(posted_);
      }
      for (auto& task : tasks) task();
      if (steps == 0 && tasks.empty()) return;
    }
  }
  void Advance(Nanos by) {
    const Nanos end = clock_.Now() + by;
    while (wake_at_ != 0 && wake_at_ <= end) {
      clock_.Advance(std::max<Nanos>(0, wake_at_ - clock_.Now()));
      wake_at_ = 0;
      pool_->RunDue(clock_.Now());
    }
    clock_.Advance(end - clock_.Now());
    pool_->RunDue(clock_.Now());
  }

  Target Version(uint64_t id, std::string source) {
    return {js::MakeScript("f" + std::to_string(id), "v1", std::move(source)), id, static_cast<uint32_t>(id)};
  }
  Ticket Submit(RequestId id, const Target& target) { return pool_->Submit(id, target, &view_); }
  js::FakeIsolate* Isolate(const Target& target) { return factory_.Find(target.script->function); }
  // What V8 does when a promise settles: the answer comes within a turn.
  js::InvocationId OnlyInvocation(const Target& target) {
    const auto ids = Isolate(target)->in_flight_ids();
    EXPECT_EQ(ids.size(), 1u);
    return ids.empty() ? 0 : ids[0];
  }
  uint64_t InFlight(uint64_t row) { return counters_->functions[row].in_flight.Read(); }

  FakeClock clock_;
  std::unique_ptr<ipc::ShardCounters> counters_;
  js::FakeIsolateFactory factory_;
  std::atomic<Nanos> cpu_{0};
  Watchdog watchdog_;
  Warmup warmup_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  Nanos wake_at_ = 0;
  std::map<RequestId, std::string> answers_;
  std::map<RequestId, std::string> streamed_;
  std::map<RequestId, std::string> ends_;
  size_t room_ = size_t{1} << 40;
  std::vector<std::string> console_;
  js::RequestView view_{.method = "GET", .authority = "localhost", .target = "/f", .request_id = "0011223344556677"};
  std::unique_ptr<Pool> pool_;
};

TEST_F(PoolTest, TheFirstRequestStartsTheFunctionAndTheNextFindsItWarm) {
  const Target hello = Version(1, "respond 200 hello");
  Submit(1, hello);
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(counters_->queued.Read(), 1u);
  EXPECT_EQ(InFlight(1), 1u);
  Settle();
  EXPECT_EQ(answers_[1], "200 hello");
  EXPECT_EQ(counters_->queued.Read(), 0u);
  Submit(2, hello);
  EXPECT_EQ(answers_[2], "200 hello");
  EXPECT_EQ(InFlight(1), 0u);
  EXPECT_EQ(pool_->in_flight(), 0u);
  EXPECT_EQ(counters_->warm_isolates.Read(), 1u);
  EXPECT_EQ(counters_->functions[1].isolates.Read(), 1u);
}

TEST_F(PoolTest, StaysInTheIsolateOfTheLastRequestUntilThePassEnds) {
  const Target a = Version(1, "respond 200 a");
  const Target b = Version(2, "respond 200 b");
  Submit(1, a);
  Submit(2, b);
  Settle();
  // Nobody has promised an end yet.
  EXPECT_FALSE(Isolate(a)->inside());
  EXPECT_FALSE(Isolate(b)->inside());
  pool_->EndPass();
  Submit(3, a);
  Submit(4, a);
  EXPECT_TRUE(Isolate(a)->inside());
  Submit(5, b);
  EXPECT_FALSE(Isolate(a)->inside());
  EXPECT_TRUE(Isolate(b)->inside());
  pool_->EndPass();
  EXPECT_FALSE(Isolate(b)->inside());
  EXPECT_EQ(answers_[4], "200 a");
  EXPECT_EQ(answers_[5], "200 b");
}

TEST_F(PoolTest, LeavesAnIsolateThatGoes) {
  const Target lost = Version(1, "oom");
  const Target replaced = Version(2, "respond 200 b");
  for (const Target& target : {lost, replaced}) pool_->Prepare(target, [](const js::Outcome&) {});
  Settle();
  pool_->EndPass();
  Submit(1, replaced);
  pool_->Retain({1});  // the fake checks that it is not destroyed from inside
  Settle();
  EXPECT_EQ(Isolate(replaced), nullptr);
  Submit(2, lost);
  Settle();
  EXPECT_EQ(answers_[2], "memory-limit");
  // And the pool itself may go in the middle of a pass.
  Submit(3, lost);
}

TEST_F(PoolTest, AColdStartIsRecordedOnceWithItsPhases) {
  Settle();  // spares
  const Target hello = Version(1, "respond 200 hello");
  Submit(1, hello);
  Submit(2, hello);
  Settle();
  EXPECT_EQ(counters_->functions[1].cold_starts[static_cast<int>(ipc::ColdKind::kSpareSource)].Read(), 1u);
  uint64_t recorded = 0;
  for (int bucket = 0; bucket < ipc::Histogram::kBuckets; ++bucket) {
    recorded += counters_->cold[static_cast<int>(ipc::ColdPhase::kTotal)].bucket(bucket);
  }
  EXPECT_EQ(recorded, 1u);
  const auto count = [](const ipc::Histogram& histogram) {
    uint64_t samples = 0;
    for (int bucket = 0; bucket < ipc::Histogram::kBuckets; ++bucket) samples += histogram.bucket(bucket);
    return samples;
  };
  for (const ipc::Histogram& phase : counters_->cold) EXPECT_EQ(count(phase), 1u);
  EXPECT_EQ(count(counters_->queue_wait), 2u);  // both have waited
}

TEST_F(PoolTest, PreparingMakesWarmWithoutCountingAColdStart) {
  const Target hello = Version(1, "respond 200 hello");
  std::vector<js::OutcomeKind> outcomes;
  auto note = [&](const js::Outcome& outcome) { outcomes.push_back(outcome.kind); };
  pool_->Prepare(hello, note);
  pool_->Prepare(hello, note);  // one load for both
  Settle();
  pool_->Prepare(hello, note);  // warm already
  EXPECT_EQ(outcomes, std::vector(3, js::OutcomeKind::kOk));
  EXPECT_EQ(pool_->isolates(), 1u);
  Submit(1, hello);
  EXPECT_EQ(answers_[1], "200 hello");
  for (const auto& counter : counters_->functions[1].cold_starts) EXPECT_EQ(counter.Read(), 0u);
}

TEST_F(PoolTest, AFailedLoadAnswersThoseWhoWaitAndIsTriedAgainAfterAPause) {
  const Target broken = Version(1, "load-error syntax-error Unexpected token");
  Submit(1, broken);
  Submit(2, broken);
  Settle();
  EXPECT_EQ(answers_[1], "syntax-error");
  EXPECT_EQ(answers_[2], "syntax-error");
  const int made = factory_.made();
  Submit(3, broken);  // at once, without another load
  EXPECT_EQ(answers_[3], "syntax-error");
  Settle();
  EXPECT_EQ(factory_.made(), made);
  clock_.Advance(200 * kMillisecond);
  Submit(4, broken);
  EXPECT_EQ(answers_.count(4), 0u);
  Settle();
  EXPECT_EQ(answers_[4], "syntax-error");
  EXPECT_EQ(InFlight(1), 0u);
}

TEST_F(PoolTest, PreparingABrokenVersionSaysWhy) {
  js::Outcome told;
  pool_->Prepare(Version(1, "load-error no-handler no default export"), [&](const js::Outcome& outcome) { told = outcome; });
  Settle();
  EXPECT_EQ(told.kind, js::OutcomeKind::kNoHandler);
  EXPECT_EQ(told.line, 1);
}

TEST_F(PoolTest, APeerThatFinishesWhileItsRequestWaitsIsToldOf) {
  const Target silent = Version(1, "pending");
  const Ticket ticket = Submit(1, silent);
  pool_->PeerFinished(ticket);
  Submit(2, silent);
  Settle();
  EXPECT_EQ(Isolate(silent)->in_flight(), 2u);
  EXPECT_EQ(Isolate(silent)->peer_finished().size(), 1u);
  for (const js::InvocationId id : Isolate(silent)->in_flight_ids()) Isolate(silent)->Complete(id, 200, "");
}

TEST_F(PoolTest, TheColdQueueIsBounded) {
  const Target hello = Version(1, "respond 200 hello");
  for (RequestId id = 1; id <= kColdQueueMax + 1; ++id) Submit(id, hello);
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[kColdQueueMax + 1], "overloaded");
  Settle();
  EXPECT_EQ(answers_.size(), kColdQueueMax + 1);
  EXPECT_EQ(answers_[kColdQueueMax], "200 hello");
}

TEST_F(PoolTest, WaitingForAColdFunctionIsBoundedInTime) {
  Submit(1, Version(1, "respond 200 hello"));
  Advance(kColdQueueTimeout - 1);
  EXPECT_TRUE(answers_.empty());
  Advance(1);
  EXPECT_EQ(answers_[1], "overloaded");
  Settle();  // the isolate comes late and is there for the next
  Submit(2, Version(1, "respond 200 hello"));
  EXPECT_EQ(answers_[2], "200 hello");
}

TEST_F(PoolTest, AnAnswerMayComeLater) {
  const Target slow = Version(1, "timer 20 200 later");
  Submit(1, slow);
  Settle();
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(InFlight(1), 1u);
  Advance(19 * kMillisecond);
  EXPECT_TRUE(answers_.empty());
  Advance(1 * kMillisecond);
  EXPECT_EQ(answers_[1], "200 later");
}

TEST_F(PoolTest, ARequestEndsAtItsWallLimit) {
  const Target silent = Version(1, "pending");
  Submit(1, silent);
  Settle();
  Advance(10 * kSecond);
  Submit(2, silent);
  Advance(20 * kSecond - 1);
  EXPECT_TRUE(answers_.empty());
  Advance(1);
  EXPECT_EQ(answers_[1], "wall-limit");
  EXPECT_EQ(answers_.count(2), 0u);
  EXPECT_EQ(Isolate(silent)->in_flight(), 1u);
  Advance(10 * kSecond);
  EXPECT_EQ(answers_[2], "wall-limit");
  EXPECT_EQ(InFlight(1), 0u);
}

TEST_F(PoolTest, ManyRequestsShareOneIsolateAndAreAnsweredInAnyOrder) {
  const Target silent = Version(1, "pending");
  Submit(1, silent);
  Settle();
  Submit(2, silent);
  auto ids = Isolate(silent)->in_flight_ids();
  ASSERT_EQ(ids.size(), 2u);
  Isolate(silent)->Complete(ids[1], 201, "second");
  Isolate(silent)->Complete(ids[0], 200, "first");
  EXPECT_EQ(answers_[1], "200 first");
  EXPECT_EQ(answers_[2], "201 second");
}

TEST_F(PoolTest, ACancelledRequestIsNotAnswered) {
  const Target silent = Version(1, "pending");
  const Ticket waiting = Submit(1, silent);
  pool_->Cancel(waiting);
  EXPECT_EQ(counters_->queued.Read(), 0u);
  Settle();
  const Ticket running = Submit(2, silent);
  EXPECT_EQ(pool_->in_flight(), 1u);
  pool_->Cancel(running);
  pool_->Cancel(running);  // stale: nothing
  EXPECT_EQ(Isolate(silent)->in_flight(), 0u);
  EXPECT_EQ(pool_->in_flight(), 0u);
  Advance(60 * kSecond);
  EXPECT_TRUE(answers_.empty());
}

TEST_F(PoolTest, ALostIsolateIsReplaced) {
  const Target silent = Version(1, "pending");
  Submit(1, silent);
  Settle();
  Submit(2, silent);
  auto ids = Isolate(silent)->in_flight_ids();
  const int made = factory_.made();
  // The first takes the isolate down within a turn that V8's tasks gave it.
  const Target bomb = Version(2, "oom");
  Submit(3, bomb);
  Settle();
  EXPECT_EQ(answers_[3], "memory-limit");
  EXPECT_EQ(counters_->isolates_lost.Read(), 1u);
  EXPECT_EQ(answers_.count(1), 0u);  // another function's: untouched
  Settle();
  EXPECT_GT(factory_.made(), made);
  Submit(4, bomb);
  EXPECT_EQ(answers_[4], "memory-limit");
  Settle();
  EXPECT_EQ(pool_->warm(), 2u);
  EXPECT_EQ(ids.size(), 2u);
}

TEST_F(PoolTest, RequestsThatWaitSurviveALossWhileTheQueueDrains) {
  const Target bomb = Version(1, "oom");
  for (RequestId id = 1; id <= 3; ++id) Submit(id, bomb);
  Settle();
  for (RequestId id = 1; id <= 3; ++id) EXPECT_EQ(answers_[id], "memory-limit");
  EXPECT_EQ(counters_->isolates_lost.Read(), 3u);
  EXPECT_EQ(counters_->queued.Read(), 0u);
}

TEST_F(PoolTest, AnIsolateAtItsCpuLimitFinishesWhatItHasAndIsReplaced) {
  const Target spin = Version(1, "spin");
  pool_->Prepare(spin, [](const js::Outcome&) {});
  Settle();
  watchdog_.Start();
  // The clock of the thread's CPU leaps with each look; the wall's is the system's: the limit is one millisecond of it.
  auto script = std::make_shared<js::Script>(*spin.script);
  script->limits.cpu_per_request = kMillisecond;
  const Target tight{script, 2, 2};
  Submit(1, tight);
  Settle();
  EXPECT_EQ(answers_[1], "cpu-limit");
  EXPECT_EQ(counters_->turns_terminated.Read(), 1u);
  Settle();
  EXPECT_EQ(counters_->functions[2].isolates.Read(), 1u);
  Submit(2, tight);
  EXPECT_EQ(answers_[2], "cpu-limit");
  watchdog_.Stop();
}

TEST_F(PoolTest, AReplacedVersionKeepsWhatItHasInFlight) {
  const Target old_version = Version(1, "timer 50 200 old");
  const Target new_version = Version(2, "respond 200 new");
  Submit(1, old_version);
  Settle();
  pool_->Prepare(new_version, [](const js::Outcome&) {});
  Settle();
  pool_->Retain({2});
  EXPECT_EQ(pool_->isolates(), 2u);
  Submit(2, new_version);
  EXPECT_EQ(answers_[2], "200 new");
  Advance(50 * kMillisecond);
  EXPECT_EQ(answers_[1], "200 old");
  Settle();
  EXPECT_EQ(pool_->isolates(), 1u);
  EXPECT_EQ(Isolate(old_version), nullptr);
  EXPECT_EQ(counters_->functions[1].isolates.Read(), 0u);
}

TEST_F(PoolTest, AReplacedVersionStaysUntilItsBackgroundWorkIsDone) {
  const Target old_version = Version(1, "background 200 done");
  Submit(1, old_version);
  Settle();
  EXPECT_EQ(answers_[1], "200 done");
  pool_->Retain({});
  Settle();
  ASSERT_NE(Isolate(old_version), nullptr);
  Isolate(old_version)->FinishBackground(OnlyInvocation(old_version));
  Isolate(old_version)->PostTasks();  // the turn in which it ended
  Settle();
  EXPECT_EQ(Isolate(old_version), nullptr);
}

TEST_F(PoolTest, BackgroundWorkWithoutAnEndDoesNotKeepAReplacedVersion) {
  const Target old_version = Version(1, "background 200 done");
  Submit(1, old_version);
  Settle();
  pool_->Retain({});
  Advance(old_version.script->limits.wall_per_request);
  EXPECT_EQ(pool_->isolates(), 1u);
  Advance(10 * kSecond);
  Settle();
  EXPECT_EQ(pool_->isolates(), 0u);
  EXPECT_EQ(Isolate(old_version), nullptr);
}

TEST_F(PoolTest, AVersionThatComesBackWhileItRetiresIsLoadedAnew) {
  const Target version = Version(1, "timer 50 200 old");
  Submit(1, version);
  Settle();
  pool_->Retain({});
  pool_->Prepare(version, [](const js::Outcome& outcome) { EXPECT_TRUE(outcome.ok()); });
  Settle();
  EXPECT_EQ(pool_->isolates(), 2u);
  Submit(2, version);
  Advance(50 * kMillisecond);
  Settle();
  EXPECT_EQ(answers_[1], "200 old");
  EXPECT_EQ(answers_[2], "200 old");
  EXPECT_EQ(pool_->isolates(), 1u);
  EXPECT_EQ(pool_->warm(), 1u);
}

TEST_F(PoolTest, AVersionThatIsForgottenWhileItLoadsLeavesNothing) {
  pool_->Prepare(Version(1, "respond 200 hello"), [](const js::Outcome&) {});
  pool_->Retain({});
  Settle();
  EXPECT_EQ(pool_->isolates(), 0u);
  EXPECT_EQ(pool_->warm(), 0u);
  EXPECT_EQ(factory_.isolates().size(), kSpareIsolates);
}

TEST_F(PoolTest, TheLeastRecentlyUsedIdleIsolateGoes) {
  std::vector<Target> targets;
  RequestId id = 0;
  for (uint64_t version = 1; version <= kWarmIsolatesMax + 1; ++version) {
    targets.push_back(Version(version, "respond 200 hello"));
    if (version == kWarmIsolatesMax + 1) Submit(++id, targets[0]);  // the second is the oldest now
    clock_.Advance(kMillisecond);
    Submit(++id, targets.back());
    Settle();
  }
  EXPECT_EQ(pool_->warm(), kWarmIsolatesMax);
  EXPECT_EQ(counters_->evictions.Read(), 1u);
  EXPECT_NE(Isolate(targets[0]), nullptr);
  EXPECT_EQ(Isolate(targets[1]), nullptr);
  EXPECT_NE(Isolate(targets.back()), nullptr);
  Submit(++id, targets[1]);
  Settle();
  EXPECT_EQ(answers_[id], "200 hello");
}

TEST_F(PoolTest, AnIsolateTakesABoundedNumberOfRequests) {
  const Target silent = Version(1, "pending");
  pool_->Prepare(silent, [](const js::Outcome&) {});
  Settle();
  for (RequestId id = 1; id <= kInFlightPerIsolateMax; ++id) Submit(id, silent);
  EXPECT_TRUE(answers_.empty());
  Submit(kInFlightPerIsolateMax + 1, silent);
  EXPECT_EQ(answers_[kInFlightPerIsolateMax + 1], "overloaded");
}

TEST_F(PoolTest, ConsoleRecordsNameVersionAndRequest) {
  Submit(1, Version(9, "log hello\nrespond 200 hi"));
  Settle();
  EXPECT_EQ(console_, std::vector<std::string>{"9/0011223344556677: hello"});
}

TEST_F(PoolTest, PostedTasksRunOnTheShardOnce) {
  const Target hello = Version(1, "respond 200 hello");
  Submit(1, hello);
  Settle();
  Isolate(hello)->PostTasks();
  Isolate(hello)->PostTasks();
  Settle();
  EXPECT_EQ(Isolate(hello)->tasks_run(), 1);
}

TEST_F(PoolTest, AHurriedPreparationGoesFirst) {
  Settle();
  std::vector<uint64_t> order;
  for (uint64_t version = 1; version <= 3; ++version) {
    pool_->Prepare(Version(version, "respond 200 hello"), [&, version](const js::Outcome&) { order.push_back(version); });
  }
  Submit(1, Version(3, "respond 200 hello"));
  Settle();
  EXPECT_EQ(order, (std::vector<uint64_t>{3, 1, 2}));
  EXPECT_EQ(answers_[1], "200 hello");
}

TEST_F(PoolTest, LooksAtMemoryWhenIdle) {
  const Target hello = Version(1, "respond 200 hello");
  Submit(1, hello);
  Settle();
  pool_->Idle();
  EXPECT_EQ(counters_->functions[1].heap_used_bytes.Read(), size_t{1} << 20);
  EXPECT_EQ(counters_->spare_isolates.Read(), kSpareIsolates);
}

TEST_F(PoolTest, MemoryIsTheSumOfAFunctionsIsolatesAndGoesWithThem) {
  Submit(1, Version(1, "respond 200 a"));
  Target second = Version(2, "respond 200 b");
  second.counter_row = 1;  // of the same function
  Submit(2, second);
  Settle();
  pool_->Idle();
  EXPECT_EQ(counters_->functions[1].heap_used_bytes.Read(), size_t{2} << 20);
  EXPECT_EQ(counters_->functions[1].heap_committed_bytes.Read(), size_t{4} << 20);
  pool_->Retain({2});
  Settle();
  EXPECT_EQ(counters_->functions[1].heap_used_bytes.Read(), size_t{1} << 20);
  pool_->Retain({});
  Settle();
  EXPECT_EQ(counters_->functions[1].heap_used_bytes.Read(), 0u);
  EXPECT_EQ(counters_->functions[1].heap_committed_bytes.Read(), 0u);
}

TEST_F(PoolTest, CollectionsAreCountedForTheirFunction) {
  const Target busy = Version(1, "collect minor 300\ncollect major 4000\ncollect minor 200\nrespond 200 x");
  Submit(1, busy);
  Settle();
  const ipc::FunctionCounters& row = counters_->functions[1];
  EXPECT_EQ(row.collections[static_cast<int>(js::GcKind::kMinor)].Read(), 2u);
  EXPECT_EQ(row.collection_ns[static_cast<int>(js::GcKind::kMinor)].Read(), 500'000u);
  EXPECT_EQ(row.collections[static_cast<int>(js::GcKind::kMajor)].Read(), 1u);
  const auto& pauses = counters_->gc_pause[static_cast<int>(js::GcDuring::kTurn)];
  EXPECT_EQ(pauses[static_cast<int>(js::GcKind::kMajor)].sum_ns(), 4'000'000u);
}

TEST_F(PoolTest, ANurseryThatHasInterruptedATurnIsCollectedBetweenPasses) {
  const Target busy = Version(1, "on GET respond 200 x\ncollect minor 300\nrespond 200 x");
  Submit(1, busy);
  Settle();
  js::FakeIsolate* isolate = Isolate(busy);
  RequestId last = 1;
  const auto pass = [&](size_t used_before, size_t used_after) {
    isolate->set_nursery({used_before, 1000});
    Submit(++last, busy);
    isolate->set_nursery({used_after, 1000});
    pool_->EndPass();
  };
  pass(900, 1000);
  EXPECT_EQ(isolate->nursery_collections(), 0);  // nobody was interrupted
  view_.method = "POST";
  pass(0, 0);
  view_.method = "GET";
  pass(0, 400);
  EXPECT_EQ(isolate->nursery_collections(), 0);
  pass(400, 800);
  EXPECT_EQ(isolate->nursery_collections(), 1);
  EXPECT_EQ(answers_[last], "200 x");
  pass(0, 400);
  EXPECT_EQ(isolate->nursery_collections(), 1);
}

class RequestGarbageTest : public PoolTest {
 protected:
  Target Hinted(const std::string& source) {
    Target target = Version(1, source);
    auto script = std::make_shared<js::Script>(*target.script);
    script->limits.request_garbage_bytes = 200;
    target.script = std::move(script);
    Submit(1, target);
    Settle();
    isolate_ = Isolate(target);
    return target;
  }
  js::FakeIsolate* isolate_ = nullptr;
};

TEST_F(RequestGarbageTest, ANurseryIsCollectedAfterThePassThatLeavesNoRoom) {
  const Target hinted = Hinted("respond 200 x");
  Submit(2, hinted);
  isolate_->set_nursery({800, 1000});
  pool_->EndPass();
  EXPECT_EQ(isolate_->nursery_collections(), 0);
  Submit(3, hinted);
  isolate_->set_nursery({900, 1000});
  EXPECT_EQ(isolate_->nursery_collections(), 0);
  pool_->EndPass();
  EXPECT_EQ(isolate_->nursery_collections(), 1);
  pool_->EndPass();
  EXPECT_EQ(isolate_->nursery_collections(), 1);
}

TEST_F(RequestGarbageTest, ANurseryIsCollectedBetweenTheRequestsOfAPass) {
  const Target hinted = Hinted("respond 200 x");
  isolate_->set_nursery({900, 1000});
  Submit(2, hinted);
  EXPECT_EQ(isolate_->nursery_collections(), 1);
  EXPECT_EQ(answers_[2], "200 x");
  isolate_->set_nursery({800, 1000});
  Submit(3, hinted);
  EXPECT_EQ(isolate_->nursery_collections(), 1);
}

TEST_F(RequestGarbageTest, ANurseryIsCollectedBeforeARequestGoesOn) {
  const Target hinted = Hinted("on GET respond 200 x\ntimer 20 200 later");
  view_.method = "POST";
  Submit(2, hinted);
  isolate_->set_nursery({900, 1000});
  clock_.Advance(20 * kMillisecond);
  pool_->RunDue(clock_.Now());
  EXPECT_EQ(isolate_->nursery_collections(), 1);
  EXPECT_EQ(answers_[2], "200 later");
}

TEST_F(RequestGarbageTest, AnIsolateThatACollectionLosesIsReplaced) {
  const Target hinted = Hinted("respond 200 x");
  isolate_->set_nursery({900, 1000});
  isolate_->LoseInCollection();
  Submit(2, hinted);
  EXPECT_EQ(answers_.count(2), 0u);
  Settle();
  EXPECT_EQ(answers_[2], "200 x");
  EXPECT_NE(Isolate(hinted), nullptr);
  EXPECT_EQ(pool_->isolates(), 1u);
}

TEST_F(RequestGarbageTest, AVersionThatNobodyNamesGoesWithIt) {
  const Target hinted = Hinted("respond 200 x");
  pool_->Retain({1});
  isolate_->set_nursery({900, 1000});
  isolate_->LoseInCollection();
  Submit(2, hinted);
  pool_->Retain({});
  Settle();
  EXPECT_EQ(answers_[2], "200 x");
  Settle();
  EXPECT_EQ(pool_->isolates(), 0u);
}

TEST_F(PoolTest, AnUnknownCounterRowIsTheSharedOne) {
  Target target = Version(1, "respond 200 hello");
  target.counter_row = 1u << 30;
  Submit(1, target);
  EXPECT_EQ(InFlight(0), 1u);
  Settle();
  EXPECT_EQ(InFlight(0), 0u);
}

// ---- memory -----------------------------------------------------------------------------------------------------------------

// An isolate of the fake's takes this.
constexpr size_t kFakeIsolateBytes = (size_t{2} << 20) + kIsolateOverheadBytes;

class BudgetTest : public PoolTest {
 protected:
  static constexpr size_t kFits = 8;
  BudgetTest()
      : budget_(kFits * kFakeIsolateBytes, 2),
        first_(std::make_unique<Pool>(this, &warmup_, &watchdog_, counters_.get(), PoolOptions{.budget = &budget_})),
        second_(std::make_unique<Pool>(this, &warmup_, &watchdog_, counters_.get(), PoolOptions{.budget = &budget_})) {}
  ~BudgetTest() override {
    first_.reset();
    second_.reset();
    EXPECT_EQ(budget_.used_bytes(), 0);
    EXPECT_EQ(budget_.used_isolates(), 0);
  }
  void Use(Pool* pool, uint64_t version) {
    clock_.Advance(kMillisecond);
    pool->Submit(++next_, Version(version, "on POST pending\nrespond 200 hello"), &view_);
    Settle();
  }
  bool IsWarm(uint64_t version) { return factory_.Find("f" + std::to_string(version)) != nullptr; }

  RequestId next_ = 0;
  MemoryBudget budget_;
  std::unique_ptr<Pool> first_, second_;
};

TEST_F(BudgetTest, OnlyTheUsedOnesStay) {
  for (uint64_t version = 1; version <= 1000; ++version) Use(first_.get(), version);
  EXPECT_EQ(first_->warm(), kFits);
  EXPECT_LE(budget_.used_bytes(), static_cast<int64_t>(kFits * kFakeIsolateBytes));
  EXPECT_TRUE(IsWarm(1000));
  EXPECT_TRUE(IsWarm(1000 - kFits + 1));
  EXPECT_FALSE(IsWarm(1000 - kFits));
  Use(first_.get(), 1);
  EXPECT_EQ(answers_[next_], "200 hello");
}

// What it has answered with is known when it comes back; what was given up without a request, or is replaced, teaches nothing.
TEST_F(BudgetTest, AnEvictedIsolateTeachesItsSuccessor) {
  const Target target = Version(1, "respond 200 hello"), unused = Version(2, "respond 200 hello");
  const Target replaced = Version(3, "respond 200 hello");
  const auto cold_starts = [&](ipc::ColdKind kind) { return counters_->functions[1].cold_starts[static_cast<int>(kind)].Read(); };
  for (int i = 0; i < 4; ++i) {
    first_->Submit(++next_, target, &view_);
    Settle();
  }
  for (int i = 0; i < 4; ++i) {
    first_->Submit(++next_, replaced, &view_);
    Settle();
  }
  first_->Prepare(unused, [](const js::Outcome&) {});
  Settle();
  first_->Retain({1, 2});
  Settle();
  EXPECT_FALSE(IsWarm(3));
  EXPECT_EQ(warmup_.learned_bytes(), 0u);
  for (uint64_t version = 101; IsWarm(1) || IsWarm(2); ++version) Use(first_.get(), version);
  EXPECT_EQ(warmup_.learned_bytes(), 4u);
  first_->Idle();
  EXPECT_EQ(counters_->learned_code_bytes.Read(), 4u);
  EXPECT_EQ(cold_starts(ipc::ColdKind::kSpareLearned), 0u);
  first_->Submit(++next_, target, &view_);
  Settle();
  EXPECT_EQ(answers_[next_], "200 hello");
  EXPECT_EQ(cold_starts(ipc::ColdKind::kSpareLearned), 1u);
}

TEST_F(BudgetTest, WhoTakesMoreThanItsShareGivesWay) {
  for (uint64_t version = 1; version <= kFits; ++version) Use(first_.get(), version);
  for (uint64_t version = 101; version <= 100 + kFits / 4; ++version) {
    Use(second_.get(), version);
    first_->Idle();
    second_->Idle();
  }
  EXPECT_EQ(second_->warm(), kFits / 4);
  EXPECT_EQ(first_->warm(), kFits - kFits / 4);
}

TEST_F(BudgetTest, WithNothingIdleAColdFunctionIsRefused) {
  view_.method = "POST";
  // Busy ones may overdraw the budget by an eighth, and the one that is found beyond it.
  const uint64_t busy = kFits + kFits / 8 + 1;
  for (uint64_t version = 1; version <= busy; ++version) Use(first_.get(), version);
  EXPECT_EQ(first_->warm(), busy);
  Use(first_.get(), 1000);
  EXPECT_EQ(answers_[next_], "overloaded");
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_FALSE(IsWarm(1000));
}

// ---- heavy versions ---------------------------------------------------------------------------------------------------------

// Notes what goes away.
class FakeElsewhere final : public Elsewhere {
 public:
  void Expect(const Target& target, Nanos) override { expected.push_back(target.version_id); }
  void Release(uint64_t version_id) override { released.push_back(version_id); }
  void Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) override {
    retained = std::move(version_ids);
    on_standby = std::move(standby);
  }
  void Submit(Ticket ticket, const Target&, const js::RequestView*) override { tickets.push_back(ticket); }
  void Cancel(Ticket ticket) override { std::erase(tickets, ticket); }
  void BodyArrived(Ticket) override {}
  void ResumeResponse(Ticket) override {}
  void PeerFinished(Ticket) override {}

  std::vector<uint64_t> expected, released, retained, on_standby;
  std::vector<Ticket> tickets;
};

class HeavyPoolTest : public PoolTest {
 protected:
  HeavyPoolTest()
      : sampler_([](uint64_t) {}, {&clock_, [this](clockid_t) { return used_; }}),
        heavy_pool_(std::make_unique<Pool>(this, &warmup_, &sampler_, counters_.get(), PoolOptions{.elsewhere = &elsewhere_})) {
    sampler_.PollOnce();
  }
  ~HeavyPoolTest() override { heavy_pool_.reset(); }

  // OnConsole is called in the middle of a request's turn: that is where it takes its time.
  void OnConsole(uint64_t, std::string_view request_id, js::LogSeverity severity, std::string_view message) override {
    if (severity == js::LogSeverity::kInfo) told_ = message;
    if (message != "working") return;
    used_ += turn_;
    clock_.Advance(turn_);
    if (poll_) sampler_.PollOnce();
  }
  void Serve(const Target& target, int requests) {
    for (int i = 0; i < requests; ++i) {
      heavy_pool_->Submit(next_++, target, &view_);
      Settle();
    }
  }

  Nanos used_ = 0;
  Nanos turn_ = 0;
  bool poll_ = true;
  std::string told_;
  RequestId next_ = 1000;
  FakeElsewhere elsewhere_;
  Watchdog sampler_;
  std::unique_ptr<Pool> heavy_pool_;
};

TEST_F(HeavyPoolTest, LongTurnsSendAVersionAway) {
  const Target heavy = Version(1, "log working\nrespond 200 heavy");
  turn_ = 10 * kMillisecond;
  Serve(heavy, 6);
  EXPECT_EQ(elsewhere_.expected, (std::vector<uint64_t>{1}));
  EXPECT_EQ(told_.find("a turn of this version's JavaScript takes 10 ms"), 0u) << told_;
  EXPECT_EQ(heavy_pool_->isolates(), 0u);
  Serve(heavy, 1);
  EXPECT_EQ(elsewhere_.tickets.size(), 1u);
  EXPECT_EQ(InFlight(1), 1u);
  EXPECT_EQ(counters_->queued.Read(), 1u);
  heavy_pool_->Retain({1});
  EXPECT_EQ(elsewhere_.retained, (std::vector<uint64_t>{1}));
  heavy_pool_->Cancel(elsewhere_.tickets[0]);
  EXPECT_EQ(InFlight(1), 0u);
  EXPECT_EQ(counters_->queued.Read(), 0u);
  heavy_pool_->Retain({});
  EXPECT_EQ(elsewhere_.released, (std::vector<uint64_t>{1}));
}

TEST_F(HeavyPoolTest, ManyShortTurnsDoNot) {
  // The watchdog finds one in ten, each time at work: much CPU time in all, but little in each turn.
  const Target light = Version(1, "log working\nrespond 200 light");
  turn_ = kHeavyTurn / 4;
  for (int i = 0; i < 1000; ++i) {
    poll_ = i % 10 == 0;
    Serve(light, 1);
  }
  EXPECT_TRUE(elsewhere_.expected.empty());
  EXPECT_EQ(heavy_pool_->warm(), 1u);
}

TEST_F(HeavyPoolTest, OneLongTurnIsEnough) {
  const Target heavy = Version(1, "log working\nlog working\nlog working\nlog working\nrespond 200 heavy");
  turn_ = 20 * kMillisecond;
  Serve(heavy, 1);
  EXPECT_EQ(elsewhere_.expected.size(), 1u);
}

}  // namespace
}  // namespace zts::runtime
