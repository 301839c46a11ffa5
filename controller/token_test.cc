#include "controller/token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::controller {
namespace {

TEST(TokenTest, IsMadeOnceAndPrivate) {
  store::ScratchFolder folder;
  const std::string path = folder.path() + "/token";
  const auto first = LoadOrCreateToken(path);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->size(), 64u);
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(*LoadOrCreateToken(path), *first);
  store::ScratchFolder other;
  EXPECT_NE(*LoadOrCreateToken(other.path() + "/token"), *first);
}

TEST(TokenTest, FileThatOthersCanReadIsRefused) {
  store::ScratchFolder folder;
  const std::string path = folder.path() + "/token";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(64, 'a'), 0644).ok());
  const auto token = LoadOrCreateToken(path);
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().code, ErrorCode::kDenied);
  EXPECT_NE(token.error().message.find("chmod 600"), std::string::npos);
}

TEST(TokenTest, WeakOrBrokenTokensAreRefused) {
  store::ScratchFolder folder;
  const std::string path = folder.path() + "/token";
  for (const std::string& content : {std::string(), std::string("secret"), std::string(64, 'a') + "\nmore", std::string(600, 'a'),
                                     std::string(40, ' ')}) {
    ASSERT_TRUE(WriteFileAtomically(path, content, 0600).ok());
    EXPECT_FALSE(LoadOrCreateToken(path).ok()) << content;
  }
}

TEST(TokenTest, FolderThatIsMissingIsNamed) {
  const auto token = LoadOrCreateToken("/nowhere/at/all/token");
  ASSERT_FALSE(token.ok());
  EXPECT_NE(token.error().message.find("/nowhere/at/all/token"), std::string::npos);
}

}  // namespace
}  // namespace zts::controller
