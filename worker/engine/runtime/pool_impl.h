// What the pool's sources share: its state, and what stands in it. Nobody else includes this.
//
//   pool.cc            requests and their turns, time
//   pool_versions.cc   versions: their queues' limits, what is retained, loading
//   pool_instance.cc   isolates: what they call back, retiring, evicting, looking after their heaps
//   pool_away.cc       versions that are elsewhere, and what an offload thread's pool does for those of others
//
// Owner, Thread, Life, Limits: as pool.h says.
#pragma once

#include <atomic>
#include <bitset>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/runtime/due_heap.h"
#include "worker/engine/runtime/idle_heap.h"
#include "worker/engine/runtime/load_failure.h"
#include "worker/engine/runtime/memory_budget.h"
#include "worker/engine/runtime/nursery_watch.h"
#include "worker/engine/runtime/pool.h"
#include "worker/engine/runtime/request_table.h"
#include "worker/engine/runtime/target.h"
#include "worker/engine/runtime/version_table.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"
#include "worker/ipc/shared_counters.h"

namespace zts::runtime {

inline void Change(ipc::Counter& gauge, int64_t by) { gauge.Add(static_cast<uint64_t>(by)); }

// Limits that end one request: what its owner reads in the log. An exception is logged by the isolate itself.
inline bool IsLimit(js::OutcomeKind kind) {
  return kind == js::OutcomeKind::kCpuLimit || kind == js::OutcomeKind::kWallLimit || kind == js::OutcomeKind::kMemoryLimit;
}

struct Due : DueNode {
  virtual ~Due() = default;
  virtual void OnDue(Nanos now) = 0;
};

// One function version on this shard.
struct Version final : Due {
  enum class State : uint8_t { kCold, kLoading, kWarm, kFailed };

  Pool::Impl* pool = nullptr;
  Target target;
  Elsewhere* there = nullptr;  // where it goes, or would; null: nowhere
  VersionQueues queues;
  LoadFailure failure;
  State state = State::kCold;
  bool retained = true;
  bool standby = false;     // served before: no route leads to it
  bool hurried = false;     // the load under way is one that a request waits for
  bool away = false;        // its requests go elsewhere
  bool foreign = false;     // for ever: it is another class's
  bool told_away = false;   // and the gauge says so: it does not while the version is on standby
  uint8_t moves = 0;        // how often it has gone there
  uint32_t pins = 0;        // held while its members are on somebody's stack
  uint32_t instances = 0;   // retiring ones included
  uint64_t load_serial = 0;
  Instance* current = nullptr;
  uint64_t turns = 0;
  Nanos held = 0;           // how long they have taken
  Nanos gc_pause = 0;       // all of its isolates' pauses
  std::unique_ptr<ColdTimes> cold_times;  // of the last one, where they are shown
  uint64_t turns_reported = 0;  // of them, accounted for when the watchdog last told of this version
  std::vector<std::function<void(const js::Outcome&)>> prepared;
  // Of the role kOffload.
  Nanos calm_time = 0;      // 0: nobody waits for its calm
  Nanos heavy_at = 0;
  uint64_t turns_calm = 0;  // turns when that was

  void OnDue(Nanos now) override;
};

// One isolate on this shard, and the client it calls back.
struct Instance final : Due, js::IsolateClient, js::FetchDoor {
  Instance(Nanos now, size_t request_garbage_bytes) : heap(now), nursery(request_garbage_bytes) {}

  Pool::Impl* pool = nullptr;
  Version* version = nullptr;
  std::unique_ptr<js::Isolate> isolate;
  SlotId slot;
  uint32_t requests = 0;   // dispatched, neither answered nor abandoned
  uint64_t dispatched = 0;
  bool retiring = false;
  Nanos timer_due = 0;
  Nanos retire_by = 0;
  IdleHeap heap;
  NurseryWatch nursery;
  bool nursery_noted = false;  // to be looked at when the pass ends
  js::MemoryUse memory;    // its part of the function's gauges
  std::atomic<bool> tasks_posted{false};

  void OnDue(Nanos now) override;
  void OnResponse(js::InvocationId id, const js::ResponseView& response) override;
  void OnFailure(js::InvocationId id, const js::Outcome& outcome) override;
  Taken OnChunk(js::InvocationId id, std::string_view bytes) override;
  void OnResponseEnd(js::InvocationId id, const js::Outcome& outcome) override;
  void OnBackgroundDone(js::InvocationId id) override;
  void OnConsole(js::InvocationId id, js::LogSeverity severity, std::string_view message) override;
  void OnTimerDue(Nanos when) override;
  void OnTasksPosted() override;
  void OnUpstream(js::InvocationId id, Upstream state) override;
  void OnGarbageCollected(js::GcKind kind, js::GcDuring during, Nanos pause) override;
  js::FetchDoor* fetch_door() override;
  js::FetchId Start(const js::FetchRequest& request) override;
  void SendBody(js::FetchId id, std::string_view bytes) override;
  void FinishBody(js::FetchId id) override;
  void Rewound(js::FetchId id) override;
  void ReadMore(js::FetchId id, uint32_t bytes) override;
  void Cancel(js::FetchId id) override;
  void SendMessage(js::FetchId id, js::SocketMessage kind, uint64_t bytes) override;
  void CloseSocket(js::FetchId id, uint16_t code, std::string_view reason) override;
  void MessagesTaken(js::FetchId id, uint32_t bytes, uint32_t messages) override;
  void SetDue();
  void SetMemory(const js::MemoryUse& use);
};

struct Pool::Impl final : ElsewhereEvents {
  Impl(PoolHost* host_, Warmup* warmup_, Watchdog* watchdog_, ipc::ShardCounters* counters_, const PoolOptions& options)
      : host(host_), warmup(warmup_), watchdog(watchdog_), role(options.role), elsewhere(options.elsewhere), classes(options.classes),
        memory(options.budget), lane(watchdog->AddLane(Listener())), counters(counters_), requests(&counters_->queued),
        instances(2 * kFunctionCountMax) {}

  PoolHost* host;
  Warmup* warmup;
  Watchdog* watchdog;
  const PoolOptions::Role role;
  Elsewhere* const elsewhere;
  ElsewhereByClass* const classes;
  MemoryBudget::Part memory;  // that this pool's isolates take
  Watchdog::Lane* lane;
  ipc::ShardCounters* counters;
  VersionTable<Version> versions;
  RequestTable requests;
  SlotMap<std::unique_ptr<Instance>> instances;
  DueHeap due;
  Nanos wake_at = 0;
  size_t warm = 0;
  uint32_t next_look = 0;  // which isolate Idle looks at
  size_t away = 0;
  size_t standby = 0;        // versions on standby: as many isolates at most
  bool in_turn = false;
  Nanos turn_ended = 0;      // the last one
  Nanos last_turn = 0;       // how long that took
  RequestTimes answered;     // of the request that the host is being told of
  ipc::Counter uncounted{};  // in flight, of the role kOffload and of foreign versions
  bool ends_passes = false;
  Instance* inside = nullptr;  // its isolate is entered
  // Isolates that have run in this pass and are watched; the other is empty, kept for its memory.
  std::vector<SlotId> nurseries, nurseries_before;
  std::bitset<ipc::kCounterRows> rows_seen;

  Version* FindOrAdd(TargetRef target);
  void Drop(Version* version);
  void DropIfDone(Version* version);

  Ticket Enqueue(Request* request);
  void DispatchTo(Instance* instance, Request* request);
  void StayIn(Instance* instance);
  template <typename F>
  void RunTurn(Instance* instance, F&& body);
  void AfterTurn(Instance* instance);
  // A turn for one request's sake, when an isolate has it, here or elsewhere.
  void RunTurnOf(Ticket ticket, void (js::Isolate::*what)(js::InvocationId), void (Elsewhere::*there)(Ticket));
  void Abandon(Instance* instance, Ticket ticket);

  // Of a turn under way: the pass before it, or the turn before.
  Nanos turn_began() const { return std::max(turn_ended, host->now()); }
  void TakeTimes(const Request& request);
  void Forget(Request* request);
  void Fail(Request* request, const js::Outcome& outcome);
  void LogLimit(const Request* request, const js::Outcome& outcome);

  void StartLoad(Version* version, Warmup::Urgency urgency);
  void OnLoaded(uint64_t version_id, uint64_t serial, Loaded loaded);
  void OnLoadFailed(Version* version, const js::Outcome& outcome);
  void OnWarm(Version* version, Loaded loaded);
  void RecordColdStart(Version* version, const Loaded& loaded);
  void DispatchWaiting(Version* version, bool cold);
  void ShowColdTimes(Request* request);
  void TellPrepared(Version* version, const js::Outcome& outcome);

  void Retire(Instance* instance);
  void Destroy(Instance* instance);
  void EvictBeyondLimit();
  void RunTasks(SlotId slot);
  bool Look(Instance* instance, Nanos now);
  // Before a turn of a request. Whether the isolate is as it was: a collection may be what loses it.
  bool HasRoom(Instance* instance);
  bool MakeRoom(Instance* instance);
  void CollectNursery(Instance* instance);
  void NoteNursery(Instance* instance);
  void LookAtNurseries();

  void SetVersionDue(Version* version);
  void UpdateWake();

  Watchdog::OnBusy Listener();
  void OnBusy(uint64_t version_id, Nanos cpu);
  void MoveAway(Version* version);
  void ComeBack(Version* version);
  void EndAway(Version* version);
  void SetAwayGauge(Version* version);
  void RetainAway();
  Ticket SendAway(Request* request);
  void CancelAway(Request* request);
  void FailLate(Request* request, const js::Outcome& outcome);
  void LookForCalm(Nanos now);

  // ElsewhereEvents
  void OnAwayBegan(Ticket ticket) override;
  void OnAwayCold(Ticket ticket) override;
  void OnAwayColdAnswer(Ticket ticket, const ColdTimes& times) override;
  void OnAwayResponse(Ticket ticket, const js::ResponseView& response, Body body) override;
  void OnAwayFailure(Ticket ticket, const js::Outcome& outcome) override;
  js::IsolateClient::Taken OnAwayChunk(Ticket ticket, std::string_view bytes) override;
  void OnAwayEnd(Ticket ticket, const js::Outcome& outcome) override;
  void OnAwayBodyDone(Ticket ticket) override;
  void OnAwayCalm(uint64_t version_id) override;
};

inline bool Pool::Impl::HasRoom(Instance* instance) {
  if (!instance->nursery.watching_requests()) [[likely]] return true;
  return MakeRoom(instance);
}

// The instance may be gone afterwards.
template <typename F>
void Pool::Impl::RunTurn(Instance* instance, F&& body) {
  instance->heap.Used(host->now());
  ++instance->version->turns;
  {
    in_turn = true;
    Turn turn(lane, instance->isolate.get(), instance->version->target.script->limits.cpu_per_request,
              js::OutcomeKind::kCpuLimit, instance->version->target.version_id);
    body(instance->isolate.get());
    if (turn.End() == Turn::Ending::kTerminated) counters->turns_terminated.Add();
    in_turn = false;
  }
  const Nanos now = host->clock_now();
  last_turn = now - turn_began();
  turn_ended = now;
  instance->version->held += last_turn;
  if (instance->nursery.watching()) [[unlikely]] NoteNursery(instance);
  AfterTurn(instance);
}

}  // namespace zts::runtime
