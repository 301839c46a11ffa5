#include "worker/supervisor/data_dir.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace zts::supervisor {
namespace {

std::string Fresh(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/" + name + "." + std::to_string(::getpid());
  std::filesystem::remove_all(path);
  return path + "/deep/down";
}

TEST(DataDirTest, HasAnIdentityThatStays) {
  const std::string path = Fresh("identity");
  std::string id;
  {
    auto first = DataDir::Open(path);
    ASSERT_TRUE(first.ok()) << first.error().message;
    id = first->id();
    EXPECT_EQ(id.size(), 8u);
  }
  EXPECT_EQ(DataDir::Open(path)->id(), id);
}

TEST(DataDirTest, AnUnreadableIdentityIsReplaced) {
  const std::string path = Fresh("damaged");
  ASSERT_TRUE(DataDir::Open(path).ok());
  std::ofstream(path + "/worker-id") << "what?";
  auto again = DataDir::Open(path);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id().size(), 8u);
  EXPECT_NE(again->id(), "what?");
}

TEST(DataDirTest, RefusesASecondWorkerAndSaysWhatToDo) {
  const std::string path = Fresh("second");
  auto first = DataDir::Open(path);
  ASSERT_TRUE(first.ok());
  auto second = DataDir::Open(path);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_NE(second.error().message.find("--data-dir"), std::string::npos);
}

TEST(DataDirTest, ADeadWorkerHoldsNothing) {
  const std::string path = Fresh("dead");
  const pid_t child = ::fork();
  if (child == 0) {
    auto mine = DataDir::Open(path);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(DataDir::Open(path).ok());
}

TEST(DataDirTest, SaysWhereItCannotBeMade) {
  auto opened = DataDir::Open("/proc/nowhere");
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("/proc/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace zts::supervisor
