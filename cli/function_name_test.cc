#include "cli/function_name.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

TEST(FunctionNameTest, AcceptsHostLabels) {
  for (const char* name : {"a", "hello", "a1", "a-b-c", "a--b"}) EXPECT_TRUE(CheckFunctionName(name).ok()) << name;
  EXPECT_TRUE(CheckFunctionName(std::string(63, 'a')).ok());
}

TEST(FunctionNameTest, RefusesAllElseWithAProposal) {
  for (const char* name : {"", "-", "1a", "A", "a-", "a_b", "a.", ".b", "a.b.c", "a/b", "\xc3\xa4", "a b", "a\n"}) {
    const Status checked = CheckFunctionName(name);
    ASSERT_FALSE(checked.ok()) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalid);
  }
  EXPECT_FALSE(CheckFunctionName(std::string(64, 'a')).ok());
  EXPECT_NE(CheckFunctionName("My_Fn").error().message.find("'my-fn'"), std::string::npos);
}

TEST(FunctionNameTest, ProposalsAreAllowed) {
  for (const char* text : {"My_Function", "1st", "---", "", "\xc3\xa4\xc3\xb6", "a.test.b", "x-", "..", "9"}) {
    EXPECT_TRUE(CheckFunctionName(NearestFunctionName(text)).ok()) << text << " -> " << NearestFunctionName(text);
  }
  EXPECT_EQ(NearestFunctionName("My_Function"), "my-function");
  EXPECT_TRUE(CheckFunctionName(NearestFunctionName(std::string(62, 'a') + "--b")).ok());
}

TEST(IsInNamespaceTest, NamesWithoutADotAreOfTheDefault) {
  EXPECT_TRUE(IsInNamespace("cart", "default"));
  EXPECT_FALSE(IsInNamespace("cart", "shop"));
  EXPECT_TRUE(IsInNamespace("cart.shop", "shop"));
  EXPECT_FALSE(IsInNamespace("cart.shop", "default"));
  EXPECT_FALSE(IsInNamespace("shop", "shop"));
  EXPECT_TRUE(IsInNamespace("cart", "") && IsInNamespace("cart.shop", ""));
}

TEST(ParseSettingTest, SplitsAtTheFirstEquals) {
  const auto setting = ParseSetting("URL=http://a/?x=y");
  ASSERT_TRUE(setting.ok());
  EXPECT_EQ(setting->first, "URL");
  EXPECT_EQ(setting->second, "http://a/?x=y");
  EXPECT_EQ(ParseSetting("A=").value().second, "");
  EXPECT_TRUE(ParseSetting("_a1=x").ok());
}

TEST(ParseSettingTest, RefusesWhatIsNoSetting) {
  for (const char* text : {"", "A", "=x", "1A=x", "A B=x", "A-B=x"}) EXPECT_FALSE(ParseSetting(text).ok()) << text;
}

}  // namespace
}  // namespace zts::cli
