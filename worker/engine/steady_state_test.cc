// In steady state a request allocates nothing outside V8: a real shard on real sockets, with every malloc of the thread counted. The
// isolate answers from constants, so that what is counted is the engine's.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "jsruntime/testing/inert_isolate.h"
#include "jsruntime/testing/make_script.h"
#include "worker/engine/net/io.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"
#include "worker/engine/shard.h"

namespace {

thread_local bool counting = false;
thread_local size_t allocations = 0;

inline void Count() {
  if (counting) ++allocations;
}

}  // namespace

// In front of the C library's, which operator new calls too. A sanitizer has allocators of its own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ZTS_COUNTS_ALLOCATIONS 1
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* malloc(size_t bytes) {
  Count();
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  Count();
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  Count();
  return __libc_realloc(memory, bytes);
}
}
#endif

namespace zts {
namespace {

constexpr int kWarmUp = 200;
constexpr int kRequests = 1000;

class ConstantResponse final : public js::ResponseView {
 public:
  int status() const override { return 200; }
  std::span<const HeaderField> headers() const override { return fields_; }
  size_t body_bytes() const override { return kBody.size(); }
  void CopyBody(char* out) const override { std::memcpy(out, kBody.data(), kBody.size()); }

 private:
  static constexpr std::string_view kBody = "hello world";
  static constexpr HeaderField fields_[] = {{"content-type", "text/plain"}};
};

// Answers at once, or with the second turn where the target says so.
class ConstantIsolate final : public js::InertIsolate {
 public:
  js::LoadReport LoadFrom(js::ScriptPtr script, Bytes) override {
    script_ = std::move(script);
    return {};
  }
  void Attach(js::IsolateClient* client) override { client_ = client; }
  void Dispatch(js::InvocationId id, const js::RequestView* request) override {
    if (request->target.ends_with("later")) {
      waiting_ = id;
      return client_->OnTimerDue(1);
    }
    client_->OnResponse(id, response_);
  }
  void RunTimers(Nanos) override {
    client_->OnTimerDue(0);
    client_->OnResponse(waiting_, response_);
  }
  size_t in_flight() const override { return 0; }
  const js::ScriptPtr& script() const override { return script_; }

 private:
  ConstantResponse response_;
  js::InvocationId waiting_ = 0;
  js::ScriptPtr script_;
  js::IsolateClient* client_ = nullptr;
};

class ConstantFactory final : public js::IsolateFactory {
 public:
  std::unique_ptr<js::Isolate> NewIsolate(const js::IsolateOptions&) override { return std::make_unique<ConstantIsolate>(); }
};

int ListenOnLoopback(sockaddr_in* address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(*address);
  ZTS_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(address), size) == 0);
  ZTS_CHECK(::listen(fd, 16) == 0);
  ZTS_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(address), &size) == 0);
  return fd;
}

class SteadyState : public testing::TestWithParam<net::IoBackend> {
 protected:
  SteadyState() : watchdog_([](uint64_t) {}), warmup_(&factory_, &watchdog_, nullptr, runtime::Warmup::Mode::kManual) {}

  void SetUp() override {
    auto io = net::CreateIo(GetParam());
    if (!io.ok()) GTEST_SKIP() << io.error().message;
    listener_ = ListenOnLoopback(&address_);
    loop_ = std::make_unique<net::Loop>(std::move(io).value(), &clock_);
    shard_ = std::make_unique<Shard>(Shard::Options{.loop = loop_.get(),
                                                    .warmup = &warmup_,
                                                    .watchdog = &watchdog_,
                                                    .counters = counters_.get(),
                                                    .logs = &logs_,
                                                    .listen_fd = listener_});
    std::vector<route::FunctionSpec> specs{{.script = js::MakeScript("hello", "v1", ""), .counter_row = 1, .version_id = 1}};
    const route::CatalogPtr catalog = *route::Catalog::Build(1, std::move(specs));
    bool warm = false;
    shard_->Prepare(catalog, {1}, [&](std::vector<Shard::Problem>) { warm = true; });
    while (!warm) {
      warmup_.RunPending();
      shard_->RunOnce(0);
    }
    ASSERT_TRUE(shard_->Commit(1).ok());
    client_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(client_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
  }
  void TearDown() override {
    if (client_ >= 0) ::close(client_);
    warmup_.Stop();
    shard_.reset();
    loop_.reset();
    if (listener_ >= 0) ::close(listener_);
  }

  // Sends, and runs the shard until as many answers are back.
  void Exchange(std::string_view bytes, int answers) {
    ASSERT_EQ(::send(client_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    while (answers > 0) {
      counting = true;
      shard_->RunOnce(0);
      counting = false;
      const ssize_t got = ::recv(client_, buffer_, sizeof(buffer_), MSG_DONTWAIT);
      const std::string_view text(buffer_, got > 0 ? static_cast<size_t>(got) : 0);
      // Each answer ends with the body; one is never cut, they are too small.
      for (size_t at = 0; (at = text.find("hello world", at)) != std::string_view::npos; ++at) --answers;
    }
  }

  size_t AllocationsOf(std::string_view bytes, int answers) {
    for (int i = 0; i < kWarmUp; ++i) Exchange(bytes, answers);
    allocations = 0;
    for (int i = 0; i < kRequests; ++i) {
      const size_t before = allocations;
      const uint64_t slow = Slow();
      Exchange(bytes, answers);
      // A busy machine has made it slow, and its record in the log takes memory.
      if (Slow() != slow) allocations = before;
    }
    return allocations;
  }
  uint64_t Slow() const {
    uint64_t sum = 0;
    for (const ipc::FunctionCounters& row : counters_->functions) {
      for (const ipc::Counter& counter : row.slow) sum += counter.Read();
    }
    return sum;
  }

  SystemClock clock_;
  std::unique_ptr<ipc::ShardCounters> counters_ = std::make_unique<ipc::ShardCounters>();
  ConstantFactory factory_;
  runtime::Watchdog watchdog_;
  runtime::Warmup warmup_;
  LogQueue logs_;
  sockaddr_in address_{};
  int listener_ = -1;
  int client_ = -1;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<Shard> shard_;
  char buffer_[64 * 1024];
};

const std::string kGet = "GET /hello HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
const std::string kPost = "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345";

TEST(AllocationCounter, Counts) {
#ifndef ZTS_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "a sanitizer allocates";
#endif
  allocations = 0;
  counting = true;
  auto counted = std::make_unique<std::string>(1000, 'x');
  counting = false;
  EXPECT_EQ(allocations, 2u);
}

TEST_P(SteadyState, ARequestAllocatesNothing) { EXPECT_EQ(AllocationsOf(kGet, 1), 0u); }

TEST_P(SteadyState, NorDoesOneWithABody) { EXPECT_EQ(AllocationsOf(kPost, 1), 0u); }

TEST_P(SteadyState, NorDoPipelinedOnes) {
  std::string pipelined;
  for (int i = 0; i < 16; ++i) pipelined += i % 2 == 0 ? kGet : kPost;
  EXPECT_EQ(AllocationsOf(pipelined, 16), 0u);
}

TEST_P(SteadyState, NorDoesOneThatIsAnsweredLater) {
  EXPECT_EQ(AllocationsOf("GET /hello/later HTTP/1.1\r\nHost: a\r\n\r\n", 1), 0u);
}

INSTANTIATE_TEST_SUITE_P(Io, SteadyState, testing::Values(net::IoBackend::kEpoll, net::IoBackend::kUring),
                         [](const auto& backend) { return backend.param == net::IoBackend::kEpoll ? "Epoll" : "Uring"; });

}  // namespace
}  // namespace zts
