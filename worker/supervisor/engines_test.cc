#include "worker/supervisor/engines.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/file.h"
#include "worker/engine/limits.h"
#include "worker/engine/net/listener.h"

namespace zts::supervisor {
namespace {

using State = EngineStatus::State;

// Real processes of the fake engine, with a script for its ways to die.
class EnginesTest : public ::testing::Test {
 protected:
  EnginesTest()
      : counters_(std::move(*ipc::SharedCounters::Create(2, 2 + 2 * kEngineClassesMax))),
        rows_(counters_.get(), &clock_),
        version_rows_(counters_.get(), &clock_) {
    script_ = ::testing::TempDir() + "/script." + std::to_string(::getpid()) + "." +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove(script_ + ".deaths");
  }

  void Start(const std::string& script = "") {
    std::ofstream(script_) << script;
    auto listeners = net::OpenListeners(*net::ParseSocketAddress("127.0.0.1:0"), 2);
    ASSERT_TRUE(listeners.ok());
    address_ = listeners->address;
    Engines::Options options;
    options.setup.snapshot_path = script_;
    options.setup.worker_name = "test";
    options.listeners = std::move(listeners->sockets);
    options.make_launcher = [](const EngineClass&) {
      return std::make_unique<ProcessLauncher>(
          std::vector<std::string>{std::filesystem::absolute("worker/supervisor/testing/fake_engine_process")},
          std::vector<std::string>{"LANG=C.UTF-8"});
    };
    options.clock = &clock_;
    options.counters = counters_.get();
    options.rows = &rows_;
    options.version_rows = &version_rows_;
    options.on_logs = [this](std::vector<LogRecord> records) {
      std::lock_guard lock(mutex_);
      for (LogRecord& record : records) logs_.push_back(std::move(record));
    };
    options.on_status = [this] {
      std::lock_guard lock(mutex_);
      changed_.notify_all();
    };
    engines_ = std::make_unique<Engines>(std::move(options));
  }

  static FunctionSpecPtr Spec(uint64_t id, const std::string& function) {
    auto spec = std::make_shared<FunctionSpec>();
    spec->version_id = id;
    spec->function = function;
    spec->number = id;
    spec->artifact_key = "fake-key";
    const std::string source = "src" + std::to_string(id);
    spec->source_bytes = source.size();
    spec->code_cache_bytes = 4;
    spec->content = std::move(*MakeSealedMemfd("test", source + "code"));
    return spec;
  }

  Status Deploy(uint64_t version, std::vector<FunctionSpecPtr> functions, std::vector<uint64_t> warm = {}) {
    ZTS_ASSIGN_OR_RETURN(std::vector<Problem> problems, engines_->Prepare({version, std::move(functions)}, std::move(warm)));
    if (!problems.empty()) return Invalid(problems[0].kind + ": " + problems[0].message);
    return engines_->Commit();
  }

  template <typename Condition>
  void WaitFor(Condition condition) {
    std::unique_lock lock(mutex_);
    while (true) {
      lock.unlock();
      const bool met = condition(engines_->status());
      lock.lock();
      if (met) return;
      changed_.wait_for(lock, std::chrono::milliseconds(50));
    }
  }

  // What a client hears; it waits while no engine accepts.
  std::string Ask() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_.storage), address_.size), 0);
    std::string text;
    char buffer[512];
    ssize_t got;
    while ((got = ::read(fd.get(), buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<size_t>(got));
    const size_t space = text.find(' ');
    return space == std::string::npos ? text : text.substr(space + 1);
  }

  SystemClock clock_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  CounterRows rows_;
  VersionRows version_rows_;
  std::string script_;
  net::SocketAddress address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LogRecord> logs_;
  std::unique_ptr<Engines> engines_;
};

TEST_F(EnginesTest, ServesWhatIsCommitted) {
  Start();
  ASSERT_TRUE(Deploy(1, {Spec(1, "a"), Spec(2, "b")}).ok());
  EXPECT_EQ(Ask(), "1 a=src1+4 b=src2+4");
  EXPECT_EQ(engines_->ArtifactKey(), "fake-key");
  EXPECT_EQ(engines_->status().io_backend, "fake");
  uint64_t counted = 0;
  for (uint32_t shard = 0; shard < 2; ++shard) {
    counted += counters_->shard(shard).functions[rows_.Assign("a")].requests[1].Read();
  }
  EXPECT_EQ(counted, 1u);
}

TEST_F(EnginesTest, AKilledEngineIsReplacedAndItsListenersStay) {
  Start();
  ASSERT_TRUE(Deploy(3, {Spec(1, "a")}).ok());
  const pid_t first = engines_->status().pid;
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  WaitFor([first](const EngineStatus& status) { return status.pid != first && status.serves_catalog; });
  EXPECT_EQ(Ask(), "3 a=src1+4");
  EXPECT_EQ(engines_->status().deaths[static_cast<int>(DeathCause::kKilled)], 1u);
}

TEST_F(EnginesTest, DeploysGoThroughWhereverTheEngineDies) {
  for (const char* step : {"start", "configure", "listener", "function", "prepare", "commit"}) {
    std::filesystem::remove(script_ + ".deaths");
    Start(std::string("die-at=") + step + "\ndeaths=2\n");
    ASSERT_TRUE(Deploy(1, {Spec(1, "a")}).ok()) << step;
    EXPECT_EQ(Ask(), "1 a=src1+4");
    EXPECT_EQ(engines_->status().deaths[static_cast<int>(DeathCause::kKilled)], 2u) << step;
    engines_.reset();
  }
}

TEST_F(EnginesTest, AVersionThatIsFatalAtEachAttemptIsRefusedByName) {
  Start("fatal=bad\n");
  ASSERT_TRUE(Deploy(1, {Spec(1, "a")}).ok());
  Status deployed = Deploy(2, {Spec(1, "a"), Spec(2, "bad")}, {2});
  ASSERT_FALSE(deployed.ok());
  EXPECT_EQ(deployed.error().message.substr(0, 12), "engine-died:");
  EXPECT_NE(deployed.error().message.find("out of memory in a builtin"), std::string::npos);
  WaitFor([](const EngineStatus& status) { return status.serves_catalog; });
  EXPECT_EQ(Ask(), "1 a=src1+4");
  EXPECT_EQ(engines_->status().deaths[static_cast<int>(DeathCause::kFatal)], 3u);
}

TEST_F(EnginesTest, ARefusedChangeLeavesTheOldCatalog) {
  Start("refuse=bad\n");
  ASSERT_TRUE(Deploy(1, {Spec(1, "a")}).ok());
  EXPECT_EQ(Deploy(2, {Spec(2, "bad")}).error().message, "exception: Error: refused");
  EXPECT_EQ(Ask(), "1 a=src1+4");
}

TEST_F(EnginesTest, LogsComeOut) {
  Start("log=hi\n");
  ASSERT_TRUE(Deploy(1, {Spec(1, "a")}).ok());
  std::lock_guard lock(mutex_);
  ASSERT_EQ(logs_.size(), 1u);
  EXPECT_EQ(logs_[0].function, "a");
  EXPECT_EQ(logs_[0].message, "hi");
}

TEST_F(EnginesTest, DrainEndsTheEngine) {
  Start();
  ASSERT_TRUE(Deploy(1, {Spec(1, "a")}).ok());
  engines_->Drain(10 * kSecond);
  WaitFor([](const EngineStatus& status) { return status.state == State::kStopped; });
  EXPECT_EQ(engines_->status().pid, 0);
  EXPECT_EQ(engines_->Prepare({2, {}}, {}).error().code, ErrorCode::kAborted);
}

TEST_F(EnginesTest, EndsAnEngineThatIsNotDrained) {
  Start();
  ASSERT_TRUE(Deploy(1, {Spec(1, "a")}).ok());
  const pid_t pid = engines_->status().pid;
  engines_.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace zts::supervisor
