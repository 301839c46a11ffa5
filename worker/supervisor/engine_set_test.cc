#include "worker/supervisor/engine_set.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "worker/engine/limits.h"
#include "worker/supervisor/testing/fake_engine.h"

namespace zts::supervisor {
namespace {

using State = EngineStatus::State;

constexpr ExitStatus kKilled{true, SIGKILL};
constexpr ExitStatus kEnded{false, 0};

// A set over fake engines; what they say is heard at once.
class EngineSetTest : public ::testing::Test {
 protected:
  EngineSetTest()
      : counters_(std::move(*ipc::SharedCounters::Create(2, 2 + 2 * kEngineClassesMax))),
        rows_(counters_.get(), &clock_),
        version_rows_(counters_.get(), &clock_),
        set_(Options()) {}

  EngineSet::Options Options() {
    EngineSet::Options options;
    options.setup = {"auto", {}, "web.snapshot", "w1", {90, 91}};
    options.setup.memory_budget_bytes = 900;
    options.own = {"lazy", 0, ""};
    options.clock = &clock_;
    options.counters = counters_.get();
    options.rows = &rows_;
    options.version_rows = &version_rows_;
    options.make_launcher = [this](const EngineClass& of) {
      auto launcher = std::make_unique<FakeLauncher>();
      launchers_[of.Name()] = launcher.get();
      return launcher;
    };
    options.grow_counters = [this](uint32_t blocks) { counters_->Grow(blocks); };
    options.post = [](std::function<void()> task) { task(); };
    options.on_logs = [](std::vector<LogRecord>) {};
    options.on_status = [] {};
    return options;
  }

  static FunctionSpecPtr Spec(uint64_t id, const std::string& function, EngineClass of = {}) {
    auto spec = std::make_shared<FunctionSpec>();
    spec->version_id = id;
    spec->function = function;
    spec->number = id;
    spec->artifact_key = "key";
    spec->source_bytes = 10;
    spec->engine_class = std::move(of);
    return spec;
  }
  FakeEngine& Engine(const std::string& name = "default") { return launchers_.at(name)->engine(); }
  bool Has(const std::string& name) const { return launchers_.count(name) > 0; }

  // As a deploy does: what the catalog names is to be warm.
  void Prepare(CatalogSpec catalog) {
    std::vector<uint64_t> warm;
    catalog.ForEach([&](const FunctionSpecPtr& spec) { warm.push_back(spec->version_id); });
    Prepare(std::move(catalog), std::move(warm));
  }
  // As a start does, with none.
  void Prepare(CatalogSpec catalog, std::vector<uint64_t> warm) {
    prepared_.reset();
    set_.Prepare(std::move(catalog), std::move(warm), [this](Result<std::vector<Problem>> result) { prepared_ = std::move(result); });
  }
  void Commit() {
    committed_.reset();
    set_.Commit([this](Status status) { committed_ = std::move(status); });
  }
  bool IsPrepared() const { return prepared_ && prepared_->ok() && (*prepared_)->empty(); }
  bool IsCommitted() const { return committed_ && committed_->ok(); }
  void Pass(Nanos time) {
    clock_.Advance(time);
    set_.OnTime();
  }
  // Up to the second step of what a class's engine and the default one have to do for a catalog.
  void Serve(uint64_t version, const std::string& name) {
    Engine(name).Ready();
    Engine(name).Prepared(version);
    Engine().Prepared(version);
    ASSERT_TRUE(IsPrepared());
    Commit();
    Engine().Committed(version);
    Engine(name).Committed(version);
    ASSERT_TRUE(IsCommitted());
  }
  static const ipc::AddFunction* Added(const FakeEngine& engine, uint64_t id) {
    for (const ipc::ToEngine& message : engine.sent) {
      if (message.has_add_function() && message.add_function().version_id() == id) return &message.add_function();
    }
    return nullptr;
  }
  static size_t Connects(const FakeEngine& engine) {
    size_t count = 0;
    for (const ipc::ToEngine& message : engine.sent) count += message.has_connect_class() || message.has_connect_front() ? 1 : 0;
    return count;
  }

  FakeClock clock_;
  std::map<std::string, FakeLauncher*> launchers_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  CounterRows rows_;
  VersionRows version_rows_;
  EngineSet set_;
  std::optional<Result<std::vector<Problem>>> prepared_;
  std::optional<Status> committed_;
};

const EngineClass kDisabled{"disabled", 0, ""};
const EngineClass kAcme{"", 0, "acme"};

TEST_F(EngineSetTest, WithoutClassesThereIsOneEngine) {
  set_.Start();
  Engine().Ready();
  // The worker's own policy, written out, is no class.
  Prepare({1, {Spec(1, "a"), Spec(2, "b", {"lazy", 0, ""})}});
  Engine().Prepared(1);
  ASSERT_TRUE(IsPrepared());
  Commit();
  Engine().Committed(1);
  EXPECT_TRUE(IsCommitted());
  EXPECT_EQ(launchers_.size(), 1u);
  EXPECT_EQ(Added(Engine(), 2)->engine_class(), 0u);
  EXPECT_EQ(Engine().sent[0].configure().memory_budget_bytes(), 900u);
  EXPECT_EQ(counters_->shards(), 2u);
}

TEST_F(EngineSetTest, AVersionOfAClassIsGivenToItsEngineAndLeadsThere) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "b", kDisabled)}}, {1, 2});
  ASSERT_TRUE(Has("jit=disabled"));
  FakeEngine& its = Engine("jit=disabled");
  EXPECT_TRUE(its.sent[0].configure().without_listeners());
  EXPECT_EQ(its.sent[0].configure().shards(), 2u);
  EXPECT_EQ(its.sent[0].configure().first_counters(), 2u);
  EXPECT_EQ(counters_->shards(), 4u);
  EXPECT_EQ(Added(Engine(), 1), nullptr);  // the default engine comes last
  its.Ready();
  EXPECT_EQ(Connects(its), 2u);
  EXPECT_EQ(Connects(Engine()), 2u);
  EXPECT_EQ(its.added(), (std::vector<uint64_t>{2}));
  EXPECT_EQ(its.last().prepare().warm_size(), 1);
  its.Prepared(1);
  EXPECT_FALSE(IsPrepared());
  const ipc::AddFunction* away = Added(Engine(), 2);
  ASSERT_NE(away, nullptr);
  EXPECT_EQ(away->engine_class(), 1u);
  EXPECT_EQ(away->source_bytes(), 0u);
  EXPECT_EQ(away->counter_row(), Added(its, 2)->counter_row());
  Engine().Prepared(1);
  ASSERT_TRUE(IsPrepared());
  Commit();
  EXPECT_FALSE(its.last().has_commit());  // until the default engine has switched
  Engine().Committed(1);
  EXPECT_TRUE(its.last().has_commit());
  EXPECT_FALSE(committed_.has_value());
  its.Committed(1);
  EXPECT_TRUE(IsCommitted());
  ASSERT_EQ(set_.classes().size(), 1u);
  EXPECT_EQ(set_.classes()[0].name, "jit=disabled");
}

TEST_F(EngineSetTest, NamespacesAndPoliciesMakeDifferentClasses) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a.acme", kAcme), Spec(2, "b.acme", kAcme), Spec(3, "c.acme", {"disabled", 0, "acme"}), Spec(4, "d", kDisabled),
               Spec(5, "e", {"lazy", 500, ""})}});
  for (const char* name : {"namespace=acme", "jit=disabled namespace=acme", "jit=disabled", "jit=lazy:500"}) {
    ASSERT_TRUE(Has(name)) << name;
    Engine(name).Ready();
    Engine(name).Prepared(1);
  }
  EXPECT_EQ(set_.classes().size(), 4u);
  EXPECT_EQ(Engine("namespace=acme").added(), (std::vector<uint64_t>{1, 2}));
  // 900 between five.
  EXPECT_EQ(Engine("jit=lazy:500").sent[0].configure().memory_budget_bytes(), 180u);
  const auto told = [&] {
    uint64_t bytes = 0;
    for (const ipc::ToEngine& message : Engine().sent) {
      if (message.has_set_memory_budget()) bytes = message.set_memory_budget().bytes();
    }
    return bytes;
  };
  EXPECT_EQ(told(), 180u);
}

TEST_F(EngineSetTest, AChangeThatIsNotAClasssDoesNotAskIt) {
  set_.Start();
  Engine().Ready();
  const FunctionSpecPtr its = Spec(2, "b", kDisabled);
  Prepare({1, {Spec(1, "a"), its}});
  Serve(1, "jit=disabled");
  const size_t sent = Engine("jit=disabled").sent.size();
  Engine("jit=disabled").Exit(kKilled);  // it may even be away
  Prepare({2, {Spec(3, "a"), its}});
  Engine().Prepared(2);
  ASSERT_TRUE(IsPrepared());
  Commit();
  Engine().Committed(2);
  EXPECT_TRUE(IsCommitted());
  EXPECT_GT(sent, 0u);
  EXPECT_EQ(launchers_.at("jit=disabled")->launches(), 2u);
}

TEST_F(EngineSetTest, WhoeverIsNewIsConnectedAgain) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(2, "b", kDisabled)}});
  Serve(1, "jit=disabled");
  Engine("jit=disabled").Exit(kKilled);
  EXPECT_EQ(set_.status().state, State::kServing);  // the default engine has nothing to do with it
  FakeEngine& second = Engine("jit=disabled");
  second.Ready();
  EXPECT_EQ(Connects(second), 0u);  // not before it has its versions
  second.Prepared(1);
  second.Committed(1);
  EXPECT_EQ(Connects(second), 2u);
  EXPECT_EQ(Connects(Engine()), 4u);
  Engine().Exit(kKilled);
  Engine().Ready();
  EXPECT_EQ(Added(Engine(), 2)->engine_class(), 1u);
  Engine().Prepared(1);
  Engine().Committed(1);
  EXPECT_EQ(Connects(Engine()), 2u);
  EXPECT_EQ(Connects(second), 4u);
}

TEST_F(EngineSetTest, WhatAClassRefusesIsNotServedByAnybody) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(2, "b", kDisabled)}});
  Engine("jit=disabled").Ready();
  ipc::Problem problem;
  problem.set_version_id(2);
  problem.set_kind("exception");
  Engine("jit=disabled").Prepared(1, {problem});
  ASSERT_TRUE(prepared_ && prepared_->ok());
  ASSERT_EQ((*prepared_)->size(), 1u);
  EXPECT_EQ((**prepared_)[0].function, "b");
  EXPECT_EQ(Added(Engine(), 2), nullptr);
  Pass(kClassLeaveTime);
  EXPECT_TRUE(Engine("jit=disabled").last().has_drain());
}

TEST_F(EngineSetTest, WhatTheDefaultEngineRefusesAClassForgets) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "b", kDisabled)}});
  Engine("jit=disabled").Ready();
  Engine("jit=disabled").Prepared(1);
  ipc::Problem problem;
  problem.set_version_id(1);
  Engine().Prepared(1, {problem});
  EXPECT_FALSE(IsPrepared());
  EXPECT_TRUE(Engine("jit=disabled").last().has_abort());
}

TEST_F(EngineSetTest, AClassWithoutFunctionsEndsWhenNothingCanBeOnItsWay) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(2, "b", kDisabled)}});
  Serve(1, "jit=disabled");
  Prepare({2, {}});
  Engine().Prepared(2);
  Commit();
  Engine().Committed(2);
  ASSERT_TRUE(IsCommitted());
  EXPECT_FALSE(Engine("jit=disabled").last().has_drain());
  Pass(kClassLeaveTime - 1);
  EXPECT_FALSE(Engine("jit=disabled").last().has_drain());
  EXPECT_EQ(set_.NextDeadline(), clock_.Now() + 1);
  Pass(1);
  EXPECT_TRUE(Engine("jit=disabled").last().has_drain());
  Engine("jit=disabled").Exit(kEnded);
  Pass(0);
  EXPECT_TRUE(set_.classes().empty());
}

TEST_F(EngineSetTest, OneThatIsNeededAgainStays) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(2, "b", kDisabled)}});
  Serve(1, "jit=disabled");
  Prepare({2, {}});
  Engine().Prepared(2);
  Commit();
  Engine().Committed(2);
  Prepare({3, {Spec(3, "b", kDisabled)}});
  Pass(kClassLeaveTime * 3 / 2);  // less than an engine has for its answer
  EXPECT_FALSE(Engine("jit=disabled").last().has_drain());
  Engine("jit=disabled").Prepared(3);
  Engine().Prepared(3);
  Commit();
  Engine().Committed(3);
  Engine("jit=disabled").Committed(3);
  ASSERT_TRUE(IsCommitted());
  Pass(kClassLeaveTime * 3 / 2);  // less than an engine has for its answer
  EXPECT_FALSE(Engine("jit=disabled").last().has_drain());
  EXPECT_EQ(launchers_.at("jit=disabled")->launches(), 1u);
}

TEST_F(EngineSetTest, ClassesAreBounded) {
  set_.Start();
  Engine().Ready();
  CatalogSpec catalog{1, {}};
  std::vector<uint64_t> warm;
  for (uint32_t i = 1; i <= kEngineClassesMax + 1; ++i) {
    catalog.functions.push_back(Spec(i, "f" + std::to_string(i), {"lazy", i, ""}));
    warm.push_back(i);
  }
  Prepare(catalog, warm);
  ASSERT_TRUE(prepared_ && prepared_->ok());
  ASSERT_EQ((*prepared_)->size(), 1u);
  EXPECT_EQ((**prepared_)[0].kind, "engine-classes");
  EXPECT_EQ((**prepared_)[0].number, kEngineClassesMax + 1);
  EXPECT_NE((**prepared_)[0].message.find("jit=lazy:1"), std::string::npos);
  // What a worker serves already, and has no engine for after a start with another policy, is left out: the others go on.
  Prepare(catalog, {});
  Engine().Prepared(1);
  EXPECT_TRUE(IsPrepared());
  EXPECT_EQ(Added(Engine(), kEngineClassesMax + 1), nullptr);
}

TEST_F(EngineSetTest, AStartDoesNotWaitForClasses) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "b", kDisabled)}}, {});
  Engine().Prepared(1);
  ASSERT_TRUE(IsPrepared());
  Commit();
  Engine().Committed(1);
  EXPECT_TRUE(IsCommitted());
  FakeEngine& its = Engine("jit=disabled");
  its.Ready();
  EXPECT_EQ(its.added(), (std::vector<uint64_t>{2}));
  its.Prepared(1);
  its.Committed(1);
  EXPECT_EQ(Connects(its), 2u);
}

TEST_F(EngineSetTest, ACanaryOfAnotherClassIsServedThere) {
  set_.Start();
  Engine().Ready();
  const FunctionSpecPtr active = Spec(1, "a"), canary = Spec(2, "a", kDisabled);
  CatalogSpec catalog{1, {active}};
  catalog.splits.push_back({active, canary, 1000, "", ""});
  Prepare(catalog);
  Engine("jit=disabled").Ready();
  const ipc::Prepare& part = Engine("jit=disabled").last().prepare();
  EXPECT_EQ(part.version_ids_size(), 1);
  EXPECT_EQ(part.splits_size(), 0);
  Engine("jit=disabled").Prepared(1);
  const ipc::Prepare& whole = Engine().last().prepare();
  ASSERT_EQ(whole.splits_size(), 1);
  EXPECT_EQ(whole.splits(0).canary(), 2u);
  EXPECT_EQ(Added(Engine(), 2)->engine_class(), 1u);
}

TEST_F(EngineSetTest, TheDefaultEngineDrainsFirst) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(2, "b", kDisabled)}});
  Serve(1, "jit=disabled");
  set_.Drain(10 * kSecond);
  EXPECT_TRUE(Engine().last().has_drain());
  EXPECT_FALSE(Engine("jit=disabled").last().has_drain());
  Engine().Exit(kEnded);
  EXPECT_TRUE(Engine("jit=disabled").last().has_drain());
  Pass(0);
  EXPECT_EQ(set_.status().state, State::kDraining);
  Engine("jit=disabled").Exit(kEnded);
  Pass(0);
  EXPECT_EQ(set_.status().state, State::kStopped);
}

TEST_F(EngineSetTest, AClassThatDoesNotCommitIsBroughtThere) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(2, "b", kDisabled)}});
  Engine("jit=disabled").Ready();
  Engine("jit=disabled").Prepared(1);
  Engine().Prepared(1);
  Commit();
  Engine().Committed(1);
  for (int death = 0; death < EngineHost::kChangeDeathsMax; ++death) {
    ASSERT_TRUE(Engine("jit=disabled").last().has_commit());
    const size_t launches = launchers_.at("jit=disabled")->launches();
    Engine("jit=disabled").Exit(kKilled);
    if (launchers_.at("jit=disabled")->launches() == launches) Pass(set_.NextDeadline() - clock_.Now());
    if (IsCommitted()) break;
    Engine("jit=disabled").Ready();
    Engine("jit=disabled").Prepared(1);
  }
  EXPECT_TRUE(IsCommitted());
  Engine("jit=disabled").Ready();
  EXPECT_EQ(Engine("jit=disabled").last().prepare().version_ids_size(), 1);
}

// As the default engine does with its own: nothing leads to it, and others notice nothing.
class EngineSetQuarantineTest : public EngineSetTest {
 protected:
  static constexpr const char* kName = "jit=disabled";
  // Of version 2, in the class's engine; catalog 1.
  void Die(int times) {
    for (int death = 0; death < times; ++death) {
      clock_.Advance(RestartPolicy::kStableAfter);
      Engine(kName).Fatal(2, "a turn did not stop");
      Engine(kName).Exit({true, SIGABRT});
      Engine(kName).Ready();
      Engine(kName).Prepared(1);
      Engine(kName).Committed(1);
    }
  }
  // What the engine has been asked for last.
  static const ipc::Prepare& Asked(const FakeEngine& engine) {
    const auto last = std::find_if(engine.sent.rbegin(), engine.sent.rend(), [](const ipc::ToEngine& one) { return one.has_prepare(); });
    return last->prepare();
  }
  static std::vector<uint64_t> Named(const FakeEngine& engine) {
    const auto& ids = Asked(engine).version_ids();
    return {ids.begin(), ids.end()};
  }
};

TEST_F(EngineSetQuarantineTest, AVersionThatItsClassGoesWithoutIsLeftOutOfTheWhole) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "bad", kDisabled), Spec(3, "good", kAcme)}});
  FakeEngine& other = Engine("namespace=acme");
  other.Ready();
  Engine(kName).Ready();
  other.Prepared(1);
  Engine(kName).Prepared(1);
  Engine().Prepared(1);
  Commit();
  Engine().Committed(1);
  Engine(kName).Committed(1);
  other.Committed(1);
  ASSERT_TRUE(IsCommitted());
  Die(Quarantine::kDeathsMax - 1);
  EXPECT_TRUE(Engine().last().has_connect_class());
  const size_t connects = Connects(other);
  Die(1);
  ASSERT_TRUE(Engine().last().has_prepare());
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{1, 3}));
  EXPECT_TRUE(set_.status().answers());  // by what it has, all the while
  Engine().Prepared(1);
  Engine().Committed(1);
  EXPECT_EQ(set_.status().state, State::kServing);
  EXPECT_EQ(Connects(other), connects);  // a new socket would end what is under way
  EXPECT_TRUE(Engine().last().has_connect_class());  // to the one that is new

  // Another version ends it.
  Prepare({2, {Spec(1, "a"), Spec(4, "bad", kDisabled), Spec(3, "good", kAcme)}});
  Engine(kName).Prepared(2);
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{1, 4, 3}));
}

TEST_F(EngineSetQuarantineTest, ACanaryThatItsClassGoesWithoutLeavesItsShare) {
  set_.Start();
  Engine().Ready();
  CatalogSpec catalog{1, {Spec(1, "a")}};
  catalog.splits.push_back({catalog.functions[0], Spec(2, "a", kDisabled), 500, "", ""});
  Prepare(catalog);
  Serve(1, kName);
  EXPECT_EQ(Asked(Engine()).splits_size(), 1);
  Die(Quarantine::kDeathsMax);
  EXPECT_EQ(Asked(Engine()).splits_size(), 0);
}

TEST_F(EngineSetQuarantineTest, OneThatSomebodyGoesBackToIsTriedAgain) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "bad", kDisabled)}});
  Serve(1, kName);
  Die(Quarantine::kDeathsMax);
  Engine().Prepared(1);
  Engine().Committed(1);
  // What replaces it leaves it on standby, out of either engine.
  Prepare({2, {Spec(1, "a"), Spec(3, "bad", kDisabled)}, {}, {Spec(2, "bad", kDisabled)}});
  EXPECT_EQ(Named(Engine(kName)), (std::vector<uint64_t>{3}));
  EXPECT_EQ(Asked(Engine(kName)).besides_size(), 0);
  Engine(kName).Prepared(2);
  Engine().Prepared(2);
  Commit();
  Engine().Committed(2);
  Engine(kName).Committed(2);
  Prepare({3, {Spec(1, "a"), Spec(2, "bad", kDisabled)}, {}, {Spec(3, "bad", kDisabled)}});
  EXPECT_TRUE(set_.classes()[0].engine.quarantined.empty());
  EXPECT_EQ(Named(Engine(kName)), (std::vector<uint64_t>{2}));
  Engine(kName).Prepared(3);
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{1, 2}));
  Engine().Prepared(3);
  EXPECT_TRUE(IsPrepared());
}

TEST_F(EngineSetQuarantineTest, OneThatComesFromAnotherClassToo) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "bad", kDisabled)}});
  Serve(1, kName);
  Die(Quarantine::kDeathsMax);
  Engine().Prepared(1);
  Engine().Committed(1);
  // The class's engine is not asked: it has nothing to serve in it.
  Prepare({2, {Spec(1, "a"), Spec(3, "bad")}, {}, {Spec(2, "bad", kDisabled)}});
  Engine().Prepared(2);
  Commit();
  Engine().Committed(2);
  ASSERT_TRUE(IsCommitted());
  Prepare({3, {Spec(1, "a"), Spec(2, "bad", kDisabled)}, {}, {Spec(3, "bad")}});
  EXPECT_EQ(Named(Engine(kName)), (std::vector<uint64_t>{2}));
  Engine(kName).Prepared(3);
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{1, 2}));
  Engine().Prepared(3);
  EXPECT_TRUE(IsPrepared());
}

TEST_F(EngineSetQuarantineTest, ACanaryThatBecomesTheActiveVersionIsTriedAgain) {
  set_.Start();
  Engine().Ready();
  CatalogSpec catalog{1, {Spec(1, "a")}};
  catalog.splits.push_back({catalog.functions[0], Spec(2, "a", kDisabled), 500, "", ""});
  Prepare(catalog);
  Serve(1, kName);
  Die(Quarantine::kDeathsMax);
  Engine().Prepared(1);
  Engine().Committed(1);
  // Another share is no other use.
  catalog.version = 2;
  catalog.splits[0].share = 900;
  Prepare(catalog);
  EXPECT_EQ(Asked(Engine()).splits_size(), 0);
  Engine().Prepared(2);
  Commit();
  Engine().Committed(2);
  ASSERT_TRUE(IsCommitted());
  Prepare({3, {Spec(2, "a", kDisabled)}, {}, {Spec(1, "a")}});
  Engine(kName).Prepared(3);
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{2}));
}

TEST_F(EngineSetQuarantineTest, AChangeUnderWayComesFirst) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "bad", kDisabled)}});
  Serve(1, kName);
  Die(Quarantine::kDeathsMax - 1);
  Prepare({2, {Spec(3, "a"), Spec(2, "bad", kDisabled)}});
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{3, 2}));
  Die(1);
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{3, 2}));
  Engine().Prepared(2);
  ASSERT_TRUE(IsPrepared());
  Commit();
  Engine().Committed(2);
  EXPECT_TRUE(IsCommitted());
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{3}));
}

TEST_F(EngineSetQuarantineTest, ADefaultEngineThatIsAwayLearnsOfItWhenItComes) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "bad", kDisabled)}});
  Serve(1, kName);
  Die(Quarantine::kDeathsMax - 1);
  Engine().Exit(kKilled);
  Engine().Ready();
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{1, 2}));
  Die(1);  // in the middle of its catalog
  Engine().Prepared(1);
  Engine().Committed(1);
  EXPECT_EQ(Named(Engine()), (std::vector<uint64_t>{1}));
}

TEST_F(EngineSetQuarantineTest, ADeathNamesItsClass) {
  set_.Start();
  Engine().Ready();
  Prepare({1, {Spec(1, "a"), Spec(2, "bad", kDisabled)}});
  Serve(1, kName);
  const pid_t pid = set_.classes()[0].engine.pid;
  Engine(kName).Exit({true, SIGKILL});
  EXPECT_EQ(set_.classes()[0].engine.last_death.find("engine " + std::to_string(pid) + " (jit=disabled) ended with "), 0u)
      << set_.classes()[0].engine.last_death;
}

}  // namespace
}  // namespace zts::supervisor
