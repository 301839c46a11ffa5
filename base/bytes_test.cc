#include "base/bytes.h"

#include <gtest/gtest.h>

namespace zts {
namespace {

TEST(ParseIntegerTest, TakesWholeNumbersOnly) {
  EXPECT_EQ(ParseInteger<uint16_t>("65535"), 65535);
  for (const char* bad : {"", " 1", "1 ", "+1", "-1", "0x1", "65536", "1.0", "1e3"}) {
    EXPECT_FALSE(ParseInteger<uint16_t>(bad)) << bad;
  }
}

TEST(ParseByteSizeTest, KnowsBinaryUnits) {
  EXPECT_EQ(ParseByteSize("256MiB"), 256u << 20);
  EXPECT_EQ(ParseByteSize("4096"), 4096u);
  EXPECT_EQ(ParseByteSize("1GiB"), 1u << 30);
  for (const char* bad : {"", "MiB", "1MB", "1 MiB", "-1", "18446744073709551615KiB"}) {
    EXPECT_FALSE(ParseByteSize(bad)) << bad;
  }
}

TEST(ParseDurationTest, NeedsAUnit) {
  EXPECT_EQ(ParseDurationNs("20s"), 20'000'000'000);
  EXPECT_EQ(ParseDurationNs("500ms"), 500'000'000);
  for (const char* bad : {"", "5", "s", "1.5s", "-1s", "99999999999999h"}) {
    EXPECT_FALSE(ParseDurationNs(bad)) << bad;
  }
}

TEST(EqualsIgnoreCaseTest, FoldsAsciiOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("Content-Length", "content-length"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc4", "\xe4"));
}

}  // namespace
}  // namespace zts
