// One core: its event loop, its connections, its isolates, its catalog.
//
// Shards share nothing on the request path. What they are told (prepare, commit, drain) is posted to their loop; what they have to
// tell goes out by callbacks on their thread, the log queue, and counters in shared memory.
//
// A catalog is prepared (its versions made warm) while the old one serves, and then committed: one pointer changes between two
// requests. Requests in flight keep the version they were given to.
//
// Requests of versions that another engine class has are forwarded to its engine (classes/). A shard without a listening socket is such an
// engine's: its requests come from a front's shard, by the versions' ids. It answers for the versions of prepared catalogs too, and for a
// while (kClassLeaveTime) for those of catalogs before, since the front changes its own at another moment.
//
// A new connection that another shard has clearly fewer of goes there (connection_balance.h) before anything is read of it. A shard that is
// exhausted gives some that it serves to one that is not (connection_moves.h), between two of their requests.
//
// Owner:    the engine, one a core.
// Thread:   constructed, run and destroyed on its own thread. Post and Stop: any.
// Life:     what Options names outlives it. It outlives Warmup::Stop: isolates post to it until they are gone.
// Limits:   kConnectionsMax; beyond it a connection gets 503 and ends. kLeftCatalogsMax.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "jsruntime/outcome.h"
#include "worker/engine/classes/class_link.h"
#include "worker/engine/classes/class_port.h"
#include "worker/engine/connection_balance.h"
#include "worker/engine/connection_moves.h"
#include "worker/engine/egress_link.h"
#include "worker/engine/jit_survey.h"
#include "worker/engine/log_batch.h"
#include "worker/engine/log_queue.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_runs.h"
#include "worker/engine/offload/thread_way.h"
#include "worker/engine/route/catalog.h"
#include "worker/engine/runtime/pool.h"
#include "worker/engine/session.h"
#include "worker/engine/session_context.h"
#include "worker/ipc/shared_counters.h"

namespace zts {

class Shard final : public net::LoopHandler, public runtime::PoolHost, private FetchSink, private runtime::ElsewhereByClass {
 public:
  struct Options {
    net::Loop* loop = nullptr;
    runtime::Warmup* warmup = nullptr;
    runtime::Watchdog* watchdog = nullptr;
    ipc::ShardCounters* counters = nullptr;
    LogQueue* logs = nullptr;
    offload::OffloadThreads* offload = nullptr;  // where heavy functions go; null: they stay
    runtime::MemoryBudget* budget = nullptr;
    int listen_fd = -1;         // listened on from the first commit on; none: requests come from a front
    uint64_t request_seed = 0;
    // The engine's shards, this one among them, and how to tell one of them something; null: each keeps what it accepts.
    ConnectionBalance* balance = nullptr;
    uint32_t index = 0;
    std::function<void(uint32_t shard, std::function<void(Shard&)> task)> tell;
    RunDelay* run_delay = nullptr;  // of the shard's thread; null: what the kernel gives to others is put down to whom it hits
  };
  explicit Shard(const Options& options);
  ~Shard() override;

  void Run() { loop_->Run(this); }
  void RunOnce(Nanos timeout) { loop_->RunOnce(this, timeout); }
  void Stop() { loop_->Stop(); }

  // Why a version could not be made warm.
  struct Problem {
    uint64_t version_id = 0;
    js::Outcome outcome;
  };
  // Makes the versions in `warm` warm and holds the catalog ready. `done` comes once, now or later.
  void Prepare(route::CatalogPtr catalog, std::vector<uint64_t> warm,
               std::function<void(std::vector<Problem>)> done);
  // Serves the prepared catalog of this version from now on. Starts listening with the first one. An error when it is not prepared.
  Status Commit(uint64_t catalog_version);
  // Forgets a prepared catalog.
  void Abort(uint64_t catalog_version);

  // Functions' requests go out by this socket from here on.
  void ConnectEgress(UniqueFd socket) { egress_.Connect(std::move(socket)); }
  // Requests of this class go out by this socket from here on.
  void ConnectClass(uint32_t engine_class, UniqueFd socket);
  // Requests come by this socket from here on. REQUIRES: there is no listening socket.
  void ConnectFront(UniqueFd socket);

  // What V8 has made of functions here.
  JitSurvey& jit() { return *jit_; }
  // Of other classes' requests.
  const offload::AwayRuns& runs() const { return *runs_; }

  // Serves what has connected by now, finishes what is in flight, and cuts what is left after `timeout`. `done` comes once.
  //   kNone:    who connects later is refused at once, and idle connections end.
  //   kAccepts: another engine accepts from the same socket, which is left alone. An idle connection may ask once more and hears then
  //             that it ends: a client whose request crosses the end of its connection would see a failure. It ends at `timeout`.
  enum class Successor : uint8_t { kNone, kAccepts };
  void Drain(Nanos timeout, Successor successor, std::function<void()> done);

  // A connection that another shard has accepted, and counted here.
  void TakeConnection(UniqueFd socket) { Take(loop_->io().Adopt(std::move(socket))); }
  // One that another shard has served, and counted here.
  void TakeServed(UniqueFd socket);
  // Another shard drains: it gives none any more.
  void OnNeighbourKeeps();

  size_t connections() const { return sessions_.size(); }
  const runtime::Pool& pool() const { return *pool_; }
  runtime::Pool& pool() { return *pool_; }
  // Buffers and requests that sessions hold at the moment: 0 when all is quiet.
  size_t borrowed() const { return context_.out_buffers.taken() + context_.exchanges.taken(); }

  // net::LoopHandler
  void Prefetch(SlotId slot) override { sessions_.Prefetch(slot); }
  void OnAccept(net::Handle handle) override;
  void OnAcceptError(int error) override;
  void OnRecv(SlotId slot, net::Lease lease, int error) override;
  void OnSent(SlotId slot, int error) override;
  void OnQuiet(SlotId slot) override { quiet_.push_back(slot); }
  void OnClosed(SlotId slot) override;
  void OnPassEnd() override;

  // runtime::PoolHost
  void OnResponse(runtime::RequestId id, const js::ResponseView& response) override;
  void OnFailure(runtime::RequestId id, const js::Outcome& outcome) override;
  js::IsolateClient::Taken OnChunk(runtime::RequestId id, std::string_view bytes) override;
  void OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome) override;
  void OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) override;
  void OnCold(runtime::RequestId id) override;
  void OnColdAnswer(runtime::RequestId id, const runtime::ColdTimes& times) override;
  void OnWakeAt(Nanos when) override;
  runtime::FetchGate* fetch_gate() override { return &egress_; }
  void Post(std::function<void()> task) override { loop_->Post(std::move(task)); }
  Nanos now() const override { return loop_->now(); }
  Nanos clock_now() const override { return loop_->clock().Now(); }

 private:
  runtime::Elsewhere* Of(uint32_t engine_class) override;
  classes::ClassLink* LinkOf(uint32_t engine_class);
  void SetTargets();
  void RetainNamed();
  template <typename F>
  void WithSocket(SlotId slot, F&& act);
  void EndPassOfRuns();
  void SendWritten();
  bool GiveAway(net::Handle handle);
  void BeginLeaving();
  void EndLeaving(SlotId slot);
  void Take(net::Handle handle);
  void RefuseConnection(net::Handle handle);
  void OnHousekeeping();
  void EndIdle();
  void OnDrainTimeout();
  void TellDrained();
  void UpdateCounters();
  void OnFetchEvent(uint64_t instance, js::FetchId id, const js::FetchEvent& event) override;

  net::Loop* const loop_;
  ipc::ShardCounters* const counters_;
  LogBatch logs_;
  const int listen_fd_;
  ConnectionBalance* const balance_;
  const uint32_t index_;
  const std::function<void(uint32_t, std::function<void(Shard&)>)> tell_;
  uint32_t givers_ = 0;  // other shards that may still give connections
  SessionContext context_;
  EgressLink egress_;
  std::unique_ptr<offload::ThreadWay> offload_;  // null: heavy functions stay
  std::vector<std::unique_ptr<classes::ClassLink>> classes_;  // by number; of those that were asked for
  std::unique_ptr<runtime::Pool> pool_;
  std::optional<offload::AwayRuns> runs_;          // without a listening socket
  std::optional<classes::ClassPort> port_;         // likewise
  std::optional<JitSurvey> jit_;
  SlotMap<Session> sessions_;
  std::vector<net::SendNowItem> sends_;  // of a batch
  ConnectionMoves moves_;
  std::vector<SlotId> quiet_;            // of those that leave
  std::map<uint64_t, route::CatalogPtr> prepared_;
  struct Left {
    route::CatalogPtr catalog;
    Nanos until = 0;
  };
  std::deque<Left> left_;    // of an engine without a listening socket: those before, the oldest first
  Successor successor_ = Successor::kNone;

  net::Timer pool_timer_;
  net::Timer housekeeping_timer_;
  Nanos housekeeping_due_ = 0;
  net::Timer drain_timer_;
  std::function<void()> drained_;
  size_t accepts_due_ = 0;  // accepted when listening ended, and not told yet
  Nanos accept_error_logged_ = 0;

  net::IoCounters io_seen_;  // already in the shared counters
};

}  // namespace zts
