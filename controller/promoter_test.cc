#include "controller/promoter.h"

#include <gtest/gtest.h>

#include "controller/limits.h"
#include "controller/store/testing/memory_store.h"

namespace zts::controller {
namespace {

class PromoterTest : public testing::Test {
 protected:
  void SetUp() override {
    Open();
    Deploy({});
    Deploy(CanaryShare{0, {}});
    Promotion plan;
    plan.slo.error_rate_max = 0.01;
    plan.steps = {100, 1000, 10'000};
    plan.step_time = 10 * kSecond;
    ASSERT_TRUE(registry_->StartPromotion("f", 0, plan, {}, {"ann", ""}).ok());
    promoter_->Tick();
  }

  void Open() {
    promoter_.reset();
    publisher_.reset();
    registry_ = *Registry::Open(store_, clock_);
    publisher_ = std::make_unique<Publisher>(*registry_, clock_);
    promoter_ = std::make_unique<Promoter>(*registry_, *publisher_, clock_);
  }
  void Deploy(std::optional<CanaryShare> canary) {
    NewVersion wanted{.function = "f", .main_module = "m.js", .bundle = "x", .bundle_digest = Sha256Of("x")};
    wanted.canary = std::move(canary);
    ASSERT_TRUE(registry_->Deploy(std::move(wanted)).ok());
  }

  // So many seconds of a thousand requests each, a tenth of them the canary's.
  void Run(int seconds, uint64_t canary_errors = 0, Nanos canary_time = 5 * kMillisecond) {
    for (int i = 0; i < seconds * 4; ++i) {
      clock_.Advance(kSecond / 4);
      promoter_->OnWindows({{"f", 1, 225, 0, 0, {{5 * kMillisecond, 225}}}, {"f", 2, 25, canary_errors, 0, {{canary_time, 25}}}});
      promoter_->Tick();
    }
  }
  uint32_t Share() {
    const CatalogPtr catalog = registry_->catalog();
    const CatalogEntry* entry = catalog->Find("f");
    return entry->canary != nullptr ? entry->canary_traffic.share : 0;
  }
  uint64_t Active() { return registry_->catalog()->Find("f")->version->number; }

  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Promoter> promoter_;
};

TEST_F(PromoterTest, AGoodCanaryGoesUpToAll) {
  Run(9);
  EXPECT_EQ(Share(), 100u);
  Run(4);
  EXPECT_EQ(Share(), 1000u);
  Run(11);
  EXPECT_EQ(Active(), 2u);
  EXPECT_TRUE(registry_->Promotions().empty());
  EXPECT_EQ(registry_->History("f")->events.back().by, "controller");
}

TEST_F(PromoterTest, ErrorsTakeItAwayWithinSeconds) {
  Run(2);
  Run(4, 2);  // 8%
  EXPECT_EQ(Active(), 1u);
  EXPECT_EQ(Share(), 0u);
  EXPECT_TRUE(registry_->Promotions().empty());
  const HistoryEvent event = registry_->History("f")->events.back();
  EXPECT_EQ(event.what, "withdrawn");
  EXPECT_NE(event.note.find("errors"), std::string::npos) << event.note;
}

TEST_F(PromoterTest, DoubledLatencyTakesItAwayWithinSeconds) {
  Run(4, 0, 10 * kMillisecond);
  EXPECT_EQ(registry_->History("f")->events.back().what, "withdrawn");
  EXPECT_EQ(Active(), 1u);
}

TEST_F(PromoterTest, WithoutRequestsItWaits) {
  for (int i = 0; i < 400; ++i) {
    clock_.Advance(kSecond);
    promoter_->Tick();
  }
  EXPECT_EQ(Share(), 100u);
  EXPECT_EQ(registry_->Promotions().size(), 1u);
}

TEST_F(PromoterTest, TheFirstMomentsDoNotCount) {
  promoter_->OnWindows({{"f", 2, 100, 100, 100, {{5 * kSecond, 100}}}});
  Run(13);
  EXPECT_EQ(Share(), 1000u);
}

TEST_F(PromoterTest, ANewControllerGoesOnWithTheStepFromItsBeginning) {
  Run(13);
  ASSERT_EQ(Share(), 1000u);
  Run(8);
  Open();
  promoter_->Tick();
  Run(8);
  EXPECT_EQ(Share(), 1000u) << "what the one before had gathered is gone";
  Run(5);
  EXPECT_EQ(Active(), 2u);
}

TEST_F(PromoterTest, AStoreThatTakesNothingIsTriedAgain) {
  store_.FailCommits(Error{ErrorCode::kExhausted, "no space"});
  Run(13);
  EXPECT_EQ(Share(), 100u);
  store_.FailCommits(std::nullopt);
  Run(1);
  EXPECT_EQ(Share(), 1000u);
}

TEST_F(PromoterTest, AShareSetByHandEndsIt) {
  ASSERT_TRUE(registry_->SetShare("f", 0, {3000, {}}, {}).ok());
  Run(30);
  EXPECT_EQ(Share(), 3000u);
}

TEST_F(PromoterTest, WindowsOfStrangersAreNoMatter) {
  promoter_->OnWindows({{"g", 1, 5, 5, 0, {}}, {"f", 77, 500, 500, 0, {}}});
  Run(13);
  EXPECT_EQ(Share(), 1000u);
}

}  // namespace
}  // namespace zts::controller
