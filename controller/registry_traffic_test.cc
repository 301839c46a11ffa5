// Which of a function's versions serve: going back, canaries, promotions, configuration.
#include <gtest/gtest.h>

#include "controller/limits.h"
#include "controller/registry.h"
#include "controller/store/testing/memory_store.h"

namespace zts::controller {
namespace {

using Role = Registry::VersionItem::Role;

class RegistryTrafficTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    auto opened = Registry::Open(store_, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    registry_ = std::move(opened).value();
  }

  Result<Deployed> TryDeploy(std::optional<CanaryShare> canary = {}, std::vector<std::string> routes = {}, std::string function = "f") {
    const std::string bundle = "bundle " + std::to_string(++bundles_);
    NewVersion wanted;
    wanted.function = std::move(function);
    wanted.main_module = "main.js";
    wanted.config.routes = std::move(routes);
    wanted.bundle = bundle;
    wanted.bundle_digest = Sha256Of(bundle);
    wanted.actor = {"ann", "because"};
    wanted.canary = std::move(canary);
    return registry_->Deploy(std::move(wanted));
  }
  // A version that every worker has served.
  void Deploy() {
    ASSERT_TRUE(TryDeploy().ok());
    Serve();
  }
  void Serve() { registry_->NoteServed(registry_->catalog()->version); }

  const CatalogEntry& Entry() {
    catalog_ = registry_->catalog();
    const CatalogEntry* entry = catalog_->Find("f");
    EXPECT_NE(entry, nullptr);
    return *entry;
  }
  uint64_t Active() { return Entry().version->number; }
  std::vector<uint64_t> Warm() {
    std::vector<uint64_t> numbers;
    for (const VersionPtr& version : Entry().warm) numbers.push_back(version->number);
    return numbers;
  }
  std::string LastEvent() {
    const auto story = registry_->History("f");
    const HistoryEvent& event = story->events.back();
    return event.what + " v" + std::to_string(event.number) + " " + std::to_string(event.share);
  }

  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<Registry> registry_;
  CatalogPtr catalog_;
  int bundles_ = 0;
};

TEST_F(RegistryTrafficTest, RollbackGoesToTheVersionBefore) {
  Deploy();
  Deploy();
  Deploy();
  EXPECT_EQ(Warm(), (std::vector<uint64_t>{2, 1}));
  const auto back = registry_->Rollback("f", 0, {"bob", "broken"});
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back->version->number, 2u);
  EXPECT_EQ(Active(), 2u);
  EXPECT_EQ(Warm(), (std::vector<uint64_t>{3, 1})) << "what was left is kept too, to go forward again";
  EXPECT_EQ(LastEvent(), "rolled-back v2 10000");
  EXPECT_EQ(registry_->History("f")->events.back().by, "bob");
  Serve();
  ASSERT_TRUE(registry_->Rollback("f", 0, {}).ok());
  EXPECT_EQ(Active(), 1u) << "further back, not forth";
  EXPECT_EQ(registry_->Rollback("f", 0, {}).error().code, ErrorCode::kInvalid) << "nothing is before it";
  ASSERT_TRUE(registry_->Rollback("f", 3, {}).ok());
  EXPECT_EQ(Active(), 3u);
  EXPECT_EQ(registry_->Rollback("f", 3, {}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(registry_->Rollback("f", 9, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry_->Rollback("g", 0, {}).error().code, ErrorCode::kNotFound);
}

TEST_F(RegistryTrafficTest, StateIsTheSameAfterARestart) {
  Deploy();
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{2500, {Sticky::By::kCookie, "sid"}}).ok());
  const auto warm = Warm();
  const auto story = *registry_->History("f");
  Reopen();
  EXPECT_EQ(Active(), 2u);
  EXPECT_EQ(Warm(), warm);
  EXPECT_EQ(Entry().canary->number, 3u);
  EXPECT_EQ(Entry().canary_traffic, (CanaryShare{2500, {Sticky::By::kCookie, "sid"}}));
  EXPECT_EQ(registry_->History("f")->events, story.events);
}

TEST_F(RegistryTrafficTest, ARollbackThatWorkersRefuseIsTakenBackAndTheVersionStays) {
  Deploy();
  Deploy();
  ASSERT_TRUE(registry_->Rollback("f", 1, {}).ok());
  ASSERT_TRUE(registry_->Reject("f", 1).ok());
  EXPECT_EQ(Active(), 2u);
  EXPECT_EQ(registry_->Versions("f")->size(), 2u);
  EXPECT_EQ(LastEvent(), "refused v1 0");
}

TEST_F(RegistryTrafficTest, ADeployThatWorkersRefuseIsNoVersionToGoBackTo) {
  Deploy();
  Deploy();
  ASSERT_TRUE(TryDeploy().ok());
  ASSERT_TRUE(registry_->Reject("f", 3).ok());
  EXPECT_EQ(Active(), 2u);
  Deploy();
  EXPECT_EQ(registry_->Rollback("f", 0, {})->version->number, 2u);
}

TEST_F(RegistryTrafficTest, ACanaryRunsBesideTheActiveVersion) {
  EXPECT_EQ(TryDeploy(CanaryShare{1000, {}}).error().code, ErrorCode::kInvalid) << "beside nothing";
  Deploy();
  const auto deployed = TryDeploy(CanaryShare{1000, {}});
  ASSERT_TRUE(deployed.ok()) << deployed.error().message;
  EXPECT_EQ(Active(), 1u);
  EXPECT_EQ(Entry().canary->number, 2u);
  EXPECT_EQ(Entry().canary_traffic.share, 1000u);
  const auto versions = *registry_->Versions("f");
  EXPECT_EQ(versions[0].role, Role::kCanary);
  EXPECT_EQ(versions[0].share, 1000u);
  EXPECT_EQ(versions[1].role, Role::kActive);
  EXPECT_EQ(versions[1].share, 9000u);
  ASSERT_TRUE(registry_->SetShare("f", 0, {5000, {}}, {}).ok());
  EXPECT_EQ(LastEvent(), "canary v2 5000");
  ASSERT_TRUE(registry_->Promote("f", 0, {}).ok());
  EXPECT_EQ(Active(), 2u);
  EXPECT_EQ(Entry().canary, nullptr);
  EXPECT_EQ(LastEvent(), "promoted v2 10000");
  EXPECT_EQ(registry_->Promote("f", 0, {}).error().code, ErrorCode::kInvalid);
}

TEST_F(RegistryTrafficTest, RollbackTakesTheCanaryAwayFirst) {
  Deploy();
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{1000, {}}).ok());
  const auto back = registry_->Rollback("f", 0, {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->version->number, 2u);
  EXPECT_EQ(Entry().canary, nullptr);
  EXPECT_EQ(registry_->Rollback("f", 0, {})->version->number, 1u) << "the canary has never served alone";
}

TEST_F(RegistryTrafficTest, WorkersMayRefuseACanaryOnlyUntilItHasServed) {
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{1000, {}}).ok());
  ASSERT_TRUE(registry_->Reject("f", 2).ok());
  EXPECT_EQ(Active(), 1u);
  EXPECT_EQ(Entry().canary, nullptr);
  ASSERT_TRUE(TryDeploy(CanaryShare{1000, {}}).ok());
  Serve();
  ASSERT_TRUE(registry_->SetShare("f", 0, {5000, {}}, {}).ok());
  EXPECT_EQ(registry_->Reject("f", 3).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(registry_->Reject("f", 1).error().code, ErrorCode::kInvalid) << "a new share takes nothing from what the active one has proven";
}

TEST_F(RegistryTrafficTest, ADeployEndsTheCanary) {
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{1000, {}}).ok());
  Deploy();
  EXPECT_EQ(Active(), 3u);
  EXPECT_EQ(Entry().canary, nullptr);
}

TEST_F(RegistryTrafficTest, RoutesOfACanaryAreTakenAndThoseOfAnOldVersionAreNot) {
  ASSERT_TRUE(TryDeploy({}, {"/old"}).ok());
  Serve();
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{0, {}}, {"/new"}).ok());
  EXPECT_FALSE(TryDeploy({}, {"/new"}, "g").ok());
  ASSERT_TRUE(TryDeploy({}, {"/old"}, "g").ok());
  const auto back = registry_->Rollback("f", 1, {});
  ASSERT_FALSE(back.ok());
  EXPECT_NE(back.error().message.find("belongs to function 'g'"), std::string::npos) << back.error().message;
  EXPECT_EQ(Active(), 2u);
}

TEST_F(RegistryTrafficTest, ConfigurationIsANewVersionOfTheSameCode) {
  Deploy();
  const auto changed = registry_->Configure(
      "f",
      [](VersionConfig& config) {
        config.env["A"] = "1";
        return Status();
      },
      {"ann", ""});
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(changed->version->number, 2u);
  EXPECT_EQ(changed->version->based_on, 1u);
  EXPECT_EQ(changed->version->bundle_digest, (*registry_->Versions("f"))[1].version->bundle_digest);
  EXPECT_EQ(Active(), 2u);
  EXPECT_EQ(Entry().version->config.env.at("A"), "1");
  EXPECT_EQ(store_.blob_count(), 1u);
  const auto again = registry_->Configure("f", [](VersionConfig&) { return Status(); }, {});
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
  const auto bad = registry_->Configure(
      "f",
      [](VersionConfig& config) {
        config.env["not a name"] = "";
        return Status();
      },
      {});
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Active(), 2u);
  ASSERT_TRUE(TryDeploy(CanaryShare{1000, {}}).ok());
  EXPECT_EQ(registry_->Configure("f", [](VersionConfig&) { return Status(); }, {}).error().code, ErrorCode::kInvalid) << "a canary runs";
}

TEST_F(RegistryTrafficTest, PromotionGoesStepByStepAndSurvivesARestart) {
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{0, {}}).ok());
  Promotion plan;
  plan.steps = {100, 5000, 10'000};
  ASSERT_TRUE(registry_->StartPromotion("f", 0, plan, {}, {"ann", ""}).ok());
  EXPECT_EQ(Entry().canary_traffic.share, 100u);
  ASSERT_TRUE(registry_->NextStep("f", 2, {}).ok());
  Reopen();
  const auto running = registry_->Promotions();
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running[0].promotion.step, 1u);
  EXPECT_EQ(running[0].promotion.by, "ann");
  EXPECT_EQ(running[0].promotion.samples_min, kSamplesMinDefault);
  EXPECT_EQ(running[0].canary.traffic.share, 5000u);
  ASSERT_TRUE(registry_->StopPromotion("f", {}).ok());
  EXPECT_TRUE(registry_->Promotions().empty());
  EXPECT_EQ(Entry().canary_traffic.share, 5000u);
  EXPECT_EQ(registry_->NextStep("f", 2, {}).error().code, ErrorCode::kAborted);
  EXPECT_EQ(registry_->Withdraw("f", 1, {}).error().code, ErrorCode::kAborted);
  ASSERT_TRUE(registry_->Withdraw("f", 2, {}).ok());
  EXPECT_EQ(Entry().canary, nullptr);
}

TEST_F(RegistryTrafficTest, PromotionsThatMeanNothingAreRefused) {
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{0, {}}).ok());
  Promotion good;
  good.steps = {100, 10'000};
  const auto refused = [&](auto&& spoil) {
    Promotion plan = good;
    spoil(plan);
    return !registry_->StartPromotion("f", 0, plan, {}, {}).ok();
  };
  EXPECT_TRUE(refused([](Promotion& plan) { plan.steps = {10'000}; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.steps = {100, 100, 10'000}; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.steps = {0, 10'000}; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.steps = {100, 5000}; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.step_time = 1; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.slo.error_rate_max = 2; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.slo.factor = 0.5; }));
  EXPECT_TRUE(refused([](Promotion& plan) { plan.samples_min = kSamplesMinMax + 1; }));
  EXPECT_FALSE(refused([](Promotion&) {}));
}

TEST_F(RegistryTrafficTest, OldVersionsGoByCountAndAge) {
  for (size_t i = 0; i < kVersionsMax + 5; ++i) Deploy();
  EXPECT_EQ(registry_->Versions("f")->size(), kVersionsMax) << "young, and bounded all the same";
  clock_.Advance(kVersionsKeptFor);
  Deploy();
  EXPECT_EQ(registry_->Versions("f")->size(), kVersionsKept);
  // The oldest that is left becomes the canary: it stays however old it gets.
  const uint64_t oldest = registry_->Versions("f")->back().version->number;
  ASSERT_TRUE(registry_->SetShare("f", oldest, {0, {}}, {}).ok());
  clock_.Advance(2 * kVersionsKeptFor);
  ASSERT_TRUE(registry_->SetShare("f", 0, {100, {}}, {}).ok());
  EXPECT_EQ(Entry().canary->number, oldest);
}

TEST_F(RegistryTrafficTest, HistoryIsBounded) {
  Deploy();
  ASSERT_TRUE(TryDeploy(CanaryShare{0, {}}).ok());
  for (uint32_t i = 1; i <= kHistoryKept + 3; ++i) ASSERT_TRUE(registry_->SetShare("f", 0, {i, {}}, {}).ok());
  EXPECT_EQ(registry_->History("f")->events.size(), kHistoryKept);
  EXPECT_EQ(LastEvent(), "canary v2 " + std::to_string(kHistoryKept + 3));
}

TEST_F(RegistryTrafficTest, RecordsOfControllersWithoutHistoryHaveServedAll) {
  Deploy();
  Deploy();
  auto contents = *store_.Load();
  store::Change change;
  change.counters = contents.counters;
  contents.functions[0].served.clear();
  contents.functions[0].history.clear();
  change.put_functions = contents.functions;
  ASSERT_TRUE(store_.Commit(change).ok());
  Reopen();
  EXPECT_EQ(Warm(), std::vector<uint64_t>{1});
  EXPECT_EQ(registry_->Rollback("f", 0, {})->version->number, 1u);
}

}  // namespace
}  // namespace zts::controller
