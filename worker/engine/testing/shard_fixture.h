// A whole shard on one thread, without kernel, V8 or waiting: a tiny language for tests of sessions and shards.
//
//   Deploy({{"hello", "respond 200 hi"}});
//   const auto peer = Connect();
//   Send(peer, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
//   EXPECT_EQ(Next(peer).status, 200);
//   Advance(5 * kMillisecond);
//
// Functions are scripts of the fake isolate (jsruntime/testing/fake_isolate.h); the network is net/testing/fake_io.h.
//
// Thread:   one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "jsruntime/testing/fake_isolate.h"
#include "worker/engine/net/testing/fake_io.h"
#include "worker/engine/offload/offload_host.h"
#include "worker/engine/offload/offload_threads.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"
#include "worker/engine/shard.h"

namespace zts {

// One response as a client reads it.
struct Reply {
  int status = 0;  // 0: nothing whole has arrived
  std::string head;
  std::string body;

  // The value of a field, or "" when there is none.
  std::string Field(std::string_view name) const;
};

// The shards beside one.
struct OtherShards {
  ConnectionBalance* balance = nullptr;  // null: it is alone
  uint32_t index = 0;
  std::function<void(uint32_t shard, std::function<void(Shard&)> task)> tell;
};

class ShardHarness {
 public:
  using Peer = net::FakeIo::PeerId;

  // kFromFront: of another class's engine, which gets its requests by ConnectFront.
  enum class Requests : uint8_t { kFromClients, kFromFront };
  explicit ShardHarness(const net::FakeFaults& faults = net::FakeFaults::None(), uint64_t seed = 1,
                        Requests requests = Requests::kFromClients, uint32_t offloads = 1, const OtherShards& others = {});
  ~ShardHarness();

  // Prepares and commits a catalog of these functions: name -> script of the fake isolate. A changed script is a new version.
  void Deploy(const std::map<std::string, std::string>& functions);
  // The same without making anything warm.
  void DeployCold(const std::map<std::string, std::string>& functions);

  Peer Connect() { return io_->Connect(); }
  // Writes and lets everything happen that can happen now.
  void Send(Peer peer, std::string_view bytes);
  // Takes the next whole response; `head_only` for one to HEAD.
  enum class Of : uint8_t { kOther, kHead };
  Reply Next(Peer peer, Of of = Of::kOther);
  // What has arrived and was not taken by Next.
  const std::string& Pending(Peer peer);
  bool Closed(Peer peer) { return Pending(peer).empty() && (io_->PeerSawEnd(peer) || io_->PeerSawReset(peer)); }

  // Runs the loop and the warm-up until both have nothing to do.
  void Settle();
  // One pass of the loop, without the warm-up and the offload threads.
  void Pass() { shard_->RunOnce(-1); }
  void PassOffload(uint32_t thread = 0);
  // While kHeld no offload thread does anything, as in the middle of a long turn; those in held_ neither way.
  enum class Offload : uint8_t { kRuns, kHeld } offload_mode_ = Offload::kRuns;
  std::set<uint32_t> held_;
  // What each has used of the CPU, as their keeper sees it, whose time may go ahead by itself.
  std::vector<Nanos> offload_cpu_;
  class KeeperClock final : public Clock {
   public:
    explicit KeeperClock(const FakeClock* base) : base_(base) {}
    Nanos Now() const override { return base_->Now() + ahead; }
    Nanos WallNow() const override { return base_->WallNow() + ahead; }
    Nanos ahead = 0;

   private:
    const FakeClock* const base_;
  };
  // The function's newest version goes to an offload thread, or is let back.
  void MoveAway(const std::string& function) { shard_->pool().MoveAway(versions_.at(function)); }
  void ComeBack(const std::string& function) { shard_->pool().ComeBack(versions_.at(function)); }
  // Time goes on, from one thing that becomes due to the next.
  void Advance(Nanos by);

  // The offload thread that has an isolate of the function's newest version; none: -1.
  int ThreadOf(const std::string& function) const;
  js::FakeIsolate* Isolate(std::string_view function) { return factory_.Find(function); }
  ipc::FunctionCounters& Row(const std::string& function) { return counters_->functions[rows_.at(function)]; }
  uint64_t Refusals(http::Refusal refusal) const { return counters_->refusals[static_cast<int>(refusal)].Read(); }

  FakeClock clock_;
  KeeperClock keeper_clock_{&clock_};
  std::unique_ptr<ipc::ShardCounters> counters_;
  js::FakeIsolateFactory factory_;
  runtime::Watchdog watchdog_;
  runtime::Warmup warmup_;
  LogQueue logs_;
  net::FakeIo* io_ = nullptr;
  std::unique_ptr<net::Loop> loop_;
  // The offload threads, which are this one too: they work in Settle, and where a test lets them.
  std::vector<std::unique_ptr<ipc::ShardCounters>> offload_counters_;
  std::vector<net::FakeIo*> offload_ios_;
  std::unique_ptr<offload::OffloadThreads> offloads_;
  offload::OffloadHost* offload_ = nullptr;  // the first
  std::unique_ptr<Shard> shard_;
  std::vector<std::pair<std::string, std::string>> env_;  // of what is deployed from here on
  std::set<std::string> of_class_;  // functions whose requests go to engine class 1
  route::CatalogPtr Build(const std::map<std::string, std::string>& functions);

 private:
  void MakeOffloads(net::FakeIoOptions options, uint32_t count);
  bool OffloadRuns(uint32_t thread) const;
  bool OffloadsRest();

  std::map<std::string, uint32_t> rows_;
  std::map<std::string, js::ScriptPtr> scripts_;            // by name and source
  std::map<std::string, uint64_t> version_ids_;             // likewise
  std::map<std::string, uint64_t> versions_;                // by name, as last deployed
  std::map<Peer, std::string> received_;
  uint64_t catalog_version_ = 0;
};

class ShardFixture : public testing::Test, public ShardHarness {
 protected:
  explicit ShardFixture(uint32_t offloads = 1)
      : ShardHarness(net::FakeFaults::None(), 1, Requests::kFromClients, offloads) {}
  // Nothing may be left behind.
  void TearDown() override;
};

}  // namespace zts
