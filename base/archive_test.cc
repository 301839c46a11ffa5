#include "base/archive.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/file.h"

namespace zts {
namespace {

namespace fs = std::filesystem;

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest() {
    std::string pattern = (fs::temp_directory_path() / "zts_archive_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directory(root_ + "/in");
  }
  ~ArchiveTest() override { fs::remove_all(root_); }

  void Put(const std::string& name, const std::string& content) { ASSERT_TRUE(WriteFileAtomically(root_ + "/in/" + name, content).ok()); }
  std::string Pack() {
    std::string archive;
    const Status written = WriteArchive(root_ + "/in", [&](std::string_view piece) -> Status {
      archive += piece;
      return {};
    });
    EXPECT_TRUE(written.ok()) << (written.ok() ? "" : written.error().message);
    EXPECT_EQ(*ArchiveBytes(root_ + "/in"), archive.size());
    return archive;
  }
  Status Verify(const std::string& archive) {
    EXPECT_TRUE(WriteFileAtomically(root_ + "/archive", archive).ok());
    return VerifyArchive(root_ + "/archive");
  }

  std::string root_;
};

TEST_F(ArchiveTest, ComesBackAsItWas) {
  const std::string large(3'000'000, 'l');
  Put("CURRENT", "MANIFEST-1\n");
  Put("000001.sst", large);
  Put("empty.log", "");
  ASSERT_TRUE(Verify(Pack()).ok());
  ASSERT_TRUE(ExtractArchive(root_ + "/archive", root_ + "/out").ok());
  EXPECT_EQ(*ReadFile(root_ + "/out/CURRENT"), "MANIFEST-1\n");
  EXPECT_TRUE(*ReadFile(root_ + "/out/000001.sst") == large);
  EXPECT_EQ(*ReadFile(root_ + "/out/empty.log"), "");
  EXPECT_FALSE(ExtractArchive(root_ + "/archive", root_ + "/out").ok()) << "nothing is overwritten";
}

TEST_F(ArchiveTest, EveryCutAndEveryChangedByteIsNoticed) {
  Put("a", "content of a");
  Put("b", "content of b");
  const std::string archive = Pack();
  ASSERT_TRUE(Verify(archive).ok());
  for (size_t i = 0; i < archive.size(); ++i) {
    EXPECT_FALSE(Verify(archive.substr(0, i)).ok()) << i;
    std::string changed = archive;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(Verify(changed).ok()) << i;
  }
  EXPECT_FALSE(Verify(archive + "x").ok());
  EXPECT_FALSE(Verify("").ok());
}

TEST_F(ArchiveTest, NamesThatLeadElsewhereAreRefused) {
  Put("abcdefgh", "x");
  const std::string archive = Pack();
  for (const std::string& name : std::initializer_list<std::string>{"../../..", "/etc/abc", ".hidden1", "with spa", "a/bcdefg"}) {
    std::string changed = archive;
    changed.replace(changed.find("abcdefgh"), 8, name);
    EXPECT_FALSE(Verify(changed).ok()) << name;
    EXPECT_FALSE(ExtractArchive(root_ + "/archive", root_ + "/out-" + std::to_string(name[0])).ok()) << name;
  }
}

TEST_F(ArchiveTest, AFailingSinkEndsIt) {
  Put("a", std::string(5'000'000, 'x'));
  int calls = 0;
  const Status written = WriteArchive(root_ + "/in", [&](std::string_view) -> Status {
    if (++calls == 3) return Unavailable("gone");
    return {};
  });
  EXPECT_FALSE(written.ok());
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace zts
