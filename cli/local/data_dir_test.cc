#include "cli/local/data_dir.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"

namespace zts::cli {
namespace {

class DataDirTest : public testing::Test {
 protected:
  DataDirTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "zts_data_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~DataDirTest() override { std::filesystem::remove_all(root_); }
  std::string root_;
};

TEST_F(DataDirTest, TokenIsPrivateAndStays) {
  const DataDir data(root_ + "/new");
  ASSERT_TRUE(data.Create().ok());
  ASSERT_TRUE(data.EnsureToken().ok());
  const std::string token = ReadFile(data.token_file()).value();
  EXPECT_EQ(token.size(), 65u);
  struct stat info;
  ASSERT_EQ(::stat(data.token_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(data.root().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_TRUE(data.EnsureToken().ok());
  EXPECT_EQ(ReadFile(data.token_file()).value(), token);
}

TEST_F(DataDirTest, APathThatIsNoTextIsRefused) {
  const Status created = DataDir(root_ + "/\xff").Create();
  ASSERT_FALSE(created.ok());
  EXPECT_EQ(created.error().code, ErrorCode::kInvalid);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/\xff"));
}

TEST_F(DataDirTest, LockHasOneHolder) {
  const DataDir data(root_);
  ASSERT_TRUE(data.Create().ok());
  auto held = data.Lock();
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(data.Lock().error().code, ErrorCode::kExists);
  held.value().reset();
  EXPECT_TRUE(data.Lock().ok());
}

TEST_F(DataDirTest, AddressesComeBack) {
  const DataDir data(root_);
  EXPECT_FALSE(data.ReadAddresses().value().has_value());
  ASSERT_TRUE(data.WriteAddresses({"a:1", "b:2", "c:3", "d:4"}).ok());
  const auto addresses = data.ReadAddresses().value();
  ASSERT_TRUE(addresses.has_value());
  EXPECT_EQ(addresses->controller, "a:1");
  EXPECT_EQ(addresses->worker_admin, "d:4");
  ASSERT_TRUE(WriteFileAtomically(root_ + "/client.json", "{").ok());
  EXPECT_FALSE(data.ReadAddresses().ok());
}

TEST_F(DataDirTest, RunningProcessesComeBack) {
  const DataDir data(root_);
  ASSERT_TRUE(data.Create().ok());
  EXPECT_FALSE(data.ReadRunning().has_value());
  ASSERT_TRUE(data.WriteRunning({{1, 2}, {3, 4}, {}}).ok());
  const auto running = data.ReadRunning();
  ASSERT_TRUE(running.has_value());
  EXPECT_EQ(running->controller, (ProcessId{3, 4}));
  EXPECT_EQ(running->worker, ProcessId{});
  for (const char* text : {"", "[]", "{\"monitor\": 7}", "{\"monitor\": {\"pid\": \"x\"}}"}) {
    ASSERT_TRUE(WriteFileAtomically(root_ + "/run/up.pid", text).ok());
    EXPECT_EQ(data.ReadRunning().value_or(Running{}).monitor, ProcessId{}) << text;
  }
  data.RemoveRunning();
  EXPECT_FALSE(data.ReadRunning().has_value());
}

TEST_F(DataDirTest, TailIsTheLastLines) {
  const std::string path = root_ + "/log";
  EXPECT_EQ(TailOf(path, 3), "");
  ASSERT_TRUE(WriteFileAtomically(path, "one\ntwo\nthree\nfour\n").ok());
  EXPECT_EQ(TailOf(path, 2), "three\nfour");
  EXPECT_EQ(TailOf(path, 100), "one\ntwo\nthree\nfour");
  ASSERT_TRUE(WriteFileAtomically(path, "\n\n").ok());
  EXPECT_EQ(TailOf(path, 2), "");
}

}  // namespace
}  // namespace zts::cli
