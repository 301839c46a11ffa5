// What runs on an offload thread: a pool of isolates for the versions that hold a core too long for a shard, and the far end of the
// shards' ways.
//
// Its turns hold this thread and nobody else's; the shards keep the time limits of what waits here, so that they hold while a turn does
// not end. A version that several shards send has one isolate here. Where several versions share the thread, requests begin in the order of
// FairQueue, and while a version's isolate is being made one of them alone waits for it in the pool, which runs what waits there in one go.
//
// A host with nothing in it may go without a thread: what is posted to it meanwhile is done when Run is called again, on another one.
//
// Owner:    OffloadThreads, one a thread.
// Thread:   Run's. Constructed where no turn is made; Post, at_rest, version_in_turn: any.
// Life:     what Options names outlives it. Ways outlive it, or their shards' loops have ended.
// Limits:   those of a pool and of AwayRuns.
// Errors:   as theirs.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "jsruntime/isolate.h"
#include "worker/engine/egress_link.h"
#include "worker/engine/jit_survey.h"
#include "worker/engine/log_batch.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_runs.h"
#include "worker/engine/offload/fair_queue.h"
#include "worker/engine/runtime/pool.h"
#include "worker/ipc/shared_counters.h"

namespace zts::offload {

class OffloadHost final : public net::LoopHandler, public runtime::PoolHost, private FetchSink {
 public:
  struct Options {
    net::Loop* loop = nullptr;
    runtime::Warmup* warmup = nullptr;
    runtime::Watchdog* watchdog = nullptr;
    ipc::ShardCounters* counters = nullptr;  // of its own
    LogQueue* logs = nullptr;
    runtime::MemoryBudget* budget = nullptr;
  };
  explicit OffloadHost(const Options& options);
  ~OffloadHost() override;

  // On a thread that stays for as long.
  void Run();
  void RunOnce(Nanos timeout) { loop_->RunOnce(this, timeout); }
  void Stop() { loop_->Stop(); }
  // Whether nothing is here, so that the thread may end. On it.
  bool MayRest();
  // No isolate and no request was here when the last pass ended.
  bool at_rest() const { return at_rest_.load(std::memory_order_acquire); }
  // Whose turn it is; 0: nobody's.
  uint64_t version_in_turn() const { return pool_->version_in_turn(); }
  // Functions' requests go out by this socket from here on.
  void ConnectEgress(UniqueFd socket) { egress_.Connect(std::move(socket)); }

  // Of a way, on this thread; as Elsewhere says, each for what that shard sends. With a calm time of 0 nobody is told of it.
  void Expect(NearEnd* near, const runtime::Target& target, Nanos calm_time);
  void Release(NearEnd* near, uint64_t version_id);
  // Sorted.
  void Retain(NearEnd* near, const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby);
  // A request that begins when it is its turn, unless it has been withdrawn or passed on by then.
  void Await(FairQueue::Waiting waiting);
  // Of one that has begun.
  void PeerFinished(AwayRequest& request);
  AwayRuns& runs() { return *runs_; }

  const runtime::Pool& pool() const { return *pool_; }
  // What V8 has made of functions here.
  JitSurvey& jit() { return *jit_; }
  size_t running() const { return runs_->running(); }

  // net::LoopHandler
  void OnAccept(net::Handle handle) override;
  void OnAcceptError(int error) override {}
  void OnRecv(SlotId slot, net::Lease lease, int error) override { egress_.OnRecv(slot, lease, error); }
  void OnSent(SlotId slot, int error) override { egress_.OnSent(slot, error); }
  void OnClosed(SlotId slot) override { egress_.OnClosed(slot); }
  void OnPassEnd() override;

  // runtime::PoolHost
  void OnResponse(runtime::RequestId id, const js::ResponseView& response) override { runs_->OnResponse(id, response); }
  void OnFailure(runtime::RequestId id, const js::Outcome& outcome) override { runs_->OnFailure(id, outcome); }
  js::IsolateClient::Taken OnChunk(runtime::RequestId id, std::string_view bytes) override { return runs_->OnChunk(id, bytes); }
  void OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome) override { runs_->OnResponseEnd(id, outcome); }
  void OnCold(runtime::RequestId id) override { runs_->OnCold(id); }
  void OnColdAnswer(runtime::RequestId id, const runtime::ColdTimes& times) override { runs_->OnColdAnswer(id, times); }
  void OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) override;
  void OnWakeAt(Nanos when) override;
  void OnCalm(uint64_t version_id) override;
  runtime::FetchGate* fetch_gate() override { return &egress_; }
  void Post(std::function<void()> task) override { loop_->Post(std::move(task)); }
  Nanos now() const override { return loop_->now(); }
  Nanos clock_now() const override { return loop_->clock().Now(); }

 private:
  // That a shard sends a version here.
  struct Sender {
    NearEnd* near = nullptr;
    Nanos calm_time = 0;
    bool standby = false;
  };
  bool AtRest() const { return pool_->isolates() == 0 && runs_->running() == 0 && queue_.empty(); }
  void BeginWaiting();
  bool MayBegin(uint64_t version_id);
  void Begin(const FairQueue::Waiting& waiting);
  void OnHousekeeping();
  void OnFetchEvent(uint64_t instance, js::FetchId id, const js::FetchEvent& event) override { pool_->OnFetch(instance, id, event); }

  net::Loop* const loop_;
  ipc::ShardCounters* const counters_;
  LogBatch logs_;
  EgressLink egress_;
  std::unique_ptr<runtime::Pool> pool_;
  std::optional<JitSurvey> jit_;
  std::optional<AwayRuns> runs_;
  std::unordered_map<uint64_t, std::vector<Sender>> senders_;  // by version
  FairQueue queue_;
  std::unordered_map<uint64_t, SlotId> starting_;  // by version: the request that waits for its isolate
  std::atomic<bool> at_rest_{true};
  net::Timer pool_timer_;
  net::Timer housekeeping_timer_;
  Nanos wall_offset_ = 0;
};

}  // namespace zts::offload
