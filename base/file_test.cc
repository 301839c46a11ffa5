#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace zts {
namespace {

std::string Path(const char* name) { return testing::TempDir() + "/" + name; }

TEST(FileTest, WritesAndReadsBack) {
  const std::string path = Path("file_test_a");
  ASSERT_TRUE(WriteFileAtomically(path, "one").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "two").ok());
  EXPECT_EQ(*ReadFile(path), "two");
}

TEST(FileTest, AMissingFileIsNamed) {
  auto result = ReadFile(Path("file_test_nowhere"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_NE(result.error().message.find("file_test_nowhere"), std::string::npos);
}

TEST(FileTest, RefusesMoreThanAsked) {
  const std::string path = Path("file_test_big");
  ASSERT_TRUE(WriteFileAtomically(path, std::string(100, 'x')).ok());
  EXPECT_EQ(ReadFile(path, 99).error().code, ErrorCode::kExhausted);
}

TEST(FileTest, ADirectoryIsNoFile) { EXPECT_EQ(ReadFile(testing::TempDir()).error().code, ErrorCode::kInvalid); }

TEST(FileTest, AFileInTheWayOfADirectoryIsSaid) {
  const std::string path = Path("file_test_in_the_way");
  ASSERT_TRUE(WriteFileAtomically(path, "x").ok());
  EXPECT_FALSE(MakeDirectories(path + "/below").ok());
  EXPECT_TRUE(MakeDirectories(Path("file_test_dir/a/b")).ok());
  EXPECT_TRUE(MakeDirectories(Path("file_test_dir/a/b")).ok());
}

TEST(FileTest, ASealedMemfdCannotBeWritten) {
  auto fd = MakeSealedMemfd("test", "content");
  ASSERT_TRUE(fd.ok());
  EXPECT_LT(::pwrite(fd->get(), "x", 1, 0), 0);
  EXPECT_EQ(::mmap(nullptr, 7, PROT_WRITE, MAP_SHARED, fd->get(), 0), MAP_FAILED);
}

}  // namespace
}  // namespace zts
