// One shard and its offload threads against a network that does everything a network may do, for many seeds: every request is answered
// once, with what its function says, or its connection ends; and nothing is left behind. Bodies stream both ways, functions go to the
// offload threads, move between them and come back; these stand still now and then as in a long turn, each by itself or all of them, and
// end when they are not used; deploys come in mid-request, and in every fourth run a drain.
//
// ZTS_SIM_SEED=n runs one seed alone, ZTS_SIM_SEEDS=n so many of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"

namespace zts {
namespace {

constexpr uint64_t kSeeds = 100;
constexpr int kSteps = 400;
// Fewer than functions: some share one.
constexpr uint32_t kOffloads = 3;

// A client that knows what it has asked for.
struct Client {
  ShardHarness::Peer peer = 0;
  std::string to_write;
  std::deque<std::pair<int, std::string>> expected;  // status and body, in order; status 0: the function is to end in an error
  std::string received;
  bool gone = false;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : random_(seed), with_resets_(seed % 2 == 0),
        shard_(with_resets_ ? net::FakeFaults::RoughWithResets() : net::FakeFaults::Rough(), seed, ShardHarness::Requests::kFromClients,
               kOffloads) {}

  void Run() {
    DeploySome();
    const int drain_at = Draw(4) == 0 ? static_cast<int>(Draw(kSteps)) : kSteps;
    for (int step = 0; step < kSteps; ++step) {
      if (step == drain_at) StartDrain();
      Step();
    }
    shard_.io_->set_faults(net::FakeFaults::None());
    shard_.offload_mode_ = ShardHarness::Offload::kRuns;
    shard_.held_.clear();
    for (auto& client : clients_) client->gone ? void() : Finish(*client);
    CheckNothingIsLeft();
  }

  uint64_t answered() const { return answered_; }
  // Of functions from one offload thread to another.
  uint64_t moves() const {
    uint64_t moves = 0;
    for (const auto& counters : shard_.offload_counters_) moves += counters->offload.moves.Read();
    return moves;
  }

 private:
  size_t Draw(size_t n) { return random_() % n; }

  void DeploySome() {
    // "stable" is in every catalog and never changes; "changing" has a new version each time.
    ++generation_;
    std::map<std::string, std::string> functions = {{"stable", "respond 200 stable"},
                                                    {"slow", "timer 3 200 slow"},
                                                    {"echo", "echo"},
                                                    {"mirror", "stream-echo"},
                                                    {"pieces", "stream 200 40 " + std::string(5'000, 'p')},
                                                    {"bomb", "oom"},
                                                    {"changing", "respond 200 g" + std::to_string(generation_)}};
    if (Draw(2) == 0) {
      shard_.Deploy(functions);
    } else {
      shard_.DeployCold(functions);
    }
  }

  void StartDrain() {
    draining_ = true;
    shard_.shard_->Drain(kDrainTimeout, Shard::Successor::kNone, [this] { drained_ = true; });
  }

  // To an offload thread and back; what is under way goes on.
  void MoveOne() {
    static constexpr const char* kFunctions[] = {"stable", "slow", "echo", "mirror", "pieces", "bomb", "changing"};
    const char* function = kFunctions[Draw(std::size(kFunctions))];
    Draw(2) == 0 ? shard_.MoveAway(function) : shard_.ComeBack(function);
  }

  void Step() {
    switch (Draw(17)) {
      case 0: return NewClient();
      case 1: case 2: case 3: return Ask();
      case 4: case 5: return WriteSome();
      case 6: return shard_.Pass();
      case 7: shard_.warmup_.RunPending(); return;
      case 8: return shard_.Advance(static_cast<Nanos>(Draw(5)) * kMillisecond);
      case 9: return ReadSome();
      case 10: return MaybeReset();
      case 11: if (Draw(10) == 0 && !draining_) DeploySome(); return;
      case 12: return MoveOne();
      case 13: return shard_.PassOffload(static_cast<uint32_t>(Draw(kOffloads)));
      case 14:
        if (Draw(4) == 0) shard_.offload_mode_ = Draw(2) == 0 ? ShardHarness::Offload::kHeld : ShardHarness::Offload::kRuns;
        return;
      case 15: return HoldOne();
      case 16: return BusyOne();
    }
  }

  void HoldOne() {
    const auto thread = static_cast<uint32_t>(Draw(kOffloads));
    if (Draw(3) == 0) {
      shard_.held_.insert(thread);
    } else {
      shard_.held_.erase(thread);
    }
  }

  // One has used much of its time, and the others none of it for a while: what shares it moves.
  void BusyOne() {
    const size_t thread = Draw(kOffloads);
    shard_.offload_cpu_[thread] += kOffloadMoveRest;
    shard_.keeper_clock_.ahead += kOffloadMoveRest;
    shard_.Settle();
  }

  void NewClient() {
    if (clients_.size() > 30 || draining_) return;
    auto client = std::make_unique<Client>();
    client->peer = shard_.Connect();
    clients_.push_back(std::move(client));
  }

  Client* Any() {
    if (clients_.empty()) return nullptr;
    Client* client = clients_[Draw(clients_.size())].get();
    return client->gone ? nullptr : client;
  }

  void Ask() {
    Client* client = Any();
    if (client == nullptr) return;
    switch (Draw(8)) {
      case 0: Add(*client, "GET /stable HTTP/1.1\r\nHost: a\r\n\r\n", 200, "stable"); break;
      case 1: Add(*client, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", 200, "slow"); break;
      case 2: Add(*client, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""); break;
      case 3: Add(*client, "GET /changing HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""); break;
      case 4: Add(*client, "GET /bomb HTTP/1.1\r\nHost: a\r\n\r\n", 503, ""); break;
      case 5: {
        const std::string body(Draw(100'000), 'b');
        Add(*client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body, 200,
            "POST http://a/echo\n" + body);
        break;
      }
      case 6: {
        std::string body;
        for (size_t left = Draw(20'000); left > 0; --left) body += static_cast<char>('a' + Draw(26));
        Add(*client, "POST /mirror HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + InChunks(body), 200, body);
        break;
      }
      case 7: Add(*client, "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n", 200, std::string(40 * 5'000, 'p')); break;
    }
  }

  std::string InChunks(const std::string& body) {
    std::string text;
    char size[20];
    for (size_t at = 0; at < body.size();) {
      const size_t bytes = std::min(body.size() - at, 1 + Draw(5'000));
      std::snprintf(size, sizeof(size), "%zx\r\n", bytes);
      text += size + body.substr(at, bytes) + "\r\n";
      at += bytes;
    }
    return text + "0\r\n\r\n";
  }

  void Add(Client& client, const std::string& request, int status, std::string body) {
    client.to_write += request;
    client.expected.emplace_back(status, std::move(body));
  }

  void WriteSome() {
    Client* client = Any();
    if (client == nullptr || client->to_write.empty()) return;
    const size_t bytes = 1 + Draw(client->to_write.size());
    client->to_write.erase(0, shard_.io_->PeerWrite(client->peer, std::string_view(client->to_write).substr(0, bytes)));
  }

  void ReadSome() {
    Client* client = Any();
    if (client == nullptr) return;
    client->received += shard_.io_->PeerRead(client->peer, 1 + Draw(200'000));
    Check(*client);
  }

  void MaybeReset() {
    Client* client = Any();
    if (client == nullptr || !with_resets_ || Draw(5) != 0) return;
    shard_.io_->PeerReset(client->peer);
    client->gone = true;
  }

  // One whole response at the front of `text`: its body, and where it ends; 0: it is not all there.
  static size_t TakeBody(const std::string& text, size_t head_end, std::string* body) {
    const std::string_view head = std::string_view(text).substr(0, head_end);
    size_t at = head_end + 4;
    if (const size_t length_at = head.find("content-length: "); length_at != std::string::npos) {
      const size_t digits = length_at + 16;
      const auto length = ParseInteger<size_t>(std::string_view(text).substr(digits, text.find("\r\n", digits) - digits));
      EXPECT_TRUE(length.has_value());
      if (!length || text.size() < at + *length) return 0;
      body->assign(text, at, *length);
      return at + *length;
    }
    EXPECT_NE(head.find("transfer-encoding: chunked"), std::string::npos) << head;
    for (;;) {
      const size_t line = text.find("\r\n", at);
      if (line == std::string::npos) return 0;
      const size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
      if (text.size() < line + 2 + size + 2) return 0;
      body->append(text, line + 2, size);
      EXPECT_EQ(text.compare(line + 2 + size, 2, "\r\n"), 0);
      at = line + 2 + size + 2;
      if (size == 0) return at;
    }
  }

  // Takes whole responses off what was received and compares.
  void Check(Client& client) {
    if (shard_.io_->PeerSawReset(client.peer)) {
      ASSERT_TRUE(with_resets_) << "a connection was reset for no reason";
      client.gone = true;
      return;
    }
    for (;;) {
      const size_t head_end = client.received.find("\r\n\r\n");
      if (head_end == std::string::npos) break;
      std::string body;
      const size_t end = TakeBody(client.received, head_end, &body);
      if (end == 0) break;
      const int status = ParseInteger<int>(std::string_view(client.received).substr(9, 3)).value_or(-1);
      ASSERT_FALSE(client.expected.empty()) << "an answer to no question";
      const auto& [wanted, wanted_body] = client.expected.front();
      // Beside its answer a request may find its function cold for too long, or its isolate taken down by another.
      if (status != wanted) {
        ASSERT_EQ(status, 503) << client.received.substr(0, head_end);
      } else if (!wanted_body.empty()) {
        // Not ASSERT_EQ: it would print the bodies.
        ASSERT_TRUE(body == wanted_body) << "got " << body.size() << " bytes, " << body.substr(0, 40) << ", wanted "
                                         << wanted_body.size() << ", " << wanted_body.substr(0, 40);
      }
      client.expected.pop_front();
      client.received.erase(0, end);
      ++answered_;
    }
    // In a drain, what a client asks behind the last answer is not answered.
    if (draining_ && shard_.io_->PeerSawEnd(client.peer)) client.gone = true;
  }

  void Finish(Client& client) {
    for (int i = 0; i < 10'000 && !client.gone && !client.expected.empty(); ++i) {
      client.to_write.erase(0, shard_.io_->PeerWrite(client.peer, client.to_write));
      shard_.Advance(kMillisecond);
      client.received += shard_.io_->PeerRead(client.peer);
      Check(client);
      if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_TRUE(client.gone || client.expected.empty()) << client.expected.size() << " requests without an answer";
  }

  void CheckNothingIsLeft() {
    if (!draining_) StartDrain();
    shard_.Advance(kDrainTimeout + 5 * kSecond);
    EXPECT_TRUE(drained_);
    size_t isolates = shard_.shard_->pool().isolates();
    for (uint32_t thread = 0; thread < kOffloads; ++thread) {
      EXPECT_EQ(shard_.offloads_->host(thread)->running(), 0u);
      EXPECT_EQ(shard_.offloads_->host(thread)->pool().in_flight(), 0u);
      isolates += shard_.offloads_->host(thread)->pool().isolates();
    }
    EXPECT_EQ(shard_.shard_->pool().in_flight(), 0u);
    EXPECT_EQ(shard_.shard_->borrowed(), 0u);
    EXPECT_EQ(shard_.io_->open_handles(), 0u);
    EXPECT_EQ(shard_.io_->leases(), 0u);
    for (const auto& row : shard_.counters_->functions) EXPECT_EQ(row.in_flight.Read(), 0u);
    // Isolates of old versions are gone: what is there is of the catalog that serves, and spares.
    constexpr size_t kFunctions = 7;
    EXPECT_LE(isolates, 2 * kFunctions);
    EXPECT_LE(shard_.factory_.isolates().size(), 2 * kFunctions + kSpareIsolates);
  }

  std::mt19937_64 random_;
  bool with_resets_;
  ShardHarness shard_;
  std::vector<std::unique_ptr<Client>> clients_;
  int generation_ = 0;
  uint64_t answered_ = 0;
  bool draining_ = false;
  bool drained_ = false;
};

std::optional<uint64_t> NumberOf(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : ParseInteger<uint64_t>(text);
}

TEST(ShardSimulation, EveryRequestIsAnsweredOnceAndNothingIsLost) {
  SetLogLevel(LogLevel::kError);  // its warnings are about what is done to it on purpose
  const std::optional<uint64_t> only = NumberOf("ZTS_SIM_SEED");
  const uint64_t last = only.value_or(NumberOf("ZTS_SIM_SEEDS").value_or(kSeeds));
  uint64_t answered = 0, moves = 0;
  for (uint64_t seed = only.value_or(1); seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed);
    simulation.Run();
    answered += simulation.answered();
    moves += simulation.moves();
    if (testing::Test::HasFailure()) break;
  }
  if (!only) {
    EXPECT_GT(answered, 1000u);
    EXPECT_GT(moves, 100u);
  }
}

}  // namespace
}  // namespace zts
