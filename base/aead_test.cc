#include "base/aead.h"

#include <gtest/gtest.h>

namespace zts {
namespace {

AeadKey KeyOf(uint8_t byte) {
  AeadKey key;
  key.fill(byte);
  return key;
}

TEST(AeadTest, WhatIsSealedIsOpened) {
  for (const std::string& plain : {std::string(), std::string("x"), std::string(100'000, 'y'), std::string("\0\1", 2)}) {
    const auto sealed = Seal(KeyOf(1), "context", plain);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), plain.size() + 28);
    const auto opened = Open(KeyOf(1), "context", *sealed);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(*opened, plain);
  }
}

TEST(AeadTest, TheSameTextIsNeverSealedTheSameWay) { EXPECT_NE(*Seal(KeyOf(1), "", "text"), *Seal(KeyOf(1), "", "text")); }

TEST(AeadTest, AnotherKeyOrContextOpensNothing) {
  const std::string sealed = *Seal(KeyOf(1), "a", "secret");
  EXPECT_FALSE(Open(KeyOf(2), "a", sealed).ok());
  EXPECT_FALSE(Open(KeyOf(1), "b", sealed).ok());
  EXPECT_FALSE(Open(KeyOf(1), "", sealed).ok());
}

TEST(AeadTest, EveryChangedBitAndEveryCutIsNoticed) {
  const std::string sealed = *Seal(KeyOf(1), "a", "secret");
  for (size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string changed = sealed;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    EXPECT_FALSE(Open(KeyOf(1), "a", changed).ok()) << i;
  }
  for (size_t size = 0; size < sealed.size(); ++size) EXPECT_FALSE(Open(KeyOf(1), "a", sealed.substr(0, size)).ok()) << size;
}

}  // namespace
}  // namespace zts
