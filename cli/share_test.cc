#include "cli/share.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

TEST(ShareTest, PercentsAreTenThousandths) {
  EXPECT_EQ(*ParseShare("10%"), 1000u);
  EXPECT_EQ(*ParseShare("25"), 2500u);
  EXPECT_EQ(*ParseShare("0.5%"), 50u);
  EXPECT_EQ(*ParseShare("0.01"), 1u);
  EXPECT_EQ(*ParseShare("0"), 0u);
  EXPECT_EQ(*ParseShare("100%"), 10000u);
  for (const char* bad : {"", "%", "-1", "101", "1e3", "0.001", "ten", "1%%", "1.2.3", "nan"}) EXPECT_FALSE(ParseShare(bad).ok()) << bad;
  EXPECT_EQ(FormatShare(50), "0.5%");
  EXPECT_EQ(FormatShare(10000), "100%");
}

TEST(ShareTest, StickyNamesWhatClientsAreKeptBy) {
  Share share;
  ASSERT_TRUE(ParseSticky("cookie:session", share).ok());
  EXPECT_EQ(share.sticky_by + "/" + share.sticky_name, "cookie/session");
  ASSERT_TRUE(ParseSticky("ip", share).ok());
  EXPECT_EQ(share.sticky_by + "/" + share.sticky_name, "ip/");
  EXPECT_TRUE(ParseSticky("none", share).ok());
  for (const char* bad : {"header", "header:", "ip:x", "moon"}) EXPECT_FALSE(ParseSticky(bad, share).ok()) << bad;
}

TEST(ShareTest, StepsGrowToAll) {
  EXPECT_EQ(*ParseSteps("1,5,25,50,100"), (std::vector<uint32_t>{100, 500, 2500, 5000, 10000}));
  for (const char* bad : {"", "100", "1,5", "5,1,100", "5,5,100", "0,100", "1,,100"}) EXPECT_FALSE(ParseSteps(bad).ok()) << bad;
}

TEST(ShareTest, ObjectivesAreRatesAndTimes) {
  PromotionSpec promotion;
  ASSERT_TRUE(ParseSlo("p99<50ms,errors<1%,cold<5%", promotion).ok());
  EXPECT_EQ(promotion.p99_max, 50 * kMillisecond);
  EXPECT_DOUBLE_EQ(promotion.error_rate_max, 0.01);
  EXPECT_DOUBLE_EQ(promotion.cold_rate_max, 0.05);
  for (const char* bad : {"", "p99", "p99<", "p99<fast", "p50<1ms", "errors<200%", "errors>1%", "p99<1ms,"}) {
    EXPECT_FALSE(ParseSlo(bad, promotion).ok()) << bad;
  }
}

}  // namespace
}  // namespace zts::cli
