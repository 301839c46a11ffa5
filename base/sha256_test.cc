#include "base/sha256.h"

#include <gtest/gtest.h>

namespace zts {
namespace {

// The vector of FIPS 180-2, appendix B.1.
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256Test, MatchesThePublishedVector) { EXPECT_EQ(ToHex(Sha256Of("abc")), kAbc); }

TEST(Sha256Test, PiecesGiveTheSameAsTheWhole) {
  Sha256 hash;
  for (char c : std::string_view("abc")) hash.Update(std::string_view(&c, 1));
  EXPECT_EQ(ToHex(hash.Finish()), kAbc);
}

TEST(Sha256Test, HexGoesThereAndBack) {
  EXPECT_EQ(DigestFromHex(kAbc), Sha256Of("abc"));
  EXPECT_FALSE(DigestFromHex("ba78"));
  EXPECT_FALSE(DigestFromHex(std::string(64, 'G')));
}

}  // namespace
}  // namespace zts
