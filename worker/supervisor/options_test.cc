#include "worker/supervisor/options.h"

#include <gtest/gtest.h>

#include <fstream>

namespace zts::supervisor {
namespace {

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() { std::ofstream(token_) << "secret"; }
  std::variant<WorkerOptions, int> Parse(std::vector<std::string> extra, bool required = true) {
    std::vector<std::string> texts{"zts-worker"};
    if (required) {
      for (const std::string& text : {std::string("--controller"), std::string("127.0.0.1:1"), std::string("--token-file"),
                                      token_, std::string("--data-dir"), std::string("d")}) {
        texts.push_back(text);
      }
    }
    texts.insert(texts.end(), extra.begin(), extra.end());
    std::vector<const char*> argv;
    for (const std::string& text : texts) argv.push_back(text.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    auto parsed = ParseOptions(static_cast<int>(argv.size()), argv.data());
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return parsed;
  }
  std::string token_ = ::testing::TempDir() + "/token";
  std::string out_, err_;
};

TEST_F(OptionsTest, TheJitPolicyIsOneOfThree) {
  const auto parsed = Parse({"--jit", "eager", "--jit-threshold", "100"});
  const WorkerOptions* options = std::get_if<WorkerOptions>(&parsed);
  ASSERT_NE(options, nullptr) << err_;
  EXPECT_EQ(options->jit, "eager");
  EXPECT_EQ(options->jit_threshold, 100u);
  EXPECT_TRUE(std::holds_alternative<int>(Parse({"--jit", "sometimes"})));
  EXPECT_TRUE(std::holds_alternative<int>(Parse({"--jit-threshold", "0"})));
  ::setenv("ZTS_JIT_POLICY", "disabled", 1);
  const auto from_environment = Parse({});
  ::unsetenv("ZTS_JIT_POLICY");
  ASSERT_TRUE(std::holds_alternative<WorkerOptions>(from_environment)) << err_;
  EXPECT_EQ(std::get<WorkerOptions>(from_environment).jit, "disabled");
}

TEST_F(OptionsTest, HasDefaultsForAllButTheEssential) {
  const auto parsed = Parse({});
  const WorkerOptions* options = std::get_if<WorkerOptions>(&parsed);
  ASSERT_NE(options, nullptr) << err_;
  EXPECT_EQ(options->http, "127.0.0.1:8080");
  EXPECT_EQ(options->io, "auto");
  EXPECT_EQ(options->threads, 0u);
  EXPECT_FALSE(options->pin.has_value());
}

TEST_F(OptionsTest, ReadsAll) {
  const auto parsed = Parse({"--http", "0.0.0.0:80", "--admin", "127.0.0.1:9", "--threads", "3", "--io", "epoll", "--name", "n",
                             "--no-pin", "--ready-file", "r", "--drain-seconds", "5"});
  const WorkerOptions* options = std::get_if<WorkerOptions>(&parsed);
  ASSERT_NE(options, nullptr) << err_;
  EXPECT_EQ(options->threads, 3u);
  EXPECT_EQ(options->io, "epoll");
  EXPECT_EQ(options->pin, false);
  EXPECT_EQ(options->drain_seconds, 5u);
}

TEST_F(OptionsTest, TheMemoryBudgetIsASize) {
  const auto parsed = Parse({"--memory-budget", "2GiB"});
  const WorkerOptions* options = std::get_if<WorkerOptions>(&parsed);
  ASSERT_NE(options, nullptr) << err_;
  EXPECT_EQ(options->memory_budget, uint64_t{2} << 30);
  for (const char* wrong : {"much", "1MiB", "-1GiB"}) {
    const auto refused = Parse({"--memory-budget", wrong});
    ASSERT_NE(std::get_if<int>(&refused), nullptr) << wrong;
    EXPECT_NE(err_.find("512MiB or 2GiB"), std::string::npos) << err_;
  }
}

TEST_F(OptionsTest, PlainTextStaysOnThisMachineUnlessItIsSaid) {
  const std::string file = token_;
  for (const char* near : {"127.0.0.1:1", "localhost:1", "[::1]:1"}) {
    EXPECT_EQ(Parse({"--controller", near, "--token-file", file, "--data-dir", "d"}, false).index(), 0u) << near;
  }
  EXPECT_EQ(std::get<int>(Parse({"--controller", "10.0.0.1:1", "--token-file", file, "--data-dir", "d"}, false)), 2);
  EXPECT_NE(err_.find("--tls-ca"), std::string::npos) << err_;
  EXPECT_NE(err_.find("--insecure"), std::string::npos) << err_;
  EXPECT_EQ(Parse({"--controller", "10.0.0.1:1", "--token-file", file, "--data-dir", "d", "--insecure"}, false).index(), 0u);
  EXPECT_EQ(Parse({"--controller", "10.0.0.1:1", "--token-file", file, "--data-dir", "d", "--tls-ca", file}, false).index(), 0u);
  EXPECT_EQ(std::get<int>(Parse({"--tls-cert", file})), 2);
  EXPECT_EQ(std::get<int>(Parse({"--tls-cert", file, "--tls-key", file})), 2);
}

TEST_F(OptionsTest, RefusesNonsenseWithExitCodeTwo) {
  EXPECT_EQ(std::get<int>(Parse({"--io", "magic"})), 2);
  EXPECT_NE(err_.find("magic"), std::string::npos);
  EXPECT_EQ(std::get<int>(Parse({"--threads", "0"})), 2);
  EXPECT_EQ(std::get<int>(Parse({"--pin", "--no-pin"})), 2);
  EXPECT_EQ(std::get<int>(Parse({"--frobnicate"})), 2);
  EXPECT_EQ(std::get<int>(Parse({}, false)), 2);
}

TEST_F(OptionsTest, HelpIsNoFailure) {
  EXPECT_EQ(std::get<int>(Parse({"--help"})), 0);
  EXPECT_NE(out_.find("--ready-file"), std::string::npos);
}

}  // namespace
}  // namespace zts::supervisor
