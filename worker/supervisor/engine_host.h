// Keeps one engine alive and fed: a state machine over messages, exits and time.
//
//   starting -> replaying -> serving -> (dies) -> back-off -> starting ...      any -> draining -> stopped
//
// What the engine must serve (the committed catalog) and what is under way (a change: Prepare, then Commit) belong to the host. A
// new engine gets the committed catalog first, without warming anything, so that capacity is back at once; then the change is done
// again from its start, and whoever asked for it notices nothing but time.
//
// The engine of the default class has the listeners and gets the whole catalog: of versions of other classes it learns to which of them
// their requests lead. A class's engine has no listeners and gets the class's versions alone.
//
// Owner:    EngineSet, one an engine class.
// Thread:   one; the process's events reach it through the sink's owner.
// Life:     everything in World outlives it.
// Limits:   kReadyTimeout, kCommitTimeout and so on: an engine that misses one is ended and started again.
//           kChangeDeathsMax deaths while one change is prepared or committed end the change. Quarantine, RestartPolicy.
// Errors:   a change ends in problems (the engine or a function refuses it), or kAborted (the worker stops).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/ipc/engine.pb.h"
#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/egress_host.h"
#include "worker/supervisor/engine_counters.h"
#include "worker/supervisor/engine_death.h"
#include "worker/supervisor/engine_feed.h"
#include "worker/supervisor/engine_process.h"
#include "worker/supervisor/function_spec.h"
#include "worker/supervisor/jit_survey.h"
#include "worker/supervisor/quarantine.h"
#include "worker/supervisor/restart_policy.h"
#include "worker/supervisor/version_names.h"
#include "worker/supervisor/version_rows.h"

namespace zts::supervisor {

// What the admin port, the metrics and the start-up look at.
struct EngineStatus {
  enum class State : uint8_t { kIdle, kBackoff, kStarting, kReplaying, kServing, kDraining, kStopped };
  State state = State::kIdle;
  pid_t pid = 0;  // 0: none
  uint64_t starts = 0;
  // Of the last engine that was ready; kept over a restart.
  std::string io_backend;
  std::vector<std::string> io_features;  // "multishot_recv=1"
  std::string artifact_key;
  bool sandboxed = false;
  // What the engine serves; meaningful when serves_catalog.
  uint64_t catalog_version = 0;
  bool serves_catalog = false;
  // Requests are answered: also while an engine that serves is brought to another catalog.
  bool answers() const { return state == State::kServing || (state == State::kReplaying && serves_catalog); }
  std::array<uint64_t, kDeathCauses> deaths{};
  std::vector<std::pair<std::string, uint64_t>> quarantined;  // function, number
  std::string last_death;  // a sentence; empty: none
};
std::string_view EngineStateName(EngineStatus::State state);

class HostObserver {
 public:
  virtual ~HostObserver() = default;
  virtual void OnStatus(const EngineStatus& status) = 0;
  virtual void OnLogs(std::vector<LogRecord> records) = 0;
  // A new engine serves, or is about to serve the first change.
  virtual void OnServing() {}
};

class EngineHost {
 public:
  // From the start of the process to Ready: Node and V8 take 0.1 s, a loaded machine many times that.
  static constexpr Nanos kReadyTimeout = 30 * kSecond;
  // Building a catalog without warming anything; a warm version adds its start-up limit on every shard.
  static constexpr Nanos kPrepareTimeout = 20 * kSecond;
  static constexpr Nanos kStartupCpuDefault = 2 * kSecond;
  static constexpr Nanos kCommitTimeout = 10 * kSecond;
  // What an engine gets on top of its own drain time before it is killed.
  static constexpr Nanos kDrainGrace = 2 * kSecond;
  static constexpr int kChangeDeathsMax = 3;

  struct Setup {
    std::string io;              // "auto", "uring", "epoll"
    std::vector<uint32_t> cpus;  // one a shard, or empty
    std::string snapshot_path;
    std::string worker_name;
    std::vector<int> listeners;  // one a shard; none: the engine is another class's than the default one
    uint64_t memory_budget_bytes = 0;  // of functions' isolates; 0: no bound
    uint32_t offload_threads = 0;  // at most, or none; their counters stand behind the shards'
    uint32_t shards_without_listeners = 0;  // of an engine that has none
    uint32_t first_counters = 0;  // block of the shared counters
    std::string class_name = {};  // for log lines; empty: the default one
    uint32_t threads() const { return shards() + offload_threads; }
    uint32_t shards() const { return listeners.empty() ? shards_without_listeners : static_cast<uint32_t>(listeners.size()); }
  };
  struct World {
    const Clock* clock;
    EngineLauncher* launcher;
    EngineSink* sink;
    CounterRows* rows;
    VersionRows* version_rows;
    const ipc::SharedCounters* counters;
    HostObserver* observer;
    EgressPort* egress = nullptr;  // null: functions make no requests
    // Which class runs a version: 0, this one, or a number; none: there is no engine for it, and it is left out. Null: this one runs all.
    std::function<std::optional<uint32_t>(const FunctionSpec&)> class_of = nullptr;
  };
  EngineHost(Setup setup, World world);
  ~EngineHost();

  void Start();

  // Empty: the catalog is ready to be committed, and every version in `warm` is warm on every shard. Otherwise why not; what was
  // committed goes on serving and the change is forgotten. A change that waits for its Commit is replaced.
  // REQUIRES: no Prepare or Commit is under way.
  using PrepareDone = std::function<void(Result<std::vector<Problem>>)>;
  void Prepare(CatalogSpec catalog, std::vector<uint64_t> warm, PrepareDone done);
  // REQUIRES: Prepare has ended well and nothing replaced it.
  using CommitDone = std::function<void(Status)>;
  void Commit(CommitDone done);
  // A change that waits for its Commit is not to be made.
  void Forget();
  // This is committed, whatever became of the change: the engine is brought to it, now or when it serves again.
  // REQUIRES: no Prepare or Commit is under way.
  void Adopt(CatalogSpec catalog);

  // Functions' isolates may take so much from here on.
  void SetMemoryBudget(uint64_t bytes);
  // Whether an engine is there that can be connected with others'.
  bool serving() const { return status_.state == EngineStatus::State::kServing; }
  // Somebody has decided that these committed versions get requests that they did not get: the next Prepare tries those again that this
  // engine goes without. False: there is none. REQUIRES: no Prepare or Commit is under way.
  bool Pardon(const std::set<uint64_t>& version_ids);
  // Committed versions that this engine goes without: they took it down too often, or a later engine has refused them.
  std::set<uint64_t> LeftOutIds() const;
  // Something for the engine that the host need not know. False: it is gone, or is made to go.
  bool Tell(const ipc::ToEngine& message, int descriptor) { return Send(message, descriptor); }

  // What V8 has made of the versions of this function that get requests, watched for so long.
  void AskJit(const std::string& function, Nanos watch, JitSurveys::Done done);

  // Whether another worker's engine has the same listening sockets, or is about to: then this one leaves them as they are when it
  // drains, which it also does by itself when this process dies.
  void ShareListeners(bool shared);

  // No new work; the engine finishes what it has. `done` once no engine is left.
  void Drain(Nanos timeout, std::function<void()> done);
  // Ends the engine at once; with Drain before it, `done` follows.
  void Kill();

  // Events.
  void OnMessage(uint64_t generation, ipc::FromEngine message);
  void OnExit(uint64_t generation, ExitStatus status);
  void OnTime();
  // The egress process is a new one: the engine is connected with it.
  void OnEgressUp();
  // When OnTime is due; 0: never.
  Nanos NextDeadline() const;

  const EngineStatus& status() const { return status_; }

 private:
  using State = EngineStatus::State;
  // The one question the engine has not answered yet.
  enum class Exchange : uint8_t { kNone, kReplayPrepare, kReplayCommit, kPrepare, kCommit };
  struct Change {
    CatalogSpec catalog;
    std::vector<uint64_t> warm;
    PrepareDone prepare_done;  // null once called
    CommitDone commit_done;    // null until Commit
    bool ready_here = false;   // this very engine has prepared it
    int deaths = 0;
  };

  void Launch();
  void SetState(State state);
  void SetDeadline(Nanos after);
  void Publish();
  bool Send(const ipc::ToEngine& message, int descriptor = -1);
  bool SendStart();
  bool SendShared();
  void ConnectEgress();
  bool SendCatalog(const CatalogSpec& catalog, const std::vector<uint64_t>& warm);
  void Ask(Exchange exchange, Nanos timeout);
  bool Answers(Exchange first, Exchange second, uint64_t catalog_version, std::string_view what);
  void EndUnresponsive(const std::string& why);

  void OnReady(const ipc::Ready& ready);
  void OnPrepared(const ipc::Prepared& prepared);
  void OnReplayPrepared(std::vector<Problem> problems, const ipc::Prepared& prepared);
  void OnCommitted(const ipc::Committed& committed);
  void Replay();
  void Serve();
  void Advance();
  void FinishPrepare(Result<std::vector<Problem>> result);
  void FinishCommit(Status status);
  void AbandonChange(Error error);
  void AbortInEngine(uint64_t catalog_version);
  void AdoptCommitted();
  std::set<uint64_t> CommittedIds() const;
  std::vector<Problem> Refusals(const CatalogSpec& catalog) const;

  uint64_t Suspect(DeathCause cause) const;
  std::string LastWords() const;
  std::string Self() const { return EngineTitle(status_.pid, setup_.class_name); }
  void Blame(uint64_t version_id);
  void ListQuarantined();
  void CountAgainstChange(uint64_t version_id);
  void Stopped();

  std::optional<uint32_t> ClassOf(const FunctionSpec& spec) const;
  Nanos PrepareTimeout(const CatalogSpec& catalog, const std::vector<uint64_t>& warm) const;
  void ReportToTenant(const std::string& function, uint64_t number, const std::string& severity, const std::string& message);

  const Setup setup_;
  const World world_;
  EngineStatus status_;
  const EngineCounters counters_;
  VersionNames names_;  // for logs that come late
  EngineFeed feed_;
  uint64_t memory_budget_bytes_;
  RestartPolicy restart_policy_;
  Quarantine quarantine_;

  std::unique_ptr<EngineProcess> process_;
  uint64_t generation_ = 0;
  Nanos started_at_ = 0;
  Nanos deadline_ = 0;
  Exchange exchange_ = Exchange::kNone;
  uint64_t asked_version_ = 0;
  std::optional<ipc::Fatal> fatal_;
  std::optional<std::string> unresponsive_;

  JitSurveys surveys_;
  std::optional<CatalogSpec> committed_;
  std::optional<Change> change_;
  std::set<uint64_t> refused_;  // committed once, refused by a later engine
  bool listeners_shared_ = false;
  std::function<void()> drain_done_;
};

}  // namespace zts::supervisor
