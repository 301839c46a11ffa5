#include "worker/engine/runtime/load_failure.h"

#include <gtest/gtest.h>

namespace zts::runtime {
namespace {

const js::Outcome kThrew{js::OutcomeKind::kThrew, "Error: oops"};

// How long the version rests after this failure.
Nanos PauseAfter(LoadFailure* failure, Nanos now) {
  failure->Failed(kThrew, now);
  Nanos pause = 0;
  while (!failure->MayRetry(now + pause)) pause += 100 * kMillisecond;
  return pause;
}

TEST(LoadFailureTest, MayBeTriedAtFirst) { EXPECT_TRUE(LoadFailure().MayRetry(0)); }

TEST(LoadFailureTest, PauseDoublesUpToItsLimit) {
  LoadFailure failure;
  const Nanos expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
  for (const Nanos milliseconds : expected) EXPECT_EQ(PauseAfter(&failure, kSecond), milliseconds * kMillisecond);
}

TEST(LoadFailureTest, PauseStaysAtItsLimitHoweverManyFail) {
  LoadFailure failure;
  for (int i = 0; i < 100; ++i) failure.Failed(kThrew, 0);
  EXPECT_EQ(PauseAfter(&failure, 0), LoadFailure::kRetryLast);
}

TEST(LoadFailureTest, SuccessMakesThePauseShortAgain) {
  LoadFailure failure;
  for (int i = 0; i < 5; ++i) failure.Failed(kThrew, 0);
  failure.Succeeded();
  EXPECT_EQ(PauseAfter(&failure, 0), LoadFailure::kRetryFirst);
}

TEST(LoadFailureTest, TextSaysWhatAndWhere) {
  LoadFailure failure;
  failure.Failed(kThrew, 0);
  const std::string kind(js::OutcomeName(js::OutcomeKind::kThrew));
  EXPECT_EQ(failure.Text(), "the module did not load: " + kind + ": Error: oops");
  js::Outcome placed = kThrew;
  placed.file = "main.js";
  placed.line = 3;
  placed.column = 9;
  placed.stack = "at main.js:3:9";
  failure.Failed(placed, 0);
  EXPECT_EQ(failure.Text(), "the module did not load: " + kind + ": Error: oops (main.js:3:9)\nat main.js:3:9");
  EXPECT_EQ(failure.outcome().message, "Error: oops");
}

}  // namespace
}  // namespace zts::runtime
