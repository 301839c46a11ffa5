#include "cli/source_cache.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

constexpr const char* kStack = "E\n    at a.js:2:1";

TEST(SourceCacheTest, AsksOnceAVersionAndOnlyForStacks) {
  std::vector<std::string> asked;
  SourceCache cache([&](const std::string& function, uint64_t number) -> Result<VersionSource> {
    asked.push_back(function + std::to_string(number));
    return VersionSource{"a.js", false, "one\ntwo"};
  });
  EXPECT_EQ(cache.Explain("f", 1, "said hello").text, "said hello");
  EXPECT_TRUE(asked.empty());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cache.Explain("f", 1, kStack).place->source_line, "two");
  cache.Explain("f", 2, kStack);
  EXPECT_EQ(asked, (std::vector<std::string>{"f1", "f2"}));
}

TEST(SourceCacheTest, WhatCannotBeHadIsNotAskedForAgain) {
  int asked = 0;
  SourceCache cache([&](const std::string&, uint64_t number) -> Result<VersionSource> {
    ++asked;
    if (number == 1) return NotFound("gone");
    return VersionSource{"a.js", true, "{damaged"};
  });
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(cache.Explain("f", 1, kStack).text, kStack);
    EXPECT_EQ(cache.Explain("f", 2, kStack).text, kStack);
  }
  EXPECT_EQ(asked, 2);
}

TEST(SourceCacheTest, KeepsTheLatestUsed) {
  int asked = 0;
  SourceCache cache([&](const std::string&, uint64_t) -> Result<VersionSource> {
    ++asked;
    return VersionSource{"a.js", false, "x"};
  });
  for (uint64_t number = 1; number <= kSourcesKept; ++number) cache.Explain("f", number, kStack);
  cache.Explain("f", 1, kStack);
  cache.Explain("f", kSourcesKept + 1, kStack);  // 2 gives way
  EXPECT_EQ(asked, static_cast<int>(kSourcesKept) + 1);
  cache.Explain("f", 1, kStack);
  EXPECT_EQ(asked, static_cast<int>(kSourcesKept) + 1);
  cache.Explain("f", 2, kStack);
  EXPECT_EQ(asked, static_cast<int>(kSourcesKept) + 2);
}

}  // namespace
}  // namespace zts::cli
