#include "jsruntime/launch.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"

namespace zts::js {
namespace {

TEST(LaunchTest, FlagsAreLinesWithoutComments) {
  EXPECT_EQ(ParseV8Flags("# why\n--a\n\n--b=1\n"), (std::vector<std::string>{"--a", "--b=1"}));
  EXPECT_EQ(ParseV8Flags("--last"), std::vector<std::string>{"--last"});
  EXPECT_TRUE(ParseV8Flags("").empty());
}

TEST(LaunchTest, BuildsTheCommandLine) {
  const std::string folder = std::string(getenv("TEST_TMPDIR")) + "/libexec";
  ASSERT_TRUE(MakeDirectories(folder).ok());
  setenv("ZTS_LIBEXEC", folder.c_str(), 1);
  // A name that is in no tree: the build tree beside this test may hold every real one already.
  EXPECT_FALSE(HostCommand("absent.node", {}).ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/zts-host", "").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/v8_flags.txt", "# x\n--flag\n").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/engine.node", "").ok());
  const auto command = HostCommand("engine.node", {"--io=uring", "x"});
  ASSERT_TRUE(command.ok()) << command.error().message;
  EXPECT_EQ(*command, (std::vector<std::string>{folder + "/zts-host", "--flag", folder + "/engine.node", "--io=uring", "x"}));
  EXPECT_EQ(HostCommand("/path/to/x.node", {}).value()[2], "/path/to/x.node");
  EXPECT_FALSE(HostCommand("absent.node", {}).ok());
}

}  // namespace
}  // namespace zts::js
