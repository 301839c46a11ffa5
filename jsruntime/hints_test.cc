#include "jsruntime/hints.h"

#include <gtest/gtest.h>

namespace zts::js {
namespace {

TEST(HintsTest, MissingNames) {
  EXPECT_NE(HintFor("ReferenceError: process is not defined").find("env"), std::string_view::npos);
  EXPECT_NE(HintFor("ReferenceError: require is not defined").find("ES modules"), std::string_view::npos);
  EXPECT_NE(HintFor("ReferenceError: Buffer is not defined").find("node:buffer"), std::string_view::npos);
  EXPECT_EQ(HintFor("ReferenceError: mine is not defined"), "");
}

TEST(HintsTest, ForgottenAwait) {
  EXPECT_NE(HintFor("TypeError: fetch(...).json is not a function").find("await"), std::string_view::npos);
  EXPECT_NE(HintFor("TypeError: response.text is not a function").find("await"), std::string_view::npos);
  EXPECT_NE(HintFor("TypeError: request.json(...).map is not a function").find("await"), std::string_view::npos);
  EXPECT_EQ(HintFor("TypeError: x is not a function"), "");
  EXPECT_EQ(HintFor("TypeError: x.y is not a function"), "");
}

TEST(HintsTest, NothingElse) {
  for (const std::string_view message :
       {"", "ReferenceError: ", "ReferenceError:  is not defined", "Error: process is not defined!", "TypeError:  is not a function",
        "ReferenceError: a b is not defined", "TypeError: . is not a function"}) {
    EXPECT_EQ(HintFor(message), "") << message;
  }
}

}  // namespace
}  // namespace zts::js
