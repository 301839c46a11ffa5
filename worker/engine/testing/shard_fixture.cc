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

ShardHarness::ShardHarness(const net::FakeFaults& faults, uint64_t seed, Requests requests, uint32_t offloads,
                           const OtherShards& others)
    : counters_(std::make_unique<ipc::ShardCounters>()), factory_(&clock_), watchdog_([](uint64_t) {}),
      warmup_(&factory_, &watchdog_, nullptr, runtime::Warmup::Mode::kManual) {
  net::FakeIoOptions options;
  options.seed = seed;
  options.faults = faults;
  options.clock = &clock_;
  auto io = std::make_unique<net::FakeIo>(options);
  io_ = io.get();
  loop_ = std::make_unique<net::Loop>(std::move(io), &clock_);
  MakeOffloads(options, offloads);
  shard_ = std::make_unique<Shard>(Shard::Options{.loop = loop_.get(),
                                                  .warmup = &warmup_,
                                                  .watchdog = &watchdog_,
                                                  .counters = counters_.get(),
                                                  .logs = &logs_,
                                                  .offload = offloads_.get(),
                                                  .listen_fd = requests == Requests::kFromClients ? kListenFd : -1,
                                                  .request_seed = seed,
                                                  .balance = others.balance,
                                                  .index = others.index,
                                                  .tell = others.tell});
}

void ShardHarness::MakeOffloads(net::FakeIoOptions io_options, uint32_t count) {
  offload::OffloadThreads::Options options{.warmup = &warmup_,
                                           .watchdog = &watchdog_,
                                           .logs = &logs_,
                                           .mode = offload::OffloadThreads::Options::Mode::kManual,
                                           .clock = &clock_,
                                           .keeper_clock = &keeper_clock_,
                                           .make_io = [this, io_options]() -> Result<std::unique_ptr<net::Io>> {
                                             auto io = std::make_unique<net::FakeIo>(io_options);
                                             offload_ios_.push_back(io.get());
                                             return std::unique_ptr<net::Io>(std::move(io));
                                           },
                                           .cpu = [this](uint32_t thread) { return offload_cpu_[thread]; }};
  for (uint32_t thread = 0; thread < count; ++thread) {
    offload_counters_.push_back(std::make_unique<ipc::ShardCounters>());
    options.counters.push_back(offload_counters_.back().get());
  }
  offload_cpu_.resize(count);
  offloads_ = std::move(offload::OffloadThreads::Start(std::move(options))).value();
  offload_ = offloads_->host(0);
}

ShardHarness::~ShardHarness() {
  warmup_.Stop();
  shard_.reset();
  offloads_.reset();
  loop_.reset();
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
    const bool rests = OffloadsRest();
    if (steps == 0 && rests && io_->last_wait() != 0) return;
  }
  ADD_FAILURE() << "the shard does not come to rest";
}

// A thread that there is not does nothing.
bool ShardHarness::OffloadRuns(uint32_t thread) const {
  return offload_mode_ == Offload::kRuns && held_.count(thread) == 0 && offload_counters_[thread]->offload.running.Read() != 0;
}

void ShardHarness::PassOffload(uint32_t thread) {
  if (offload_counters_[thread]->offload.running.Read() != 0) offloads_->host(thread)->RunOnce(0);
}

bool ShardHarness::OffloadsRest() {
  offloads_->Tend();
  bool rest = true;
  for (uint32_t thread = 0; thread < offloads_->count(); ++thread) {
    if (!OffloadRuns(thread)) continue;
    offloads_->host(thread)->RunOnce(-1);
    if (offload_ios_[thread]->last_wait() == 0) rest = false;
  }
  return rest;
}

int ShardHarness::ThreadOf(const std::string& function) const {
  for (uint32_t thread = 0; thread < offloads_->count(); ++thread) {
    if (offload_counters_[thread]->functions[rows_.at(function)].isolates.Read() > 0) return static_cast<int>(thread);
  }
  return -1;
}

void ShardHarness::Advance(Nanos by) {
  const Nanos end = clock_.Now() + by;
  for (;;) {
    Settle();
    Nanos wait = io_->last_wait();
    for (uint32_t thread = 0; thread < offloads_->count(); ++thread) {
      const Nanos other = OffloadRuns(thread) ? offload_ios_[thread]->last_wait() : -1;
      if (wait < 0 || (other >= 0 && other < wait)) wait = other;
    }
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
  for (uint32_t thread = 0; thread < offloads_->count(); ++thread) {
    EXPECT_EQ(offloads_->host(thread)->running(), 0u);
    EXPECT_EQ(offloads_->host(thread)->pool().in_flight(), 0u);
  }
  EXPECT_EQ(counters_->connections_open.Read(), 0u);
  EXPECT_EQ(counters_->queued.Read(), 0u);
  for (const auto& row : counters_->functions) EXPECT_EQ(row.in_flight.Read(), 0u);
}

}  // namespace zts
