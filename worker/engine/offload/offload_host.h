// What runs on an offload thread: a pool of isolates for the versions that hold a core too long for a shard, and the other end of the
// shard's link.
//
// One host serves one shard. Its turns hold this thread and nobody else's; the shard keeps the time limits of what waits here, so that
// they hold while a turn does not end.
//
// Owner:    OffloadThread (or a test), exactly one.
// Thread:   its loop's; Post: any. The link is told by posts to its shard.
// Life:     what Options names outlives it. Links outlive it, or their shards' loops have ended.
// Limits:   those of a pool; kBodyWindowBytes and kStreamBufferBytes of bodies under way a request.
// Errors:   as the pool's: every request that has begun ends in an answer, but for those that are cancelled.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "jsruntime/isolate.h"
#include "worker/engine/egress_link.h"
#include "worker/engine/jit_survey.h"
#include "worker/engine/log_batch.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_request.h"
#include "worker/engine/runtime/pool.h"
#include "worker/ipc/shared_counters.h"

namespace zts::offload {

class OffloadLink;

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

  // Of the link, on this thread.
  void Expect(OffloadLink* link, const runtime::Target& target, Nanos calm_time);
  void Release(uint64_t version_id);
  void Retain(const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby);
  void Begin(OffloadLink* link, const AwayRequestPtr& request);
  void Cancel(const AwayRequest& request);
  void PeerFinished(const AwayRequest& request);
  void BodyArrived(const AwayRequest& request, std::string_view bytes);
  void BodyComplete(const AwayRequest& request);
  void BodyFailed(const AwayRequest& request, const std::string& why);
  void ChunkTaken(const AwayRequest& request, size_t bytes);

  const runtime::Pool& pool() const { return *pool_; }
  // What V8 has made of functions here.
  JitSurvey& jit() { return *jit_; }
  size_t running() const { return running_.size(); }

  // net::LoopHandler
  void OnAccept(net::Handle handle) override;
  void OnAcceptError(int error) override {}
  void OnRecv(SlotId slot, net::Lease lease, int error) override { egress_.OnRecv(slot, lease, error); }
  void OnSent(SlotId slot, int error) override { egress_.OnSent(slot, error); }
  void OnClosed(SlotId slot) override { egress_.OnClosed(slot); }
  void OnPassEnd() override;

  // runtime::PoolHost
  void OnResponse(runtime::RequestId id, const js::ResponseView& response) override;
  void OnFailure(runtime::RequestId id, const js::Outcome& outcome) override;
  js::IsolateClient::Taken OnChunk(runtime::RequestId id, std::string_view bytes) override;
  void OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome) override;
  void OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) override;
  void OnWakeAt(Nanos when) override;
  void OnCalm(uint64_t version_id) override;
  runtime::FetchGate* fetch_gate() override { return &egress_; }
  void Post(std::function<void()> task) override { loop_->Post(std::move(task)); }
  Nanos now() const override { return loop_->now(); }
  Nanos clock_now() const override { return loop_->clock().Now(); }

 private:
  class Running;

  Running* Find(const AwayRequest& request);
  Running* Find(runtime::RequestId id);
  void FlushChunks();
  void WakeReader(Running* running);
  void EraseIfOver(Running* running);
  void Erase(Running* running);
  void OnHousekeeping();
  void OnFetchEvent(uint64_t instance, js::FetchId id, const js::FetchEvent& event) override { pool_->OnFetch(instance, id, event); }

  net::Loop* const loop_;
  LogBatch logs_;
  EgressLink egress_;
  std::unique_ptr<runtime::Pool> pool_;
  std::optional<JitSurvey> jit_;
  OffloadLink* link_ = nullptr;     // of the shard it serves
  SlotMap<std::unique_ptr<Running>> running_;
  std::vector<SlotId> to_flush_;    // have something to be seen to at the end of this pass
  std::vector<std::unique_ptr<Running>> ended_;  // in this pass
  net::Timer pool_timer_;
  net::Timer housekeeping_timer_;
  Nanos wall_offset_ = 0;
};

}  // namespace zts::offload
