// What runs on an offload thread: a pool of isolates for the versions that hold a core too long for a shard, and the far end of the
// shard's way.
//
// One host serves one shard. Its turns hold this thread and nobody else's; the shard keeps the time limits of what waits here, so that
// they hold while a turn does not end.
//
// Owner:    OffloadThread (or a test), exactly one.
// Thread:   its loop's; Post: any.
// Life:     what Options names outlives it. Ways outlive it, or their shards' loops have ended.
// Limits:   those of a pool and of AwayRuns.
// Errors:   as theirs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
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

  void Run() { loop_->Run(this); }
  void RunOnce(Nanos timeout) { loop_->RunOnce(this, timeout); }
  void Stop() { loop_->Stop(); }
  // Functions' requests go out by this socket from here on.
  void ConnectEgress(UniqueFd socket) { egress_.Connect(std::move(socket)); }

  // Of the way, on this thread.
  void Expect(NearEnd* near, const runtime::Target& target, Nanos calm_time);
  void Release(uint64_t version_id) { pool_->Release(version_id); }
  void Retain(const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby) { pool_->Retain(version_ids, standby); }
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
  void OnHousekeeping();
  void OnFetchEvent(uint64_t instance, js::FetchId id, const js::FetchEvent& event) override { pool_->OnFetch(instance, id, event); }

  net::Loop* const loop_;
  LogBatch logs_;
  EgressLink egress_;
  std::unique_ptr<runtime::Pool> pool_;
  std::optional<JitSurvey> jit_;
  std::optional<AwayRuns> runs_;
  NearEnd* near_ = nullptr;  // of the shard it serves
  net::Timer pool_timer_;
  net::Timer housekeeping_timer_;
  Nanos wall_offset_ = 0;
};

}  // namespace zts::offload
