// A whole engine over real sockets and fake isolates: the supervisor's side of the channel is the test's.
#include "worker/engine/engine.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "jsruntime/testing/fake_isolate.h"

namespace zts {
namespace {

constexpr uint32_t kShards = 2;

class EngineTest : public testing::TestWithParam<std::string> {
 protected:
  EngineTest() {
    auto pair = ipc::Channel::MakePair();
    channel_.emplace(std::move(pair->first));
    auto counters = ipc::SharedCounters::Create(kShards);
    counters_ = std::move(counters).value();
    engine_ = std::make_unique<Engine>(Engine::Options{
        .channel = std::move(pair->second),
        .make_factory = [this](const std::string& path) -> Result<std::unique_ptr<js::IsolateFactory>> {
          if (path == "missing") return NotFound("no snapshot");
          return std::unique_ptr<js::IsolateFactory>(std::make_unique<js::FakeIsolateFactory>(&clock_));
        },
        .artifact_key = [] { return std::string("fake-key"); }});
    thread_ = std::thread([this] { exit_code_ = engine_->Run(); });
  }
  ~EngineTest() override {
    channel_->Shutdown();
    if (thread_.joinable()) thread_.join();
    engine_.reset();
  }

  void Tell(const ipc::ToEngine& message, int descriptor = -1) {
    ASSERT_TRUE(channel_->Send(message.SerializeAsString(), descriptor).ok());
  }
  // The next message that is no log.
  ipc::FromEngine Hear() {
    ipc::FromEngine message;
    for (;;) {
      auto received = channel_->Receive();
      if (!received.ok()) return {};
      EXPECT_TRUE(message.ParseFromString(received->bytes));
      if (!message.has_logs()) return message;
      for (const auto& record : message.logs().records()) logs_.push_back(record.message());
    }
  }
  int ExitCode() {
    thread_.join();
    return exit_code_;
  }

  // Two listeners on one port, as the supervisor makes them.
  UniqueFd Listener() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 128), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    return fd;
  }

  void Configure(const std::string& io, const std::string& snapshot = "") {
    ipc::ToEngine message;
    message.mutable_configure()->set_shards(kShards);
    message.mutable_configure()->set_io(io);
    message.mutable_configure()->set_snapshot_path(snapshot);
    Tell(message, counters_->fd());
  }
  void AddListeners() {
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      ipc::ToEngine message;
      message.mutable_add_listener()->set_shard(shard);
      listeners_.push_back(Listener());
      Tell(message, listeners_.back().get());
    }
  }
  void Start() {
    Configure(GetParam());
    AddListeners();
    const ipc::FromEngine ready = Hear();
    ASSERT_TRUE(ready.has_ready());
    EXPECT_EQ(ready.ready().artifact_key(), "fake-key");
  }
  void Add(uint64_t id, const std::string& function, const std::string& source, const std::string& route = "") {
    ipc::ToEngine message;
    ipc::AddFunction* add = message.mutable_add_function();
    add->set_version_id(id);
    add->set_function(function);
    add->set_number(id);
    add->set_main_module(function + ".js");
    add->set_source_bytes(source.size());
    add->set_counter_row(static_cast<uint32_t>(id));
    if (!route.empty()) add->add_routes(route);
    Tell(message, MakeSealedMemfd("bundle", source)->get());
  }
  ipc::Prepared Prepare(uint64_t catalog, const std::vector<uint64_t>& ids) {
    ipc::ToEngine message;
    message.mutable_prepare()->set_catalog_version(catalog);
    for (uint64_t id : ids) {
      message.mutable_prepare()->add_version_ids(id);
      message.mutable_prepare()->add_warm(id);
    }
    Tell(message);
    const ipc::FromEngine answer = Hear();
    EXPECT_TRUE(answer.has_prepared());
    EXPECT_EQ(answer.prepared().catalog_version(), catalog);
    return answer.prepared();
  }
  void Commit(uint64_t catalog) {
    ipc::ToEngine message;
    message.mutable_commit()->set_catalog_version(catalog);
    Tell(message);
    const ipc::FromEngine answer = Hear();
    ASSERT_TRUE(answer.has_committed());
    EXPECT_EQ(answer.committed().catalog_version(), catalog);
  }
  void Drain() {
    ipc::ToEngine message;
    message.mutable_drain()->set_timeout_ms(10'000);
    Tell(message);
  }

  // One request on a connection of its own: the whole answer.
  std::string Get(const std::string& path) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "not connected";
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, static_cast<size_t>(got));
    return answer;
  }
  static std::string Body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

  SystemClock clock_;
  std::optional<ipc::Channel> channel_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  std::vector<UniqueFd> listeners_;
  uint16_t port_ = 0;
  std::vector<std::string> logs_;
  std::unique_ptr<Engine> engine_;
  std::thread thread_;
  int exit_code_ = -1;
};

TEST_P(EngineTest, ServesWhatIsCommittedOnEveryShard) {
  Start();
  Add(1, "hello", "respond 200 hi");
  EXPECT_EQ(Prepare(1, {1}).problems_size(), 0);
  Commit(1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Body(Get("/hello")), "hi");
  uint64_t answered = 0;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    EXPECT_EQ(counters_->shard(shard).active_catalog.Read(), 1u);
    answered += counters_->shard(shard).functions[1].requests[1].Read();
  }
  EXPECT_EQ(answered, 20u);
  Drain();
  EXPECT_TRUE(Hear().has_drained());
  EXPECT_EQ(ExitCode(), Engine::kExitDrained);
}

TEST_P(EngineTest, WithoutListenersItRunsAndAcceptsNobody) {
  ipc::ToEngine message;
  message.mutable_configure()->set_shards(kShards);
  message.mutable_configure()->set_io(GetParam());
  message.mutable_configure()->set_without_listeners(true);
  Tell(message, counters_->fd());
  ASSERT_TRUE(Hear().has_ready());
  Add(1, "hello", "respond 200 hi");
  EXPECT_EQ(Prepare(1, {1}).problems_size(), 0);
  Commit(1);
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    EXPECT_EQ(counters_->shard(shard).active_catalog.Read(), 1u);
    EXPECT_EQ(counters_->shard(shard).warm_isolates.Read(), 1u);
  }
  Drain();
  EXPECT_TRUE(Hear().has_drained());
  EXPECT_EQ(ExitCode(), Engine::kExitDrained);
}

TEST_P(EngineTest, AListenerForOneWithoutIsNonsense) {
  ipc::ToEngine message;
  message.mutable_configure()->set_shards(kShards);
  message.mutable_configure()->set_io(GetParam());
  message.mutable_configure()->set_without_listeners(true);
  Tell(message, counters_->fd());
  ASSERT_TRUE(Hear().has_ready());
  message.mutable_add_listener()->set_shard(0);
  const UniqueFd listener = Listener();
  Tell(message, listener.get());
  EXPECT_EQ(ExitCode(), Engine::kExitProtocol);
}

TEST_P(EngineTest, AReplacedVersionIsServedAfterItsCommitAndNotBefore) {
  Start();
  Add(1, "f", "respond 200 old");
  Prepare(1, {1});
  Commit(1);
  Add(2, "f", "respond 200 new");
  Prepare(2, {2});
  EXPECT_EQ(Body(Get("/f")), "old");
  Commit(2);
  EXPECT_EQ(Body(Get("/f")), "new");
}

TEST_P(EngineTest, ABrokenVersionIsAProblemToldOnce) {
  Start();
  Add(1, "good", "respond 200 hi");
  Prepare(1, {1});
  Commit(1);
  Add(2, "bad", "load-error syntax-error Unexpected token");
  const ipc::Prepared prepared = Prepare(2, {1, 2});
  ASSERT_EQ(prepared.problems_size(), 1);
  EXPECT_EQ(prepared.problems(0).version_id(), 2u);
  EXPECT_EQ(prepared.problems(0).kind(), "syntax-error");
  EXPECT_EQ(prepared.problems(0).line(), 1);
  ipc::ToEngine abort;
  abort.mutable_abort()->set_catalog_version(2);
  Tell(abort);
  EXPECT_EQ(Body(Get("/good")), "hi");
  // It is forgotten and may be given again.
  Add(2, "bad", "respond 200 mended");
  EXPECT_EQ(Prepare(3, {1, 2}).problems_size(), 0);
  Commit(3);
  EXPECT_EQ(Body(Get("/bad")), "mended");
}

TEST_P(EngineTest, TwoFunctionsOnOneRouteAreAProblem) {
  Start();
  Add(1, "a", "respond 200 a", "example.com/x");
  Add(2, "b", "respond 200 b", "example.com/x");
  const ipc::Prepared prepared = Prepare(1, {1, 2});
  ASSERT_EQ(prepared.problems_size(), 1);
  EXPECT_EQ(prepared.problems(0).kind(), "catalog");
}

TEST_P(EngineTest, EachShardTellsWhatBecameOfTheCode) {
  Start();
  Add(1, "f", "respond 200 x");
  Add(2, "cold", "respond 200 x");
  Prepare(1, {1});
  Commit(1);
  for (const Nanos watch : {Nanos{0}, 5 * kMillisecond}) {
    ipc::ToEngine question;
    question.mutable_ask_jit()->set_id(17);
    for (const uint64_t id : {1, 2, 3}) question.mutable_ask_jit()->add_version_ids(id);
    question.mutable_ask_jit()->set_watch_ns(watch);
    Tell(question);
    std::set<uint32_t> threads;
    for (uint32_t i = 0; i < kShards; ++i) {
      const ipc::FromEngine answer = Hear();
      ASSERT_TRUE(answer.has_jit());
      EXPECT_EQ(answer.jit().id(), 17u);
      threads.insert(answer.jit().thread());
      ASSERT_EQ(answer.jit().versions_size(), 1);  // the others have no isolate
      const ipc::VersionCode& code = answer.jit().versions(0);
      EXPECT_EQ(code.version_id(), 1u);
      EXPECT_EQ(code.watched(), watch > 0);
      ASSERT_EQ(code.functions_size(), 1);
      EXPECT_EQ(code.functions(0).name(), "fetch");
      EXPECT_EQ(code.functions(0).samples(), watch > 0 ? 1u : 0u);
    }
    EXPECT_EQ(threads.size(), kShards);
  }
}

TEST_P(EngineTest, ConsoleRecordsReachTheSupervisor) {
  Start();
  Add(1, "chatty", "log something\nrespond 200 hi");
  Prepare(1, {1});
  Commit(1);
  EXPECT_EQ(Body(Get("/chatty")), "hi");
  Drain();
  EXPECT_TRUE(Hear().has_drained());
  EXPECT_EQ(logs_, std::vector<std::string>{"something"});
}

TEST_P(EngineTest, WithoutASupervisorItFinishesAndEnds) {
  Start();
  Add(1, "hello", "respond 200 hi");
  Prepare(1, {1});
  Commit(1);
  EXPECT_EQ(Body(Get("/hello")), "hi");
  channel_->Shutdown();
  EXPECT_EQ(ExitCode(), Engine::kExitDrained);
}

TEST_P(EngineTest, DrainsBeforeAnythingWasCommitted) {
  Start();
  Drain();
  EXPECT_TRUE(Hear().has_drained());
  EXPECT_EQ(ExitCode(), Engine::kExitDrained);
}

INSTANTIATE_TEST_SUITE_P(Io, EngineTest, testing::Values("epoll", "auto"), [](const auto& info) { return info.param; });

class EngineErrorTest : public EngineTest {};

TEST_P(EngineErrorTest, NonsenseEndsIt) {
  const std::string kind = GetParam();
  if (kind == "bytes") {
    ASSERT_TRUE(channel_->Send("\xff\xff").ok());
  } else if (kind == "early") {
    Drain();
  } else if (kind == "backend") {
    Configure("carrier-pigeon");
    AddListeners();
  } else {
    Configure("epoll");
    AddListeners();
    ASSERT_TRUE(Hear().has_ready());
    ipc::ToEngine message;
    if (kind == "prepare") {
      message.mutable_prepare()->add_version_ids(7);
    } else {
      message.mutable_commit()->set_catalog_version(7);
    }
    Tell(message);
  }
  EXPECT_EQ(ExitCode(), Engine::kExitProtocol);
}

INSTANTIATE_TEST_SUITE_P(All, EngineErrorTest, testing::Values("bytes", "early", "backend", "prepare", "commit"),
                         [](const auto& info) { return info.param; });

class EngineStartTest : public EngineTest {};

TEST_P(EngineStartTest, AMissingPartEndsIt) {
  if (std::string(GetParam()) == "snapshot") {
    Configure("epoll", "missing");
  } else {
    Configure("epoll");
    AddListeners();
    ASSERT_TRUE(Hear().has_ready());
    ipc::ToEngine message;
    message.mutable_add_function()->set_version_id(1);
    message.mutable_add_function()->set_source_bytes(5);
    if (std::string(GetParam()) == "short") {
      Tell(message, MakeSealedMemfd("bundle", "abc")->get());
    } else {
      UniqueFd open(::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
      ASSERT_EQ(::ftruncate(open.get(), 5), 0);
      Tell(message, open.get());
    }
  }
  EXPECT_EQ(ExitCode(), Engine::kExitStart);
}

INSTANTIATE_TEST_SUITE_P(All, EngineStartTest, testing::Values("snapshot", "short", "unsealed"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace zts
