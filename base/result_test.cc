#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace zts {
namespace {

Result<int> Half(int n) {
  if (n % 2) return Invalid("odd");
  return n / 2;
}

Result<int> Quarter(int n) {
  ZTS_ASSIGN_OR_RETURN(int half, Half(n));
  ZTS_RETURN_IF_ERROR(Half(half));
  return Half(half);
}

TEST(ResultTest, HandsTheValueOn) { EXPECT_EQ(*Quarter(8), 2); }

TEST(ResultTest, HandsTheErrorOn) {
  Result<int> result = Quarter(6);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(result.error().message, "odd");
}

TEST(ResultTest, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(ResultTest, ErrnoBecomesACodeAndASentence) {
  Error error = Error::FromErrno("open /x", ENOENT).Under("start");
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.message, "start: open /x: No such file or directory");
}

TEST(ResultDeathTest, ValueOfAFailureIsOurMistake) {
  Result<int> result = Invalid("no");
  EXPECT_DEATH(result.value(), "check failed");
}

}  // namespace
}  // namespace zts
