// One engine process: what the supervisor says, turned into shards that serve.
//
//   Configure, AddListener... -> the shards start, the process shuts itself in -> Ready
//   AddFunction..., Prepare   -> every shard makes the versions warm -> Prepared
//   Commit                    -> every shard switches -> Committed
//   Drain, or the supervisor is gone -> every shard finishes what it has -> Drained, and Run returns
//
// Owner:    main().
// Thread:   Run: the main thread, which does nothing but receive. Shards, offload threads, warm-up, watchdog and outbox have
//           threads of their own.
// Life:     one Run.
// Errors:   a supervisor that speaks nonsense ends the engine (kExitProtocol); what cannot be started does too (kExitStart).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "jsruntime/isolate.h"
#include "worker/engine/connection_balance.h"
#include "worker/engine/core_split.h"
#include "worker/engine/functions.h"
#include "worker/engine/log_queue.h"
#include "worker/engine/offload/offload_threads.h"
#include "worker/engine/outbox.h"
#include "worker/engine/route/catalog.h"
#include "worker/engine/runtime/memory_budget.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"
#include "worker/engine/shard_thread.h"
#include "worker/ipc/channel.h"
#include "worker/ipc/engine.pb.h"
#include "worker/ipc/shared_counters.h"

namespace zts {

class Engine {
 public:
  static constexpr int kExitDrained = 0;
  static constexpr int kExitStart = 80;
  static constexpr int kExitProtocol = 81;
  static constexpr int kExitStuck = 82;  // a turn of JavaScript did not end; Fatal names the version

  struct Options {
    UniqueFd channel;
    // Called once, on the main thread, when the supervisor has said where the snapshot is.
    std::function<Result<std::unique_ptr<js::IsolateFactory>>(const std::string& snapshot_path)> make_factory;
    std::function<std::string()> artifact_key;
    // The threads that V8 works on for all isolates: they stay off the shards' cores, where there are others. Not set: none is known.
    std::function<std::vector<pid_t>()> helper_threads;
    // Called once, on the main thread, when the shards run and before anything of a tenant arrives: shuts the process in for good.
    // A failure is told and not the end. Not set: the process stays open.
    enum class Accepts : uint8_t { kConnections, kNothing };
    std::function<Status(Accepts)> enter_sandbox;
  };
  explicit Engine(Options options);
  ~Engine();

  // The process's exit status.
  int Run();

 private:
  Status Handle(const ipc::ToEngine& message, UniqueFd descriptor);
  Status Configure(const ipc::Configure& configure, UniqueFd counters);
  Status AddListener(const ipc::AddListener& add, UniqueFd listener);
  Status ConnectEgress(const ipc::ConnectEgress& connect, UniqueFd socket);
  Status ConnectClass(const ipc::ConnectClass& connect, UniqueFd socket);
  Status ConnectFront(const ipc::ConnectFront& connect, UniqueFd socket);
  Status SetMemoryBudget(const ipc::SetMemoryBudget& set);
  Status Begin();
  Status StartShards();
  Status StartOffloadThreads();
  void EnterSandbox();
  void SendReady();
  Status AskJit(const ipc::AskJit& ask);
  Status Prepare(const ipc::Prepare& prepare);
  Status Commit(const ipc::Commit& commit);
  Status Abort(const ipc::Abort& abort);
  void Drain(Nanos timeout);
  void ForgetUnnamed();
  void SayLastWords(uint64_t version_id, std::string_view reason);
  void OnStuck(uint64_t version_id);
  void End();

  Options options_;
  ipc::Channel channel_;
  LogQueue logs_;
  Outbox outbox_;
  ipc::Configure configure_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  std::unique_ptr<js::IsolateFactory> factory_;
  std::unique_ptr<runtime::Watchdog> watchdog_;
  std::unique_ptr<runtime::MemoryBudget> budget_;  // null: the supervisor has named none
  std::unique_ptr<runtime::Warmup> warmup_;
  std::vector<UniqueFd> listeners_;
  CoreSplit cores_;
  std::unique_ptr<offload::OffloadThreads> offloads_;  // null: heavy functions stay
  std::unique_ptr<ConnectionBalance> balance_;         // null: there are no listeners
  std::vector<std::unique_ptr<ShardThread>> shards_;

  bool sandboxed_ = false;
  Functions functions_;
  route::CatalogPtr committed_;
  std::map<uint64_t, route::CatalogPtr> prepared_;
  enum class Draining : uint8_t { kNo, kYes } draining_ = Draining::kNo;
  Shard::Successor successor_ = Shard::Successor::kNone;
};

}  // namespace zts
