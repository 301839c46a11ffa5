#include "worker/supervisor/engine_host.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "worker/supervisor/testing/fake_engine.h"

namespace zts::supervisor {
namespace {

using State = EngineStatus::State;

// One host over fake engines, and short words for what tests do with it.
class EngineHostTest : public ::testing::Test, protected EngineSink, protected HostObserver {
 protected:
  EngineHostTest()
      : counters_(std::move(*ipc::SharedCounters::Create(2))),
        rows_(counters_.get(), &clock_),
        version_rows_(counters_.get(), &clock_),
        host_({"auto", {}, "web.snapshot", "w1", {90, 91}}, {&clock_, &launcher_, this, &rows_, &version_rows_, counters_.get(), this}) {}

  FakeEngine& engine() { return launcher_.engine(); }
  static FunctionSpecPtr Spec(uint64_t id, const std::string& function = "hello") {
    auto spec = std::make_shared<FunctionSpec>();
    spec->version_id = id;
    spec->function = function;
    spec->number = id;
    spec->artifact_key = "key";
    spec->source_bytes = 10;
    spec->code_cache_bytes = 5;
    return spec;
  }

  void Prepare(uint64_t version, std::vector<FunctionSpecPtr> functions, std::vector<uint64_t> warm = {}) {
    prepared_.reset();
    host_.Prepare({version, std::move(functions)}, std::move(warm),
                  [this](Result<std::vector<Problem>> result) { prepared_ = std::move(result); });
  }
  void Commit() {
    committed_.reset();
    host_.Commit([this](Status status) { committed_ = std::move(status); });
  }
  bool IsPrepared() const { return prepared_ && prepared_->ok() && (*prepared_)->empty(); }
  bool IsCommitted() const { return committed_ && committed_->ok(); }
  // The problems of a Prepare that was refused.
  std::vector<Problem> Problems() const { return prepared_ && prepared_->ok() ? **prepared_ : std::vector<Problem>{}; }

  void StartServing() {
    host_.Start();
    engine().Ready();
  }
  void Deploy(uint64_t version, std::vector<FunctionSpecPtr> functions) {
    Prepare(version, std::move(functions));
    engine().Prepared(version);
    ASSERT_TRUE(IsPrepared());
    Commit();
    engine().Committed(version);
    ASSERT_TRUE(IsCommitted());
  }
  // An engine that takes over after a death, up to serving again.
  void Recover(uint64_t version) {
    engine().Ready();
    engine().Prepared(version);
    engine().Committed(version);
  }
  void Pass(Nanos time) {
    clock_.Advance(time);
    host_.OnTime();
  }

  void OnMessage(uint64_t generation, ipc::FromEngine message) override { host_.OnMessage(generation, std::move(message)); }
  void OnExit(uint64_t generation, ExitStatus status) override { host_.OnExit(generation, status); }
  void OnStatus(const EngineStatus&) override {}
  void OnLogs(std::vector<LogRecord> records) override {
    for (LogRecord& record : records) logs_.push_back(std::move(record));
  }

  const EngineStatus& status() const { return host_.status(); }
  uint64_t deaths(DeathCause cause) const { return status().deaths[static_cast<int>(cause)]; }

  FakeClock clock_;
  FakeLauncher launcher_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  CounterRows rows_;
  VersionRows version_rows_;
  EngineHost host_;
  std::optional<Result<std::vector<Problem>>> prepared_;
  std::optional<Status> committed_;
  std::vector<LogRecord> logs_;
};

constexpr ExitStatus kKilled{true, SIGKILL};
constexpr ExitStatus kCrashed{true, SIGSEGV};

TEST_F(EngineHostTest, StartsWithConfigureAndAListenerAShard) {
  host_.Start();
  ASSERT_EQ(engine().sent.size(), 3u);
  EXPECT_EQ(engine().sent[0].configure().shards(), 2u);
  EXPECT_EQ(engine().sent[0].configure().snapshot_path(), "web.snapshot");
  EXPECT_EQ(engine().sent[1].add_listener().shard(), 0u);
  EXPECT_EQ(engine().sent[2].add_listener().shard(), 1u);
  EXPECT_EQ(status().state, State::kStarting);
  engine().Ready("k2");
  EXPECT_EQ(status().state, State::kServing);
  EXPECT_EQ(status().artifact_key, "k2");
  EXPECT_EQ(status().io_backend, "fake");
  EXPECT_FALSE(status().serves_catalog);
}

TEST_F(EngineHostTest, OneWithoutListenersIsConfiguredAndThatIsAll) {
  EngineHost::Setup setup{"auto", {}, "web.snapshot", "w1", {}};
  setup.shards_without_listeners = 2;
  EngineHost host(setup, {&clock_, &launcher_, this, &rows_, &version_rows_, counters_.get(), this});
  host.Start();
  ASSERT_EQ(engine().sent.size(), 1u);
  EXPECT_TRUE(engine().sent[0].configure().without_listeners());
  EXPECT_EQ(engine().sent[0].configure().shards(), 2u);
}

TEST_F(EngineHostTest, AChangeIsAddedPreparedAndCommitted) {
  StartServing();
  Prepare(7, {Spec(1), Spec(2, "other")}, {1});
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(engine().last().prepare().catalog_version(), 7u);
  EXPECT_EQ(engine().last().prepare().version_ids_size(), 2);
  EXPECT_EQ(engine().last().prepare().warm_size(), 1);
  EXPECT_FALSE(prepared_);
  engine().Prepared(7);
  EXPECT_TRUE(IsPrepared());
  EXPECT_FALSE(status().serves_catalog);
  Commit();
  EXPECT_EQ(engine().last().commit().catalog_version(), 7u);
  engine().Committed(7);
  EXPECT_TRUE(IsCommitted());
  EXPECT_TRUE(status().serves_catalog);
  EXPECT_EQ(status().catalog_version, 7u);
}

TEST_F(EngineHostTest, AChangeBeforeTheEngineIsReadyWaitsForIt) {
  host_.Start();
  Prepare(1, {Spec(1)});
  EXPECT_TRUE(engine().added().empty());
  engine().Ready();
  EXPECT_EQ(engine().added().size(), 1u);
}

TEST_F(EngineHostTest, FunctionsTheEngineHasAreNotSentAgain) {
  StartServing();
  Deploy(1, {Spec(1)});
  Deploy(2, {Spec(1), Spec(2, "b")});
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 2}));
  // Forgotten with catalog 3, so it comes again with 4.
  Deploy(3, {Spec(1)});
  Deploy(4, {Spec(1), Spec(2, "b")});
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 2, 2}));
}

TEST_F(EngineHostTest, ACodeCacheOfAnotherBuildIsLeftOut) {
  host_.Start();
  engine().Ready("another");
  Prepare(1, {Spec(1)});
  EXPECT_EQ(engine().sent[3].add_function().code_cache_bytes(), 0u);
  EXPECT_EQ(engine().sent[3].add_function().source_bytes(), 10u);
}

TEST_F(EngineHostTest, ProblemsEndTheChangeAndNameTheFunction) {
  StartServing();
  Deploy(1, {Spec(1)});
  Prepare(2, {Spec(1), Spec(2, "broken")}, {2});
  ipc::Problem problem;
  problem.set_version_id(2);
  problem.set_kind("exception");
  problem.set_message("ReferenceError: x is not defined");
  problem.set_line(3);
  engine().Prepared(2, {problem});
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_EQ(Problems()[0].function, "broken");
  EXPECT_EQ(Problems()[0].number, 2u);
  EXPECT_EQ(Problems()[0].line, 3);
  EXPECT_EQ(engine().last().abort().catalog_version(), 2u);
  EXPECT_EQ(status().catalog_version, 1u);
  EXPECT_TRUE(status().serves_catalog);
  // And the next change is not hindered by it.
  Deploy(3, {Spec(1), Spec(3, "broken")});
}

TEST_F(EngineHostTest, APreparedChangeIsReplacedByANewerOne) {
  StartServing();
  Prepare(1, {Spec(1)});
  engine().Prepared(1);
  Prepare(2, {Spec(2)});
  EXPECT_EQ(engine().sent[5].abort().catalog_version(), 1u);
  engine().Prepared(2);
  Commit();
  engine().Committed(2);
  EXPECT_EQ(status().catalog_version, 2u);
}

TEST_F(EngineHostTest, ANewEngineServesWhatTheDeadOneServed) {
  StartServing();
  Deploy(5, {Spec(1), Spec(2, "b")});
  engine().Exit(kKilled);
  EXPECT_EQ(launcher_.launches(), 2u);
  EXPECT_FALSE(status().serves_catalog);
  EXPECT_EQ(status().state, State::kStarting);
  engine().Ready();
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(engine().last().prepare().warm_size(), 0) << "capacity comes before warmth";
  engine().Prepared(5);
  EXPECT_EQ(engine().last().commit().catalog_version(), 5u);
  engine().Committed(5);
  EXPECT_TRUE(status().serves_catalog);
  EXPECT_EQ(deaths(DeathCause::kKilled), 1u);
}

// The engine dies after each of the messages of a deploy, and the deploy goes through all the same.
TEST_F(EngineHostTest, AChangeSurvivesADeathAtEachStep) {
  enum Step { kStarting, kPreparing, kPrepared, kCommitting };
  uint64_t version = 1;
  StartServing();
  Deploy(version, {Spec(1)});
  for (Step step : {kStarting, kPreparing, kPrepared, kCommitting}) {
    const uint64_t next = version + 1;
    clock_.Advance(RestartPolicy::kStableAfter);
    committed_.reset();
    if (step == kStarting) {
      engine().Exit(kKilled);
      Prepare(next, {Spec(next)});
    } else {
      Prepare(next, {Spec(next)});
      if (step != kPreparing) engine().Prepared(next);
      if (step == kCommitting) Commit();
      engine().Exit(kKilled);
    }
    Recover(version);
    EXPECT_EQ(engine().last().prepare().catalog_version(), next);
    EXPECT_EQ(engine().added().back(), next);
    engine().Prepared(next);
    EXPECT_TRUE(IsPrepared());
    if (step != kCommitting) Commit();
    EXPECT_EQ(engine().last().commit().catalog_version(), next);
    engine().Committed(next);
    EXPECT_TRUE(IsCommitted()) << "step " << step;
    EXPECT_EQ(status().catalog_version, next);
    version = next;
  }
}

TEST_F(EngineHostTest, ADeathInMidReplayIsReplayedAgain) {
  StartServing();
  Deploy(1, {Spec(1)});
  engine().Exit(kKilled);
  engine().Ready();
  engine().Exit(kKilled);
  engine().Ready();
  engine().Prepared(1);
  engine().Exit(kKilled);
  Recover(1);
  EXPECT_TRUE(status().serves_catalog);
  EXPECT_EQ(deaths(DeathCause::kKilled), 3u);
}

TEST_F(EngineHostTest, AChangeThatKeepsKillingTheEngineIsGivenUp) {
  StartServing();
  Deploy(1, {Spec(1)});
  Prepare(2, {Spec(1), Spec(2, "killer")}, {2});
  for (int death = 1; death <= EngineHost::kChangeDeathsMax; ++death) {
    EXPECT_FALSE(prepared_);
    clock_.Advance(RestartPolicy::kStableAfter);
    engine().Exit(kCrashed);
    Recover(1);
  }
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_EQ(Problems()[0].kind, "engine-died");
  EXPECT_EQ(Problems()[0].function, "killer");
  EXPECT_NE(Problems()[0].message.find("SIGSEGV"), std::string::npos);
  EXPECT_TRUE(status().serves_catalog);
  EXPECT_EQ(status().catalog_version, 1u);
}

TEST_F(EngineHostTest, ACommitThatKeepsKillingTheEngineFails) {
  StartServing();
  Deploy(1, {Spec(1)});
  Prepare(2, {Spec(2)});
  engine().Prepared(2);
  Commit();
  for (int death = 1; death <= EngineHost::kChangeDeathsMax; ++death) {
    clock_.Advance(RestartPolicy::kStableAfter);
    engine().Exit(kCrashed);
    Recover(1);
    if (death < EngineHost::kChangeDeathsMax) engine().Prepared(2);
  }
  ASSERT_TRUE(committed_);
  EXPECT_FALSE(committed_->ok());
  EXPECT_EQ(status().catalog_version, 1u);
}

TEST_F(EngineHostTest, AVersionThatTookTheEngineDownThreeTimesIsLeftOut) {
  StartServing();
  Deploy(1, {Spec(1), Spec(2, "bad")});
  for (int death = 0; death < Quarantine::kDeathsMax; ++death) {
    clock_.Advance(RestartPolicy::kStableAfter);
    engine().Fatal(2, "a turn did not stop");
    engine().Exit({true, SIGABRT});
    if (death + 1 < Quarantine::kDeathsMax) Recover(1);
  }
  engine().Ready();
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1}));
  engine().Prepared(1);
  engine().Committed(1);
  EXPECT_EQ(deaths(DeathCause::kFatal), 3u);
  ASSERT_EQ(status().quarantined.size(), 1u);
  EXPECT_EQ(status().quarantined[0].first, "bad");
  ASSERT_EQ(logs_.size(), 1u + Quarantine::kDeathsMax);
  for (const LogRecord& log : logs_) {
    EXPECT_EQ(log.function, "bad");
    EXPECT_EQ(log.severity, "error");
  }
  EXPECT_NE(logs_[0].message.find("a turn did not stop"), std::string::npos);
  EXPECT_NE(logs_.back().message.find("barred"), std::string::npos);

  // Other deploys go on with it left out; a new version of it serves again and ends the quarantine.
  Deploy(2, {Spec(1), Spec(2, "bad"), Spec(3, "c")});
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 3}));
  Deploy(3, {Spec(1), Spec(4, "bad"), Spec(3, "c")});
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 3, 4}));
  EXPECT_TRUE(status().quarantined.empty());
}

TEST_F(EngineHostTest, OneThatGetsRequestsAgainIsTriedAgain) {
  StartServing();
  Deploy(1, {Spec(1), Spec(2, "bad")});
  for (int death = 0; death < Quarantine::kDeathsMax; ++death) {
    clock_.Advance(RestartPolicy::kStableAfter);
    engine().Fatal(2, "a turn did not stop");
    engine().Exit({true, SIGABRT});
    Recover(1);
  }
  EXPECT_FALSE(host_.Pardon({1, 3}));
  EXPECT_EQ(host_.LeftOutIds(), (std::set<uint64_t>{2}));
  EXPECT_TRUE(host_.Pardon({1, 2}));
  EXPECT_TRUE(host_.LeftOutIds().empty());
  EXPECT_TRUE(status().quarantined.empty());
  ASSERT_EQ(logs_.size(), 2u + Quarantine::kDeathsMax);
  EXPECT_EQ(logs_.back().function, "bad");
  EXPECT_EQ(logs_.back().severity, "warn");
  EXPECT_NE(logs_.back().message.find("another chance on worker w1"), std::string::npos) << logs_.back().message;
  Deploy(2, {Spec(1), Spec(2, "bad")});
  EXPECT_EQ(engine().added(), (std::vector<uint64_t>{1, 2}));
}

TEST_F(EngineHostTest, OldDeathsAreForgiven) {
  StartServing();
  Deploy(1, {Spec(1)});
  for (int death = 0; death < 2 * Quarantine::kDeathsMax; ++death) {
    clock_.Advance(Quarantine::kWindow / 2 + kSecond);
    engine().Fatal(1, "once in a while");
    engine().Exit({false, 70});
    Recover(1);
  }
  EXPECT_TRUE(status().quarantined.empty());
}

TEST_F(EngineHostTest, AWordlessCrashIsBlamedOnTheOnlyFunctionThatRan) {
  StartServing();
  Deploy(1, {Spec(1), Spec(2, "busy")});
  const uint32_t row = rows_.Assign("busy");
  for (int death = 0; death < Quarantine::kDeathsMax; ++death) {
    clock_.Advance(RestartPolicy::kStableAfter);
    counters_->shard(1).functions[row].in_flight.Set(3);
    engine().Exit(kCrashed);
    EXPECT_EQ(counters_->shard(1).functions[row].in_flight.Read(), 0u);
    Recover(1);
  }
  EXPECT_EQ(status().quarantined.size(), 1u);
}

TEST_F(EngineHostTest, AKillFromOutsideIsNobodysFault) {
  StartServing();
  Deploy(1, {Spec(1)});
  for (int death = 0; death < 10; ++death) {
    clock_.Advance(RestartPolicy::kStableAfter);
    counters_->shard(0).functions[rows_.Assign("hello")].in_flight.Set(3);
    engine().Exit(kKilled);
    Recover(1);
  }
  EXPECT_TRUE(status().quarantined.empty());
}

TEST_F(EngineHostTest, GaugesOfADeadEngineAreZeroAndCountersStay) {
  StartServing();
  Deploy(1, {Spec(1)});
  ipc::ShardCounters& shard = counters_->shard(0);
  shard.connections_open.Set(9);
  shard.connections_total.Set(100);
  shard.warm_isolates.Set(3);
  engine().Exit(kKilled);
  EXPECT_EQ(shard.connections_open.Read(), 0u);
  EXPECT_EQ(shard.warm_isolates.Read(), 0u);
  EXPECT_EQ(shard.connections_total.Read(), 100u);
}

TEST_F(EngineHostTest, YoungDeathsBackOffAfterAFewAtOnce) {
  host_.Start();
  for (int death = 0; death < RestartPolicy::kImmediate; ++death) engine().Exit({false, 1});
  EXPECT_EQ(launcher_.launches(), 1u + RestartPolicy::kImmediate);
  engine().Exit({false, 1});
  EXPECT_EQ(status().state, State::kBackoff);
  Pass(RestartPolicy::kDelayMin - 1);
  EXPECT_EQ(status().state, State::kBackoff);
  Pass(1);
  EXPECT_EQ(status().state, State::kStarting);
  engine().Exit({false, 1});
  Pass(2 * RestartPolicy::kDelayMin - 1);
  EXPECT_EQ(status().state, State::kBackoff);
  Pass(1);
  EXPECT_EQ(status().state, State::kStarting);
}

// Others' requests do not wait for what one version has done.
TEST_F(EngineHostTest, AVersionsDeathsBackOffNobody) {
  StartServing();
  std::vector<FunctionSpecPtr> specs;
  for (uint64_t id = 1; id <= 10; ++id) specs.push_back(Spec(id, "f" + std::to_string(id)));
  Deploy(1, specs);
  for (uint64_t id = 1; id <= 10; ++id) {
    engine().Fatal(id, "it did not stop");
    engine().Exit({false, 82});
    EXPECT_NE(status().state, State::kBackoff);
    Recover(1);
  }
  EXPECT_EQ(launcher_.launches(), 11u);
  EXPECT_TRUE(status().quarantined.empty());
}

TEST_F(EngineHostTest, AnEngineThatCannotBeStartedIsTriedAgain) {
  launcher_.refuse = 2;
  host_.Start();
  EXPECT_EQ(status().state, State::kBackoff);
  Pass(RestartPolicy::kDelayMin);
  EXPECT_EQ(deaths(DeathCause::kNotStarted), 2u);
  Pass(RestartPolicy::kDelayMax);
  EXPECT_EQ(launcher_.launches(), 1u);
  EXPECT_EQ(status().state, State::kStarting);
}

TEST_F(EngineHostTest, EnginesThatMissADeadlineAreEnded) {
  host_.Start();
  Pass(EngineHost::kReadyTimeout);
  EXPECT_TRUE(engine().killed);
  engine().Exit(kKilled);
  EXPECT_EQ(deaths(DeathCause::kUnresponsive), 1u);
  engine().Ready();
  Prepare(1, {Spec(1)}, {1});
  Pass(EngineHost::kPrepareTimeout);
  EXPECT_FALSE(engine().killed) << "a version to warm has its start-up limit on each shard besides";
  Pass(2 * EngineHost::kStartupCpuDefault);
  EXPECT_TRUE(engine().killed);
  engine().Exit(kKilled);
  engine().Ready();
  engine().Prepared(1);
  Commit();
  Pass(EngineHost::kCommitTimeout);
  EXPECT_TRUE(engine().killed);
  EXPECT_FALSE(committed_);
}

TEST_F(EngineHostTest, NonsenseFromAnEngineEndsItAndNothingElse) {
  StartServing();
  engine().Prepared(99);
  EXPECT_TRUE(engine().killed);
  engine().Exit(kKilled);
  engine().Ready();
  engine().Ready();
  EXPECT_TRUE(engine().killed);
  engine().Exit(kKilled);
  engine().Ready();
  engine().sink->OnMessage(engine().generation, ipc::FromEngine());
  EXPECT_TRUE(engine().killed);
  EXPECT_EQ(deaths(DeathCause::kUnresponsive), 2u);
}

TEST_F(EngineHostTest, LateEventsOfADeadEngineFindNobody) {
  StartServing();
  FakeEngine& old = engine();
  engine().Exit(kKilled);
  old.Ready();
  EXPECT_EQ(status().state, State::kStarting);
  old.Exit(kKilled);
  EXPECT_EQ(launcher_.launches(), 2u);
}

TEST_F(EngineHostTest, ADeafEngineIsSurvived) {
  StartServing();
  engine().deaf = true;
  Prepare(1, {Spec(1)});
  EXPECT_FALSE(prepared_);
  engine().Exit(kKilled);
  engine().Ready();
  engine().Prepared(1);
  EXPECT_TRUE(IsPrepared());
}

TEST_F(EngineHostTest, AFunctionTheNewEngineRefusesIsLeftOutOfTheReplay) {
  StartServing();
  Deploy(1, {Spec(1), Spec(2, "b")});
  engine().Exit(kKilled);
  engine().Ready();
  ipc::Problem problem;
  problem.set_version_id(2);
  engine().Prepared(1, {problem});
  EXPECT_EQ(engine().last().prepare().version_ids_size(), 1);
  engine().Prepared(1);
  engine().Committed(1);
  EXPECT_TRUE(status().serves_catalog);
}

TEST_F(EngineHostTest, ACatalogTheNewEngineRefusesAltogetherWaitsForTheNext) {
  StartServing();
  Deploy(1, {Spec(1)});
  engine().Exit(kKilled);
  engine().Ready();
  engine().Prepared(1, {ipc::Problem()});
  EXPECT_EQ(status().state, State::kServing);
  EXPECT_FALSE(status().serves_catalog);
  Deploy(2, {Spec(1)});
  EXPECT_TRUE(status().serves_catalog);
}

TEST_F(EngineHostTest, AFunctionTooLargeForAMessageIsAProblem) {
  StartServing();
  auto big = std::make_shared<FunctionSpec>();
  big->version_id = 1;
  big->function = "big";
  big->env.emplace_back("X", std::string(5 << 20, 'x'));
  Prepare(1, {big});
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_EQ(Problems()[0].kind, "too-large");
  EXPECT_TRUE(engine().added().empty());
}

TEST_F(EngineHostTest, LogsGetTheirNames) {
  StartServing();
  Deploy(1, {Spec(4, "talker")});
  ipc::FromEngine message;
  ipc::Log* log = message.mutable_logs()->add_records();
  log->set_version_id(4);
  log->set_severity(3);
  log->set_message("hello");
  log->set_request_id("r1");
  message.mutable_logs()->add_records()->set_severity(77);
  engine().sink->OnMessage(engine().generation, message);
  ASSERT_EQ(logs_.size(), 2u);
  EXPECT_EQ(logs_[0].function, "talker");
  EXPECT_EQ(logs_[0].number, 4u);
  EXPECT_EQ(logs_[0].severity, "warn");
  EXPECT_EQ(logs_[1].severity, "log");
}

TEST_F(EngineHostTest, AQuestionAboutCodeIsAboutWhatGetsRequests) {
  std::optional<JitSurvey> told;
  const auto ask = [&](const std::string& function) {
    told.reset();
    host_.AskJit(function, kSecond, [&](JitSurvey survey) { told = std::move(survey); });
  };
  ask("hello");
  EXPECT_NE(told->problem.find("idle"), std::string::npos);
  StartServing();
  Deploy(1, {Spec(1), Spec(2, "other")});
  ask("nobody");
  EXPECT_NE(told->problem.find("does not serve"), std::string::npos);
  ask("hello");
  EXPECT_FALSE(told);
  ASSERT_TRUE(engine().last().has_ask_jit());
  ASSERT_EQ(engine().last().ask_jit().version_ids_size(), 1);
  EXPECT_EQ(engine().last().ask_jit().version_ids(0), 1u);
  EXPECT_EQ(host_.NextDeadline(), clock_.Now() + kSecond + JitSurveys::kAnswerTime);
  ipc::FromEngine answer;
  answer.mutable_jit()->set_id(engine().last().ask_jit().id());
  for (const uint32_t thread : {0, 1}) {
    answer.mutable_jit()->set_thread(thread);
    host_.OnMessage(1, answer);
  }
  ASSERT_TRUE(told);
  EXPECT_EQ(told->versions.size(), 1u);
  ask("hello");
  engine().Exit(kKilled);
  EXPECT_NE(told->problem.find("ended"), std::string::npos);
  Recover(1);
  ask("hello");
  Pass(kSecond + JitSurveys::kAnswerTime);
  EXPECT_EQ(told->threads_silent, 2u);
  EXPECT_FALSE(engine().killed);
}

TEST_F(EngineHostTest, DrainWaitsForTheEngineAndStartsNoOther) {
  StartServing();
  Deploy(1, {Spec(1)});
  bool done = false;
  host_.Drain(3 * kSecond, [&done] { done = true; });
  EXPECT_EQ(engine().last().drain().timeout_ms(), 3000u);
  EXPECT_FALSE(done);
  engine().Exit({false, 0});
  EXPECT_TRUE(done);
  EXPECT_EQ(status().state, State::kStopped);
  EXPECT_EQ(launcher_.launches(), 1u);
}

TEST_F(EngineHostTest, DrainEndsAChangeAndRefusesTheNext) {
  StartServing();
  Prepare(1, {Spec(1)});
  host_.Drain(kSecond, [] {});
  ASSERT_TRUE(prepared_);
  EXPECT_EQ(prepared_->error().code, ErrorCode::kAborted);
  Prepare(2, {Spec(1)});
  EXPECT_EQ(prepared_->error().code, ErrorCode::kAborted);
  Commit();
  EXPECT_EQ(committed_->error().code, ErrorCode::kAborted);
}

TEST_F(EngineHostTest, AnEngineThatDoesNotDrainIsKilled) {
  StartServing();
  bool done = false;
  host_.Drain(kSecond, [&done] { done = true; });
  Pass(kSecond + EngineHost::kDrainGrace);
  EXPECT_TRUE(engine().killed);
  engine().Exit(kKilled);
  EXPECT_TRUE(done);
}

TEST_F(EngineHostTest, DrainWithoutAnEngineIsDoneAtOnce) {
  launcher_.refuse = 1;
  host_.Start();
  bool done = false;
  host_.Drain(kSecond, [&done] { done = true; });
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace zts::supervisor
