#include "cli/text.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

TEST(TextTest, SizesHaveOneUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(14541), "14.2 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16777216.0 TiB");
}

TEST(TextTest, AgesHaveOneUnit) {
  EXPECT_EQ(FormatAge(-kSecond), "just now");
  EXPECT_EQ(FormatAge(90 * kSecond), "90s");
  EXPECT_EQ(FormatAge(7 * 60 * kSecond), "7m");
  EXPECT_EQ(FormatAge(3 * 3600 * kSecond), "3h");
  EXPECT_EQ(FormatAge(12 * 86400 * kSecond), "12d");
}

TEST(TextTest, TimesAreUtcWithMilliseconds) {
  EXPECT_EQ(FormatTimestamp(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTimestamp(1'700'000'000 * kSecond + 123 * kMillisecond), "2023-11-14T22:13:20.123Z");
}

TEST(TextTest, MillisecondsHaveThreeDigits) {
  EXPECT_EQ(FormatMilliseconds(420 * kMicrosecond), "0.42");
  EXPECT_EQ(FormatMilliseconds(12'340 * kMicrosecond), "12.3");
  EXPECT_EQ(FormatMilliseconds(1'240 * kMillisecond), "1240");
}

TEST(TextTest, ControlCharactersAreShownNotObeyed) {
  EXPECT_EQ(Printable("a\x1b[2Jb\x07\x7f"), "a\\x1b[2Jb\\x07\\x7f");
  EXPECT_EQ(Printable("two\nlines\tand a tab"), "two\\nlines\tand a tab");
  EXPECT_EQ(Printable("two\nlines\r", Newlines::kKeep), "two\nlines\\x0d");
  EXPECT_EQ(Printable("\xc2\x9b" "31m \xc3\xa4 \xe2\x9c\x93"), "\\x9b31m \xc3\xa4 \xe2\x9c\x93");
  EXPECT_EQ(Printable("\xc2"), "\xc2");
}

TEST(TextTest, TablesAlignAndDoNotTrailBlanks) {
  EXPECT_EQ(RenderTable({{"NAME", "V", ""}, {"a", "v10", "x"}, {"longer", "", ""}}),
            "NAME    V\na       v10  x\nlonger\n");
  EXPECT_EQ(RenderTable({}), "");
}

}  // namespace
}  // namespace zts::cli
