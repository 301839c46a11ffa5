// Brings every connected worker to the newest catalog, in two phases: first all prepare it, then all switch.
//
// One *rollout* runs at a time; changes made meanwhile travel together in the next. A worker that is not ready after kPrepareTimeout
// no longer holds back the others, unless RequireAll asks for it; it is *late*, and later rollouts do not wait for it until it has
// answered. One that refuses names the functions, the registry goes back to their last proven versions, and the rollout starts again
// with that catalog.
//
//   Connect/OnCatalog -> Update to each worker -> PREPARED from all or timeout -> the gate opens -> Activate -> ACTIVE
//
// Owner:    main(), one a process.
// Thread:   any; calls WorkerLink under its lock.
// Life:     registry, clock and links outlive it; a link may go once Disconnect has returned.
// Limits:   kWorkersMax, kPrepareTimeout, kActivateTimeout, kAnswerTimeout, kRejectionsKept, kUpdatesShared. One message a worker is
//           unanswered at most.
// Errors:   Connect refuses beyond kWorkersMax.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/catalog.h"
#include "controller/push.h"
#include "controller/registry.h"

namespace zts::controller {

using WorkerId = uint64_t;

// How far one change has come.
struct RolloutView {
  enum class State {
    kWaiting,
    kDone,        // every connected worker serves it
    kSettled,     // nothing more will come by itself: the rest refused, for reasons of their own
    kRejected,    // workers could not prepare this version: `problems`
    kSuperseded,  // a newer version, or a deletion, took its place
  };
  State state = State::kWaiting;
  uint32_t live = 0;
  uint32_t ready = 0;  // live, or prepared
  uint32_t total = 0;
  std::vector<std::string> laggards;  // "name: what is known"
  std::vector<std::string> http_addresses;
  std::vector<FunctionProblem> problems;
  std::string rejected_by;  // the worker's name
};

struct WorkerInfo {
  WorkerHello hello;
  uint64_t active_version = 0;
  int64_t connected_ns = 0;  // since 1970
};

struct PublisherStats {
  uint64_t updates_full = 0;
  uint64_t updates_delta = 0;
  uint64_t activates = 0;
  uint64_t nacks = 0;
  uint64_t workers = 0;
  // Catalog versions that the worker furthest behind is behind, and for how long some worker has been.
  uint64_t lag_versions = 0;
  Nanos lag = 0;
};

class Publisher {
 public:
  Publisher(Registry& registry, const Clock& clock);

  Result<WorkerId> Connect(WorkerHello hello, WorkerLink* link);
  void Disconnect(WorkerId id);
  void OnResult(WorkerId id, PushResult result);
  // The registry has a new catalog.
  void OnCatalog();
  // The same, and the change took a version back: no catalog before it is to be activated any more.
  void OnTakenBack();
  // The gate for this catalog opens only when every connected worker has prepared it, or at `until`. Before OnCatalog; the latest call
  // counts.
  void RequireAll(uint64_t catalog_version, Nanos until);
  // Looks at the deadlines; also marks what every worker serves as proven, which waits for the disk.
  void Tick();
  // Ticks when something is due, until Stop().
  void RunTimers();
  void Stop();

  // One deploy, or with an empty `function` a change as such (a deletion).
  struct Subject {
    std::string function;
    uint64_t version_id = 0;
    uint64_t catalog_version = 0;
  };
  RolloutView Look(const Subject& subject) const;
  // Returns when the state is no longer kWaiting, at the deadline, when `keep_waiting` says no, or at Stop(). Calls `on_progress` with each
  // change of the counts.
  RolloutView Wait(const Subject& subject, Nanos deadline, const std::function<bool()>& keep_waiting,
                   const std::function<void(const RolloutView&)>& on_progress);

  std::vector<WorkerInfo> Workers() const;
  PublisherStats Stats() const;

 private:
  enum class Phase { kIdle, kPreparing, kPrepared, kActivating };

  struct Worker {
    WorkerHello hello;
    WorkerLink* link = nullptr;
    int64_t connected_ns = 0;
    std::optional<uint64_t> active;  // none: no catalog of this store
    Phase phase = Phase::kIdle;
    CatalogPtr target;     // of the phase
    uint64_t nonce = 0;    // of the unanswered message
    Nanos asked_at = 0;
    uint64_t refused_version = 0;
    std::string refusal;   // why; empty when it has not refused
    Nanos retry_at = 0;
    Nanos retry_delay = 0;
    bool late = false;     // others have gone on without its answer, which still has not come
  };

  struct Rejection {
    uint64_t version_id = 0;
    std::string worker;
    std::vector<FunctionProblem> problems;
  };

  // All below: under mutex_.
  void Advance();
  bool OpenGate();
  bool WantsAll() const;
  bool FinishRollout();
  void StartRollout(CatalogPtr catalog);
  // With what the registry went back to; nothing older is activated any more.
  void StartOver();
  void SendWhatIsDue();
  void SendUpdate(Worker& worker);
  UpdatePtr UpdateFrom(std::optional<uint64_t> base);
  UpdatePtr MakeUpdate(std::optional<uint64_t> base) const;
  void SendActivate(Worker& worker);
  void OnNack(Worker& worker, std::vector<FunctionProblem> problems);
  bool RejectFunctions(const Worker& worker, const std::vector<FunctionProblem>& problems);
  bool NeedsUpdate(const Worker& worker) const;
  bool HoldsGate(const Worker& worker) const;
  Nanos NextDeadline() const;
  // Names and addresses of all workers are for whoever shows them, not for each step of a wait.
  enum class Detail : uint8_t { kCounts, kAll };
  RolloutView LookLocked(const Subject& subject, Detail detail) const;
  std::string WhyNot(const Worker& worker, uint64_t catalog_version) const;

  Registry& registry_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t changes_ = 0;
  bool stopped_ = false;

  std::map<WorkerId, Worker> workers_;
  WorkerId last_id_ = 0;
  uint64_t last_nonce_ = 0;

  CatalogPtr target_;       // of the rollout that runs, or ran last
  // To the target from what workers have (none: nothing); the latest kUpdatesShared.
  std::deque<std::pair<std::optional<uint64_t>, UpdatePtr>> updates_;
  bool rolling_ = false;
  uint64_t gate_ = 0;       // catalogs up to this one may be activated
  uint64_t valid_from_ = 0;  // catalogs before this one may not any more
  uint64_t all_for_ = 0;     // RequireAll's
  Nanos all_until_ = 0;
  Nanos prepare_deadline_ = 0;
  Nanos activate_deadline_ = 0;
  uint64_t to_prove_ = 0;   // served by every connected worker
  uint64_t told_ = 0;       // of it, what the registry was told
  std::deque<Rejection> rejections_;
  std::optional<Nanos> behind_since_;
  PublisherStats stats_;
};

}  // namespace zts::controller
