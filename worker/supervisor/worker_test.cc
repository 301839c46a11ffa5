// The real zts-worker with a fake engine and a fake controller: what an operator sees of a worker's life.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "worker/supervisor/sync/testing/fake_controller.h"
#include "worker/supervisor/sync/testing/sync_fakes.h"

namespace zts::supervisor {
namespace {

using v1::UpdateResult;

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    folder_ = ::testing::TempDir() + "/worker." + std::to_string(::getpid()) + "." +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    // An installation whose host is the fake engine.
    std::filesystem::create_directories(folder_ + "/libexec");
    std::filesystem::create_symlink(std::filesystem::absolute("worker/supervisor/testing/fake_engine_process"),
                                    folder_ + "/libexec/zts-host");
    for (const char* name : {"engine.node", "v8_flags.txt", "web.snapshot"}) std::ofstream(folder_ + "/libexec/" + name).flush();
    std::ofstream(folder_ + "/token") << "secret";
    controller_.Start();
  }
  ~WorkerTest() override {
    if (pid_ > 0) Kill();
  }

  void Script(const std::string& text) { std::ofstream(folder_ + "/libexec/web.snapshot") << text; }

  pid_t Spawn(const char* extra = nullptr) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::setenv("ZTS_LIBEXEC", (folder_ + "/libexec").c_str(), 1);
    const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execl(program_.c_str(), "zts-worker", "--controller", controller_.address().c_str(), "--token-file",
            (folder_ + "/token").c_str(), "--data-dir", (folder_ + "/data").c_str(), "--http", listen_.c_str(), "--ready-file",
            (folder_ + "/ready").c_str(), "--threads", "2", "--name", "w", "--drain-seconds", "20", extra, nullptr);
    ::_exit(127);
  }
  // Spawns a worker and waits until `condition` holds, which something in the folder changes.
  template <typename Condition>
  void SpawnUntil(Condition condition) {
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC));
    ASSERT_GE(::inotify_add_watch(watch.get(), folder_.c_str(), IN_MOVED_TO | IN_MODIFY), 0);
    if (pid_ == 0) pid_ = Spawn();
    char events[4096];
    while (!condition()) ASSERT_GT(::read(watch.get(), events, sizeof events), 0);
  }
  // Starts a worker and waits for its ready file.
  void Start() {
    if (pid_ == 0) std::filesystem::remove(folder_ + "/ready");
    SpawnUntil([this] { return std::filesystem::exists(folder_ + "/ready"); });
    const auto ready = nlohmann::json::parse(*ReadFile(folder_ + "/ready"));
    EXPECT_EQ(ready["pid"], pid_);
    http_ = ready["http"];
    admin_ = ready["admin"];
  }
  int Wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return status;
  }
  int Terminate() {
    ::kill(pid_, SIGTERM);
    return Wait();
  }
  void Kill() {
    ::kill(pid_, SIGKILL);
    Wait();
  }
  std::string Log() { return *ReadFile(folder_ + "/log"); }

  // Sends, and reads until the peer closes.
  static std::string Talk(const std::string& address, const std::string& request = "") {
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    const size_t colon = address.find(':');
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
    peer.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) return "no connection";
    if (!request.empty() && ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "not sent";
    std::string text;
    char buffer[4096];
    ssize_t got;
    while ((got = ::read(fd.get(), buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<size_t>(got));
    return text;
  }
  // "CATALOG name=source+N ..." of the fake engine, and which process it was.
  std::string Ask() {
    const std::string text = Talk(http_);
    engine_pid_ = ParseInteger<pid_t>(text.substr(0, text.find(' '))).value_or(0);
    return text.substr(text.find(' ') + 1);
  }
  std::string Admin(const std::string& path) {
    return Talk(admin_, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  bool Ready() { return Admin("/readyz").starts_with("HTTP/1.1 200"); }

  UpdateResult Push(uint64_t version, std::vector<v1::FunctionVersion> functions) {
    v1::ControllerMessage message;
    v1::Update* update = message.mutable_update();
    update->set_store_id("store");
    update->set_catalog_version(version);
    update->set_full(true);
    for (auto& function : functions) *update->add_upserts() = function;
    for (const auto& [digest, content] : blobs_.content) controller_.AddBlob(digest, content);
    controller_.Push(message);
    return NextResult();
  }
  UpdateResult Activate(uint64_t version) {
    v1::ControllerMessage message;
    message.mutable_activate()->set_catalog_version(version);
    controller_.Push(message);
    return NextResult();
  }
  UpdateResult NextResult() {
    while (true) {
      const v1::WorkerMessage message = controller_.Next();
      if (message.has_logs()) logs_.push_back(message.logs().records(0));
      if (message.has_result()) return message.result();
    }
  }
  v1::Hello NextHello() {
    while (true) {
      const v1::WorkerMessage message = controller_.Next();
      if (message.has_hello()) return message.hello();
    }
  }
  void Deploy(uint64_t version, std::vector<v1::FunctionVersion> functions) {
    ASSERT_EQ(Push(version, std::move(functions)).state(), UpdateResult::PREPARED);
    ASSERT_EQ(Activate(version).state(), UpdateResult::ACTIVE);
  }

  // Listens on a port of the test's own, which the next worker is to have.
  UniqueFd HoldPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    UniqueFd holder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(holder.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(holder.get(), 1), 0);
    EXPECT_EQ(::getsockname(holder.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    listen_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    return holder;
  }
  bool LogHas(const std::string& text) {
    const auto log = ReadFile(folder_ + "/log");
    return log.ok() && log->find(text) != std::string::npos;
  }

  std::string listen_ = "127.0.0.1:0";
  std::string folder_, http_, admin_;
  std::string program_ = "worker/zts-worker";
  pid_t pid_ = 0;
  pid_t engine_pid_ = 0;
  std::vector<v1::LogRecord> logs_;
  FakeBlobs blobs_;
  FakeController controller_{"secret"};
};

TEST_F(WorkerTest, ServesWhatIsDeployed) {
  Start();
  const v1::Hello hello = NextHello();
  EXPECT_EQ(hello.worker(), "w");
  EXPECT_EQ(hello.http_address(), http_);
  EXPECT_EQ(hello.shards(), 2u);
  EXPECT_EQ(hello.artifact_key(), "fake-key");
  EXPECT_EQ(hello.io_backend(), "fake");
  EXPECT_TRUE(Admin("/healthz").starts_with("HTTP/1.1 200"));
  EXPECT_FALSE(Ready()) << "no catalog from anybody yet";
  Deploy(4, {blobs_.Version("a", 1, "fake-key")});
  EXPECT_EQ(Ask(), "4 a=source of a1+10");
  EXPECT_TRUE(Ready());
  const std::string metrics = Admin("/metrics");
  EXPECT_NE(metrics.find("zts_catalog_version 4\n"), std::string::npos);
  EXPECT_NE(metrics.find("zts_controller_connected 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("zts_requests_total{function=\"a\",code=\"2xx\"} 1\n"), std::string::npos) << metrics;
  EXPECT_EQ(Terminate(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/ready"));
}

TEST_F(WorkerTest, AnEmptyCatalogOfTheControllerMakesItReady) {
  Start();
  NextHello();
  Deploy(1, {});
  EXPECT_TRUE(Ready());
}

TEST_F(WorkerTest, AKilledWorkerServesOnWithoutTheController) {
  Start();
  NextHello();
  Deploy(4, {blobs_.Version("a", 1)});
  Kill();
  controller_.Stop();
  Start();
  EXPECT_EQ(Ask().substr(0, 17), "4 a=source of a1+");
  EXPECT_TRUE(Ready());
}

// A killed engine's ring outlives it by a moment, and holds the port.
TEST_F(WorkerTest, WaitsForAPortThatIsAboutToBeFree) {
  UniqueFd holder = HoldPort();
  SpawnUntil([&] { return LogHas(listen_ + " is in use by another process"); });
  holder.reset();
  Start();
  EXPECT_EQ(http_, listen_);
}

TEST_F(WorkerTest, NamesAPortThatSomebodyElseKeeps) {
  const UniqueFd holder = HoldPort();
  SpawnUntil([&] { return LogHas(listen_ + " is in use by another process"); });
  // Told to stop, it does not wait to the end.
  const int status = Terminate();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << Log();
  EXPECT_TRUE(LogHas("zts-worker: " + listen_ + " is in use by another process")) << Log();
}

TEST_F(WorkerTest, TheEngineDiesWithAKilledWorker) {
  Start();
  NextHello();
  Deploy(4, {blobs_.Version("a", 1)});
  Ask();
  ASSERT_GT(engine_pid_, 0);
  UniqueFd engine(static_cast<int>(::syscall(SYS_pidfd_open, engine_pid_, 0)));
  Kill();
  pollfd gone{engine.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&gone, 1, 60'000), 1);
}

TEST_F(WorkerTest, AKilledEngineIsBackWithAllFunctions) {
  Start();
  NextHello();
  Deploy(4, {blobs_.Version("a", 1), blobs_.Version("b", 2)});
  for (int i = 0; i < 5; ++i) {
    Ask();
    const pid_t killed = engine_pid_;
    ASSERT_EQ(::kill(killed, SIGKILL), 0);
    // A connection may meet the dying engine's last moment; the next ones wait for the new one.
    std::string answer;
    do {
      answer = Ask();
    } while (engine_pid_ == killed || engine_pid_ == 0);
    EXPECT_EQ(answer, "4 a=source of a1+0 b=source of b2+0");
  }
  // Known to the supervisor as well, and the deploy after it goes the usual way.
  Deploy(5, {blobs_.Version("a", 3)});
  EXPECT_NE(Admin("/metrics").find("zts_engine_restarts_total{cause=\"killed\"} 5\n"), std::string::npos);
}

TEST_F(WorkerTest, ARefusedUpdateIsANackWithTheReason) {
  Script("refuse=bad\n");
  Start();
  NextHello();
  Deploy(1, {blobs_.Version("a", 1)});
  const UpdateResult nack = Push(2, {blobs_.Version("a", 1), blobs_.Version("bad", 7)});
  EXPECT_EQ(nack.state(), UpdateResult::NACK);
  ASSERT_EQ(nack.problems_size(), 1);
  EXPECT_EQ(nack.problems(0).function(), "bad");
  EXPECT_EQ(nack.problems(0).number(), 7u);
  EXPECT_EQ(nack.problems(0).error().message(), "Error: refused");
  EXPECT_EQ(Ask().substr(0, 4), "1 a=");
}

TEST_F(WorkerTest, AFunctionThatEndsTheEngineIsNackedAndReportedToItsOwner) {
  Script("fatal=bad\n");
  Start();
  NextHello();
  Deploy(1, {blobs_.Version("a", 1)});
  v1::ControllerMessage message;
  v1::Update* update = message.mutable_update();
  update->set_store_id("store");
  update->set_catalog_version(2);
  update->set_full(true);
  *update->add_upserts() = blobs_.Version("bad", 2);
  for (const auto& [digest, content] : blobs_.content) controller_.AddBlob(digest, content);
  controller_.Push(message);
  bool nacked = false, reported = false;
  while (!nacked || !reported) {
    const v1::WorkerMessage said = controller_.Next();
    if (said.has_result()) {
      EXPECT_EQ(said.result().state(), UpdateResult::NACK);
      EXPECT_EQ(said.result().problems(0).function(), "bad");
      nacked = true;
    }
    if (said.has_logs()) {
      for (const auto& record : said.logs().records()) {
        EXPECT_EQ(record.function(), "bad");
        reported |= record.message().find("barred") != std::string::npos;
      }
    }
  }
  EXPECT_NE(Log().find("out of memory in a builtin"), std::string::npos);
}

TEST_F(WorkerTest, FunctionsLogsReachTheController) {
  Script("log=hi there\n");
  Start();
  NextHello();
  Deploy(1, {blobs_.Version("a", 1)});
  // It may have come before the answer.
  while (logs_.empty()) {
    const v1::WorkerMessage message = controller_.Next();
    if (message.has_logs()) logs_.push_back(message.logs().records(0));
  }
  EXPECT_EQ(logs_[0].message(), "hi there");
  EXPECT_EQ(logs_[0].function(), "a");
  EXPECT_EQ(logs_[0].worker(), "w");
}

TEST_F(WorkerTest, GoesOnWhenTheControllerIsAwayAndCatchesUp) {
  Start();
  NextHello();
  Deploy(1, {blobs_.Version("a", 1)});
  const int port = controller_.port();
  controller_.Stop();
  EXPECT_EQ(Ask().substr(0, 4), "1 a=");
  EXPECT_TRUE(Ready());
  controller_.Start(port);
  const v1::Hello hello = NextHello();
  EXPECT_EQ(hello.store_id(), "store");
  EXPECT_EQ(hello.active_version(), 1u);
  Deploy(2, {blobs_.Version("a", 2)});
  EXPECT_EQ(Ask().substr(0, 16), "2 a=source of a2");
}

TEST_F(WorkerTest, ASecondWorkerInTheSameFolderIsTurnedAway) {
  Start();
  const pid_t second = Spawn();
  int status = 0;
  ASSERT_EQ(::waitpid(second, &status, 0), second);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(Log().find("another zts-worker is using"), std::string::npos);
}

TEST_F(WorkerTest, ASuccessorTakesItsPlace) {
  Start();
  ASSERT_EQ(NextHello().worker(), "w");
  Deploy(1, {blobs_.Version("a", 1)});
  EXPECT_EQ(Ask(), "1 a=source of a1+0");
  const pid_t old = std::exchange(pid_, Spawn("--takeover"));
  const pid_t old_engine = engine_pid_;
  const std::string http = http_, admin = admin_;
  const v1::Hello hello = NextHello();  // the older one's stream has ended before
  EXPECT_EQ(hello.worker(), "w");
  EXPECT_EQ(hello.active_version(), 1u);
  int status = 0;
  EXPECT_EQ(::waitpid(old, &status, 0), old);
  EXPECT_EQ(status, 0) << Log();
  Start();
  EXPECT_EQ(http_, http);
  EXPECT_EQ(admin_, admin);
  EXPECT_TRUE(Ready());
  EXPECT_EQ(Ask(), "1 a=source of a1+0");
  EXPECT_NE(engine_pid_, old_engine);
  Deploy(2, {blobs_.Version("a", 2)});
  EXPECT_EQ(Ask(), "2 a=source of a2+0");
  EXPECT_EQ(Terminate(), 0);
}

TEST_F(WorkerTest, ASuccessorThatCannotStartChangesNothing) {
  Start();
  ASSERT_EQ(NextHello().worker(), "w");
  Deploy(1, {blobs_.Version("a", 1)});
  const std::string http = std::exchange(listen_, "127.0.0.1:1");
  const pid_t old = std::exchange(pid_, Spawn("--takeover"));
  EXPECT_NE(Wait(), 0);
  EXPECT_TRUE(LogHas("serves on " + http_ + ", not on 127.0.0.1:1")) << Log();
  pid_ = old;
  EXPECT_EQ(Ask(), "1 a=source of a1+0");
  EXPECT_TRUE(Ready());
  Deploy(2, {blobs_.Version("a", 2)});
  EXPECT_EQ(Ask(), "2 a=source of a2+0");
  EXPECT_EQ(Terminate(), 0);
}

TEST_F(WorkerTest, TakeoverOfNobodyIsAStart) {
  pid_ = Spawn("--takeover");
  Start();
  EXPECT_EQ(NextHello().worker(), "w");
  EXPECT_EQ(Terminate(), 0);
}

TEST_F(WorkerTest, AMissingPartOfTheInstallationIsNamed) {
  std::filesystem::remove(folder_ + "/libexec/engine.node");
  // Away from the build tree, which has the real one.
  program_ = folder_ + "/zts-worker";
  std::filesystem::copy_file("worker/zts-worker", program_);
  pid_ = Spawn();
  EXPECT_EQ(WEXITSTATUS(Wait()), 1);
  EXPECT_NE(Log().find("engine.node is missing"), std::string::npos) << Log();
}

TEST_F(WorkerTest, ASecondSignalEndsAtOnce) {
  Script("die-at=never\nhang=drain\n");
  Start();
  NextHello();
  ::kill(pid_, SIGTERM);
  while (Log().find("draining") == std::string::npos) std::this_thread::yield();
  EXPECT_NE(Admin("/readyz").find("draining"), std::string::npos);
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(WEXITSTATUS(Wait()), 1);
}

}  // namespace
}  // namespace zts::supervisor
