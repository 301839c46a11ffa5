#include "base/utf8.h"

#include <gtest/gtest.h>

namespace zts {
namespace {

TEST(Utf8Test, NamesTheFirstByteThatIsNone) {
  for (const char* text : {"", "ascii", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf",
                           "\xed\x9f\xbf"}) {
    EXPECT_TRUE(ValidateUtf8(text).ok()) << text;
  }
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe2\x82", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xf0\x9f\x98"}) {
    EXPECT_FALSE(ValidateUtf8(text).ok()) << text;
  }
  EXPECT_EQ(ValidateUtf8("ab\xff").error().message, "not UTF-8 at byte 2");
}

}  // namespace
}  // namespace zts
