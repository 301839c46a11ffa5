#include "cli/figures.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

TEST(FiguresTest, RatesHaveTheDigitsThatSaySomething) {
  EXPECT_EQ(FormatRate(0), "0.0");
  EXPECT_EQ(FormatRate(99.94), "99.9");
  EXPECT_EQ(FormatRate(12345.6), "12346");
}

TEST(FiguresTest, NoAnswerIsNoLatency) {
  EXPECT_EQ(FormatLatency(0), "-");
  EXPECT_EQ(FormatLatency(123 * kMicrosecond), "0.12 ms");
  EXPECT_EQ(FormatLatency(1234 * kMillisecond), "1234 ms");
}

TEST(FiguresTest, ProgramsGetNullForNoAnswer) {
  EXPECT_TRUE(JsonOf(Figures{})["p99_ms"].is_null());
  EXPECT_EQ(JsonOf(Figures{.p99 = 1500 * kMicrosecond})["p99_ms"], 1.5);
}

}  // namespace
}  // namespace zts::cli
