#include "worker/engine/testing/shard_fixture.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace zts {
namespace {

// The listening socket: the fake network has no use for it.
constexpr int kListenFd = 0;
constexpr int kPassesMax = 100'000;

// Takes the chunks off the front of `text` that lie whole behind `at`. The position behind the last one; npos when it is not there yet.
size_t Dechunk(const std::string& text, size_t at, std::string* body) {
  for (;;) {
    const size_t line = text.find("\r\n", at);
    if (line == std::string::npos) return std::string::npos;
    const size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
    if (text.size() < line + 2 + size + 2) return std::string::npos;
    body->append(text, line + 2, size);
    EXPECT_EQ(text.substr(line + 2 + size, 2), "\r\n");
    at = line + 2 + size + 2;
    if (size == 0) return at;
  }
}

}  // namespace

std::string Reply::Field(std::string_view name) const {
  for (size_t line = head.find("\r\n"); line != std::string::npos; line = head.find("\r\n", line + 2)) {
    const size_t begin = line + 2;
    if (begin + name.size() >= head.size() || head[begin + name.size()] != ':') continue;
    if (!EqualsIgnoreCase(std::string_view(head).substr(begin, name.size()), name)) continue;
    const size_t value = begin + name.size() + 2;
    return head.substr(value, head.find("\r\n", value) - value);
  }
  return "";
}

ShardHarness::ShardHarness(const net::FakeFaults& faults, uint64_t seed, Requests requests)
    : counters_(std::make_unique<ipc::ShardCounters>()), factory_(&clock_), watchdog_([](uint64_t) {}),
      warmup_(&factory_, &watchdog_, nullptr, runtime::Warmup::Mode::kManual) {
  net::FakeIoOptions options;
  options.seed = seed;
  options.faults = faults;
  options.clock = &clock_;
  auto io = std::make_unique<net::FakeIo>(options);
  io_ = io.get();
  loop_ = std::make_unique<net::Loop>(std::move(io), &clock_);
  offload_counters_ = std::make_unique<ipc::ShardCounters>();
  auto offload_io = std::make_unique<net::FakeIo>(options);
  offload_io_ = offload_io.get();
  offload_loop_ = std::make_unique<net::Loop>(std::move(offload_io), &clock_);
  offload_ = std::make_unique<offload::OffloadHost>(offload::OffloadHost::Options{.loop = offload_loop_.get(),
                                                                                  .warmup = &warmup_,
                                                                                  .watchdog = &watchdog_,
                                                                                  .counters = offload_counters_.get(),
                                                                                  .logs = &logs_});
  shard_ = std::make_unique<Shard>(Shard::Options{.loop = loop_.get(),
                                                  .warmup = &warmup_,
                                                  .watchdog = &watchdog_,
                                                  .counters = counters_.get(),
                                                  .logs = &logs_,
                                                  .offload = offload_.get(),
                                                  .listen_fd = requests == Requests::kFromClients ? kListenFd : -1,
                                                  .request_seed = seed});
}

ShardHarness::~ShardHarness() {
  warmup_.Stop();
  shard_.reset();
  offload_.reset();
  loop_.reset();
  offload_loop_.reset();
}

route::CatalogPtr ShardHarness::Build(const std::map<std::string, std::string>& functions) {
  std::vector<route::FunctionSpec> specs;
  for (const auto& [name, source] : functions) {
    const std::string key = name + "\n" + source;
    if (scripts_.count(key) == 0) {
      version_ids_[key] = version_ids_.size() + 1;
      const auto script = js::MakeScript(name, "v" + std::to_string(version_ids_[key]), source);
      script->env = env_;
      scripts_[key] = script;
    }
    versions_[name] = version_ids_[key];
    if (rows_.count(name) == 0) rows_.emplace(name, static_cast<uint32_t>(rows_.size() + 1));
    specs.push_back({.script = scripts_[key], .counter_row = rows_[name], .version_id = version_ids_[key],
                     .engine_class = of_class_.count(name) > 0 ? 1u : 0u});
  }
  auto catalog = route::Catalog::Build(++catalog_version_, std::move(specs));
  ZTS_CHECK(catalog.ok());
  return std::move(catalog).value();
}

void ShardHarness::Deploy(const std::map<std::string, std::string>& functions) {
  const route::CatalogPtr catalog = Build(functions);
  std::vector<uint64_t> warm;
  for (const route::Entry& entry : catalog->entries()) warm.push_back(entry.version_id);
  bool prepared = false;
  shard_->Prepare(catalog, warm, [&](std::vector<Shard::Problem>) { prepared = true; });
  Settle();
  EXPECT_TRUE(prepared);
  EXPECT_TRUE(shard_->Commit(catalog->version()).ok());
  Settle();
}

void ShardHarness::DeployCold(const std::map<std::string, std::string>& functions) {
  const route::CatalogPtr catalog = Build(functions);
  shard_->Prepare(catalog, {}, [](std::vector<Shard::Problem> problems) { EXPECT_TRUE(problems.empty()); });
  EXPECT_TRUE(shard_->Commit(catalog->version()).ok());
}

void ShardHarness::Send(Peer peer, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t taken = io_->PeerWrite(peer, bytes);
    bytes.remove_prefix(taken);
    Settle();
    // A server that does not read, or has ended the connection, leaves the rest with the peer.
    if (taken == 0) break;
  }
}

const std::string& ShardHarness::Pending(Peer peer) {
  std::string& text = received_[peer];
  for (;;) {
    const std::string more = io_->PeerRead(peer);
    if (more.empty()) return text;
    text += more;
    Settle();
  }
}

Reply ShardHarness::Next(Peer peer, Of of) {
  Pending(peer);
  std::string& text = received_[peer];
  Reply reply;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return reply;
  reply.head = text.substr(0, end + 2);
  if (of == Of::kOther && reply.Field("transfer-encoding") == "chunked") {
    const size_t behind = Dechunk(text, end + 4, &reply.body);
    if (behind == std::string::npos) return {};
    reply.status = ParseInteger<int>(std::string_view(text).substr(9, 3)).value_or(-1);
    text.erase(0, behind);
    return reply;
  }
  const std::string length = reply.Field("content-length");
  const size_t body = of == Of::kHead || length.empty() ? 0 : ParseInteger<size_t>(length).value_or(0);
  if (text.size() < end + 4 + body) return reply;
  reply.status = ParseInteger<int>(std::string_view(text).substr(9, 3)).value_or(-1);
  reply.body = text.substr(end + 4, body);
  text.erase(0, end + 4 + body);
  return reply;
}

void ShardHarness::Settle() {
  for (int pass = 0; pass < kPassesMax; ++pass) {
    Pass();
    const size_t steps = warmup_.RunPending();
    const bool rests = offload_mode_ == Offload::kHeld || OffloadRests();
    if (steps == 0 && rests && io_->last_wait() != 0) return;
  }
  ADD_FAILURE() << "the shard does not come to rest";
}

bool ShardHarness::OffloadRests() {
  offload_->RunOnce(-1);
  return offload_io_->last_wait() != 0;
}

void ShardHarness::Advance(Nanos by) {
  const Nanos end = clock_.Now() + by;
  for (;;) {
    Settle();
    Nanos wait = io_->last_wait();
    const Nanos other = offload_mode_ == Offload::kHeld ? -1 : offload_io_->last_wait();
    if (wait < 0 || (other >= 0 && other < wait)) wait = other;
    if (wait < 0 || clock_.Now() + wait > end) break;
    clock_.Advance(wait);
  }
  clock_.Advance(end - clock_.Now());
  Settle();
}

void ShardFixture::TearDown() {
  bool drained = false;
  shard_->Drain(kMillisecond, Shard::Successor::kNone, [&] { drained = true; });
  Advance(5 * kSecond);
  EXPECT_TRUE(drained);
  EXPECT_EQ(shard_->connections(), 0u);
  EXPECT_EQ(shard_->pool().in_flight(), 0u);
  EXPECT_EQ(shard_->borrowed(), 0u);
  EXPECT_EQ(io_->open_handles(), 0u);
  EXPECT_EQ(io_->leases(), 0u);
  EXPECT_EQ(offload_->running(), 0u);
  EXPECT_EQ(offload_->pool().in_flight(), 0u);
  EXPECT_EQ(counters_->connections_open.Read(), 0u);
  EXPECT_EQ(counters_->queued.Read(), 0u);
  for (const auto& row : counters_->functions) EXPECT_EQ(row.in_flight.Read(), 0u);
}

}  // namespace zts
