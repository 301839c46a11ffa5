#include "controller/canary_policy.h"

#include <gtest/gtest.h>

namespace zts::controller {
namespace {

using Kind = Verdict::Kind;

// `slow` of the requests took `slow_time`, the others `time`.
VersionStats Stats(uint64_t requests, uint64_t errors, Nanos time, uint64_t slow = 0, Nanos slow_time = 0, uint64_t cold = 0) {
  VersionWindow window{"f", 1, requests, errors, cold, {}};
  if (requests > slow) window.latencies.emplace_back(time, requests - slow);
  if (slow > 0) window.latencies.emplace_back(slow_time, slow);
  VersionStats stats;
  stats.Add(window);
  return stats;
}

Promotion Plan() {
  Promotion promotion;
  promotion.slo = {50 * kMillisecond, 0.01, 0.05, 1.5};
  promotion.steps = {100, 1000, 10'000};
  promotion.step_time = 30 * kSecond;
  promotion.samples_min = 100;
  return promotion;
}

Kind KindOf(const Promotion& promotion, Nanos elapsed, const VersionStats& active, const VersionStats& canary) {
  return Judge(promotion, elapsed, active, canary).kind;
}

TEST(CanaryPolicyTest, GoesUpWhenTheStepIsOverAndAllIsWell) {
  const VersionStats good = Stats(1000, 0, 5 * kMillisecond);
  EXPECT_EQ(KindOf(Plan(), 29 * kSecond, good, good), Kind::kStay);
  EXPECT_EQ(KindOf(Plan(), 30 * kSecond, good, good), Kind::kStepUp);
}

TEST(CanaryPolicyTest, WaitsForEnoughRequests) {
  const VersionStats active = Stats(10'000, 0, 5 * kMillisecond);
  const Verdict verdict = Judge(Plan(), 300 * kSecond, active, Stats(99, 0, 5 * kMillisecond));
  EXPECT_EQ(verdict.kind, Kind::kStay);
  EXPECT_NE(verdict.why.find("99 of the 100"), std::string::npos) << verdict.why;
  EXPECT_EQ(KindOf(Plan(), 300 * kSecond, active, Stats(100, 0, 5 * kMillisecond)), Kind::kStepUp);
}

TEST(CanaryPolicyTest, FiveErrorsInAHundredEndItBeforeTheStepDoes) {
  const VersionStats active = Stats(900, 0, 5 * kMillisecond);
  const Verdict verdict = Judge(Plan(), 2 * kSecond, active, Stats(100, 5, 5 * kMillisecond));
  EXPECT_EQ(verdict.kind, Kind::kWithdraw);
  EXPECT_NE(verdict.why.find("errors 5.00% of 100"), std::string::npos) << verdict.why;
}

TEST(CanaryPolicyTest, AFewErrorsByChanceEndNothing) {
  const VersionStats active = Stats(900, 0, 5 * kMillisecond);
  EXPECT_EQ(KindOf(Plan(), 2 * kSecond, active, Stats(100, 2, 5 * kMillisecond)), Kind::kStay);
  EXPECT_EQ(KindOf(Plan(), 40 * kSecond, active, Stats(100, 2, 5 * kMillisecond)), Kind::kStay) << "nor do they let it go up";
  EXPECT_EQ(KindOf(Plan(), 40 * kSecond, active, Stats(1000, 2, 5 * kMillisecond)), Kind::kStepUp);
}

TEST(CanaryPolicyTest, TooFewRequestsAreNotJudged) {
  EXPECT_EQ(KindOf(Plan(), 2 * kSecond, Stats(900, 0, 5 * kMillisecond), Stats(kJudgedMin - 1, kJudgedMin - 1, 5 * kMillisecond)),
            Kind::kStay);
}

TEST(CanaryPolicyTest, ErrorsOfBothVersionsAreNotTheCanarys) {
  Promotion plan = Plan();
  plan.slo.error_rate_max = 0.2;
  const VersionStats active = Stats(1000, 100, 5 * kMillisecond);
  EXPECT_EQ(KindOf(plan, 30 * kSecond, active, Stats(1000, 100, 5 * kMillisecond)), Kind::kStepUp);
  EXPECT_EQ(KindOf(plan, 30 * kSecond, Stats(1000, 10, 5 * kMillisecond), Stats(1000, 100, 5 * kMillisecond)), Kind::kWithdraw)
      << "within its bound, and ten times the active version's";
}

TEST(CanaryPolicyTest, DoubledLatencyEndsIt) {
  const VersionStats active = Stats(900, 0, 4 * kMillisecond, 5, 8 * kMillisecond);
  const Verdict verdict = Judge(Plan(), 2 * kSecond, active, Stats(50, 0, 8 * kMillisecond));
  EXPECT_EQ(verdict.kind, Kind::kWithdraw);
  EXPECT_NE(verdict.why.find("beside the active version"), std::string::npos) << verdict.why;
  EXPECT_EQ(KindOf(Plan(), 2 * kSecond, active, Stats(50, 0, 5 * kMillisecond)), Kind::kStay) << "a quarter more is within the factor";
}

TEST(CanaryPolicyTest, ATailBeyondTheObjectiveEndsItWithoutAnythingToCompareWith) {
  const VersionStats nothing;
  EXPECT_EQ(KindOf(Plan(), 2 * kSecond, nothing, Stats(500, 0, 5 * kMillisecond, 50, 90 * kMillisecond)), Kind::kWithdraw);
  EXPECT_EQ(KindOf(Plan(), 2 * kSecond, nothing, Stats(500, 0, 5 * kMillisecond, 3, 90 * kMillisecond)), Kind::kStay);
  EXPECT_EQ(KindOf(Plan(), 40 * kSecond, nothing, Stats(500, 0, 5 * kMillisecond, 3, 90 * kMillisecond)), Kind::kStepUp)
      << "three in five hundred are beyond the p99";
}

TEST(CanaryPolicyTest, ColdStartsCount) {
  const VersionStats active = Stats(900, 0, 5 * kMillisecond);
  EXPECT_EQ(KindOf(Plan(), 2 * kSecond, active, Stats(200, 0, 5 * kMillisecond, 0, 0, 40)), Kind::kWithdraw);
  EXPECT_EQ(KindOf(Plan(), 40 * kSecond, active, Stats(200, 0, 5 * kMillisecond, 0, 0, 2)), Kind::kStepUp);
}

TEST(CanaryPolicyTest, BoundsThatAreNotGivenDoNotCount) {
  Promotion plan = Plan();
  plan.slo = {};
  EXPECT_EQ(KindOf(plan, 40 * kSecond, VersionStats(), Stats(200, 0, 5 * kSecond, 0, 0, 200)), Kind::kStepUp);
}

TEST(CanaryPolicyTest, WhatIsCertainOfARateGrowsWithTheRequests) {
  EXPECT_EQ(RateAtLeast(0, 0), 0);
  EXPECT_EQ(RateAtLeast(0, 1000), 0);
  EXPECT_LT(RateAtLeast(5, 100), RateAtLeast(50, 1000));
  EXPECT_LT(RateAtLeast(50, 1000), 0.05);
  EXPECT_GT(RateAtLeast(100, 100), 0.9);
}

TEST(VersionStatsTest, QuantilesAndTails) {
  const VersionStats stats = Stats(1000, 0, 4 * kMillisecond, 10, 64 * kMillisecond);
  EXPECT_EQ(stats.Quantile(0.99), 4 * kMillisecond);
  EXPECT_EQ(stats.Quantile(0.999), 64 * kMillisecond);
  EXPECT_EQ(stats.CountAbove(10 * kMillisecond), 10u);
  EXPECT_EQ(stats.CountAbove(63 * kMillisecond), 0u) << "it may have been less, within its bucket";
  EXPECT_EQ(VersionStats().Quantile(0.99), 0);
}

}  // namespace
}  // namespace zts::controller
