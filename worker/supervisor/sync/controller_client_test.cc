#include "worker/supervisor/sync/controller_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "worker/supervisor/sync/testing/fake_controller.h"
#include "worker/supervisor/sync/testing/sync_fakes.h"

namespace zts::supervisor {
namespace {

using v1::UpdateResult;

class ControllerClientTest : public ::testing::Test {
 protected:
  ControllerClientTest() {
    const std::string base = ::testing::TempDir() + "/client." + std::to_string(::getpid()) + "." +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(base);
    cache_ = std::move(*DiskCache::Open(base));
    token_file_ = base + "/token";
    std::ofstream(token_file_) << "secret\n";
    EXPECT_TRUE(applier_.StartFromDiskOf(cache_.get()));
  }

  void StartClient(const std::string& address) {
    ControllerClient::Options options;
    options.address = address;
    options.token_file = token_file_;
    options.worker = "w1";
    options.http_address = "127.0.0.1:8080";
    options.shards = 2;
    options.engine = [] {
      EngineStatus status;
      status.artifact_key = "key";
      status.io_backend = "epoll";
      return status;
    };
    options.windows = windows_;
    options.ask_jit = ask_jit_;
    client_ = std::make_unique<ControllerClient>(std::move(options), applier_.get(), &logs_);
    client_->Start();
  }
  void Start() {
    controller_.Start();
    StartClient(controller_.address());
  }
  v1::Hello ExpectHello() {
    const v1::WorkerMessage message = controller_.Next();
    EXPECT_TRUE(message.has_hello());
    return message.hello();
  }
  UpdateResult ExpectResult() {
    const v1::WorkerMessage message = controller_.Next();
    EXPECT_TRUE(message.has_result());
    return message.result();
  }
  void PushUpdate(uint64_t version, std::vector<v1::FunctionVersion> functions) {
    v1::ControllerMessage message;
    v1::Update* update = message.mutable_update();
    update->set_store_id("store");
    update->set_catalog_version(version);
    update->set_nonce(version * 10);
    update->set_full(true);
    for (auto& function : functions) *update->add_upserts() = function;
    for (const auto& [digest, content] : blobs_.content) controller_.AddBlob(digest, content);
    controller_.Push(message);
  }
  void PushActivate(uint64_t version) {
    v1::ControllerMessage message;
    message.mutable_activate()->set_catalog_version(version);
    message.mutable_activate()->set_nonce(version * 10 + 1);
    controller_.Push(message);
  }

  // An applier over a fake sink, with the order of their lives in one place.
  struct Applying {
    FakeSink sink;
    std::unique_ptr<Applier> applier;
    bool StartFromDiskOf(DiskCache* cache) {
      applier = std::make_unique<Applier>(&sink, cache, [] { return Result<AeadKey>(AeadKey{}); });
      return applier->StartFromDisk().ok();
    }
    Applier* get() { return applier.get(); }
    Applier* operator->() { return applier.get(); }
  };

  std::string token_file_;
  FakeBlobs blobs_;
  std::unique_ptr<DiskCache> cache_;
  Applying applier_;
  LogQueue logs_;
  std::function<std::vector<VersionWindow>()> windows_;
  std::function<void(const std::string&, Nanos, JitSurveys::Done)> ask_jit_;
  FakeController controller_{"secret"};
  std::unique_ptr<ControllerClient> client_;
};

TEST_F(ControllerClientTest, SaysWhoItIs) {
  Start();
  const v1::Hello hello = ExpectHello();
  EXPECT_EQ(hello.worker(), "w1");
  EXPECT_EQ(hello.http_address(), "127.0.0.1:8080");
  EXPECT_EQ(hello.shards(), 2u);
  EXPECT_EQ(hello.artifact_key(), "key");
  EXPECT_EQ(hello.io_backend(), "epoll");
  EXPECT_EQ(hello.store_id(), "");
  EXPECT_EQ(hello.active_version(), 0u);
}

TEST_F(ControllerClientTest, AnswersQuestionsAboutCode) {
  controller_.Start();
  ask_jit_ = [](const std::string& function, Nanos watch, const JitSurveys::Done& done) {
    JitSurvey survey;
    survey.watch = watch;
    survey.versions.push_back({.number = 4, .isolates = 2, .watched = 1, .functions = {}, .left_out = 0});
    survey.versions[0].functions.push_back({.name = function, .line = 1, .column = 2, .isolates = {0, 0, 1, 1}, .code_bytes = 9});
    survey.versions[0].functions[0].deoptimizations.push_back({"wrong map", 3, 5});
    done(survey);
  };
  StartClient(controller_.address());
  ExpectHello();
  v1::ControllerMessage question;
  question.mutable_ask_jit()->set_id(12);
  question.mutable_ask_jit()->set_function("f");
  question.mutable_ask_jit()->set_watch_ns(kSecond);
  controller_.Push(question);
  const v1::WorkerMessage answer = controller_.Next();
  ASSERT_TRUE(answer.has_jit());
  EXPECT_EQ(answer.jit().id(), 12u);
  EXPECT_EQ(answer.jit().watch_ns(), kSecond);
  const v1::VersionJit& version = answer.jit().versions(0);
  EXPECT_EQ(version.number(), 4u);
  EXPECT_EQ(version.functions(0).name(), "f");
  EXPECT_EQ(version.functions(0).maglev(), 1u);
  EXPECT_EQ(version.functions(0).turbofan(), 1u);
  EXPECT_EQ(version.functions(0).deoptimizations(0).count(), 5u);
}

TEST_F(ControllerClientTest, AppliesWhatIsPushed) {
  Start();
  ExpectHello();
  PushUpdate(3, {blobs_.Version("a", 1)});
  UpdateResult result = ExpectResult();
  EXPECT_EQ(result.state(), UpdateResult::PREPARED);
  EXPECT_EQ(result.nonce(), 30u);
  PushActivate(3);
  result = ExpectResult();
  EXPECT_EQ(result.state(), UpdateResult::ACTIVE);
  EXPECT_EQ(result.nonce(), 31u);
  EXPECT_EQ(applier_.sink.Serving(), "a=1");
  EXPECT_TRUE(client_->status().connected);
}

TEST_F(ControllerClientTest, ComesBackAfterTheStreamEndsAndSaysWhatItHas) {
  Start();
  ExpectHello();
  PushUpdate(3, {blobs_.Version("a", 1)});
  ExpectResult();
  PushActivate(3);
  ExpectResult();
  controller_.Hang();
  const v1::Hello hello = ExpectHello();
  EXPECT_EQ(hello.store_id(), "store");
  EXPECT_EQ(hello.active_version(), 3u);
}

TEST_F(ControllerClientTest, ComesBackToARestartedController) {
  Start();
  ExpectHello();
  const int port = controller_.port();
  controller_.Stop();
  controller_.Start(port);
  ExpectHello();
  while (client_->status().connects < 2) std::this_thread::yield();  // the Hello arrives a moment before it is counted
}

TEST_F(ControllerClientTest, FindsAControllerThatComesLater) {
  controller_.Start();
  const int port = controller_.port();
  controller_.Stop();
  StartClient("127.0.0.1:" + std::to_string(port));
  while (client_->status().failures < 2) std::this_thread::yield();
  EXPECT_FALSE(client_->status().connected);
  EXPECT_NE(client_->status().last_error.find("no controller at"), std::string::npos);
  controller_.Start(port);
  ExpectHello();
}

TEST_F(ControllerClientTest, ARefusedTokenIsSaidSoAndReadAgain) {
  std::ofstream(token_file_) << "wrong";
  Start();
  controller_.WaitForRefusals(2);
  while (client_->status().last_error.find("token") == std::string::npos) std::this_thread::yield();
  EXPECT_EQ(client_->status().connects, 0u) << "no attempt counts as connected";
  EXPECT_FALSE(client_->status().connected);
  std::ofstream(token_file_) << "secret";
  ExpectHello();
  while (!client_->status().connected) std::this_thread::yield();
  EXPECT_EQ(client_->status().connects, 1u);
}

TEST_F(ControllerClientTest, AControllerThatDoesNotSayThatItAcceptsIsConnectedByItsFirstMessage) {
  controller_.sends_accepted = false;
  Start();
  ExpectHello();
  EXPECT_FALSE(client_->status().connected);
  PushUpdate(3, {blobs_.Version("a", 1)});
  EXPECT_EQ(ExpectResult().state(), UpdateResult::PREPARED);
  EXPECT_TRUE(client_->status().connected);
}

TEST_F(ControllerClientTest, WindowsOfDividedVersionsAreSent) {
  windows_ = [] { return std::vector<VersionWindow>{{"f", 3, 100, 5, 1, {{kMillisecond, 99}, {2 * kMillisecond, 1}}}}; };
  Start();
  ExpectHello();
  const v1::WorkerMessage message = controller_.Next();
  ASSERT_TRUE(message.has_windows());
  const v1::VersionWindow& window = message.windows().windows(0);
  EXPECT_EQ(window.function(), "f");
  EXPECT_EQ(window.number(), 3u);
  EXPECT_EQ(window.requests(), 100u);
  EXPECT_EQ(window.errors(), 5u);
  EXPECT_EQ(window.cold_starts(), 1u);
  ASSERT_EQ(window.latencies_size(), 2);
  EXPECT_EQ(window.latencies(1).up_to_ns(), 2 * kMillisecond);
  EXPECT_EQ(window.latencies(1).count(), 1u);
}

TEST_F(ControllerClientTest, AMissingTokenIsTriedAgain) {
  std::filesystem::remove(token_file_);
  Start();
  while (client_->status().failures < 1) std::this_thread::yield();
  EXPECT_NE(client_->status().last_error.find(token_file_), std::string::npos);
  std::ofstream(token_file_) << "secret";
  ExpectHello();
}

TEST_F(ControllerClientTest, ADeltaThatDoesNotFitOpensTheStreamAnew) {
  Start();
  ExpectHello();
  v1::ControllerMessage message;
  message.mutable_update()->set_store_id("store");
  message.mutable_update()->set_base_version(77);
  message.mutable_update()->set_catalog_version(78);
  controller_.Push(message);
  EXPECT_EQ(ExpectHello().active_version(), 0u);
}

TEST_F(ControllerClientTest, ContentLargerThanSaidIsRefused) {
  Start();
  ExpectHello();
  v1::FunctionVersion version = blobs_.Version("a", 1);
  version.set_bundle_bytes(3);
  PushUpdate(1, {version});
  const UpdateResult result = ExpectResult();
  EXPECT_EQ(result.state(), UpdateResult::NACK);
  EXPECT_NE(result.problems(0).error().message().find("larger"), std::string::npos);
}

TEST_F(ControllerClientTest, ContentTheControllerDoesNotHaveIsANack) {
  Start();
  ExpectHello();
  v1::FunctionVersion version = blobs_.Version("a", 1);
  blobs_.content.clear();
  PushUpdate(1, {version});
  EXPECT_EQ(ExpectResult().state(), UpdateResult::NACK);
}

TEST_F(ControllerClientTest, SendsLogsAlsoThoseOfBefore) {
  LogRecord record;
  record.function = "a";
  record.number = 4;
  record.severity = "warn";
  record.message = "hello";
  record.request_id = "r";
  record.dropped_before = 2;
  logs_.Add({record});
  Start();
  ExpectHello();
  const v1::WorkerMessage message = controller_.Next();
  ASSERT_TRUE(message.has_logs());
  const v1::LogRecord& got = message.logs().records(0);
  EXPECT_EQ(got.function(), "a");
  EXPECT_EQ(got.version_number(), 4u);
  EXPECT_EQ(got.severity(), "warn");
  EXPECT_EQ(got.message(), "hello");
  EXPECT_EQ(got.request_id(), "r");
  EXPECT_EQ(got.worker(), "w1");
  EXPECT_EQ(got.dropped_before(), 2u);
  logs_.Add({record});
  EXPECT_TRUE(controller_.Next().has_logs());
}

TEST_F(ControllerClientTest, StartsAgainAfterAStop) {
  Start();
  ExpectHello();
  client_->Stop();
  client_->Start();
  ExpectHello();
}

TEST_F(ControllerClientTest, StopsInMidStreamAndInMidWait) {
  Start();
  ExpectHello();
  client_->Stop();
  client_->Stop();
  EXPECT_FALSE(client_->status().connected);
  controller_.Stop();
  StartClient("127.0.0.1:1");
  client_->Stop();
}

}  // namespace
}  // namespace zts::supervisor
