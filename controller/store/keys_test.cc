#include "controller/store/keys.h"

#include <gtest/gtest.h>

#include <limits>

namespace zts::store {
namespace {

TEST(StoreKeysTest, VersionsOfAFunctionAreNeighboursInOrder) {
  EXPECT_LT(VersionKey("a", 1), VersionKey("a", 2));
  EXPECT_LT(VersionKey("a", 255), VersionKey("a", 256));
  EXPECT_LT(VersionKey("a", std::numeric_limits<uint64_t>::max()), VersionKey("b", 1));
  // "a-b" sorts before "a/" by its byte, and must not fall between versions of "a".
  EXPECT_FALSE(VersionKey("a-b", 1) > VersionKey("a", 1) && VersionKey("a-b", 1) < VersionKey("a", 2));
}

TEST(StoreKeysTest, VersionKeysComeBack) {
  for (const uint64_t number : {uint64_t{1}, uint64_t{47}, uint64_t{0x2f2f2f2f2f2f2f2f}, std::numeric_limits<uint64_t>::max()}) {
    const auto name = ParseVersionKey(VersionKey("hello-1", number));
    ASSERT_TRUE(name);
    EXPECT_EQ(name->function, "hello-1");
    EXPECT_EQ(name->number, number);
  }
}

TEST(StoreKeysTest, OtherKeysAreNoVersionKeys) {
  for (const char* key : {"", "v/", "v/a", "v//", "f/hello", "v/hello-12345678", "m/counters"}) {
    EXPECT_FALSE(ParseVersionKey(key)) << key;
  }
  EXPECT_FALSE(ParseFunctionKey("f/"));
  EXPECT_EQ(ParseFunctionKey("f/hello"), "hello");
}

// What is on disks already: a change here is a change of the format.
TEST(StoreKeysTest, LayoutIsWhatTheDocumentSays) {
  EXPECT_EQ(FunctionKey("hello"), "f/hello");
  EXPECT_EQ(VersionKey("hello", 0x102), std::string("v/hello/\0\0\0\0\0\0\x01\x02", 16));
  Digest digest{};
  digest[0] = 0xab;
  EXPECT_EQ(BlobKey(digest), "b/\xab" + std::string(31, '\0'));
}

}  // namespace
}  // namespace zts::store
