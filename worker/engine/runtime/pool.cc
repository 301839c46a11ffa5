#include "worker/engine/runtime/pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <string>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/due_heap.h"
#include "worker/engine/runtime/idle_heap.h"
#include "worker/engine/runtime/load_failure.h"
#include "worker/engine/runtime/memory_budget.h"
#include "worker/engine/runtime/request_table.h"
#include "worker/engine/runtime/version_table.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"

namespace zts::runtime {
namespace {

// A retiring isolate whose work in the background never ends goes this long after its last request could have ended.
constexpr Nanos kRetireGrace = 5 * kSecond;
// Reading one heap's figures takes a microsecond or two; with this many a second those that have run are soon known.
constexpr size_t kLooksPerIdle = 16;

void Change(ipc::Counter& gauge, int64_t by) { gauge.Add(static_cast<uint64_t>(by)); }

// Limits that end one request: what its owner reads in the log. An exception is logged by the isolate itself.
bool IsLimit(js::OutcomeKind kind) {
  return kind == js::OutcomeKind::kCpuLimit || kind == js::OutcomeKind::kWallLimit || kind == js::OutcomeKind::kMemoryLimit;
}

// The longest that a version has to behave elsewhere, whatever it did before.
constexpr Nanos kCalmTimeMax = 600 * kSecond;

struct Due : DueNode {
  virtual ~Due() = default;
  virtual void OnDue(Nanos now) = 0;
};

}  // namespace

// One function version on this shard.
struct Version final : Due {
  enum class State : uint8_t { kCold, kLoading, kWarm, kFailed };

  Pool::Impl* pool = nullptr;
  Target target;
  VersionQueues queues;
  LoadFailure failure;
  State state = State::kCold;
  bool retained = true;
  bool standby = false;     // served before: no route leads to it
  bool hurried = false;     // the load under way is one that a request waits for
  bool away = false;        // its requests go elsewhere
  bool told_away = false;   // and the gauge says so: it does not while the version is on standby
  uint8_t moves = 0;        // how often it has gone there
  uint32_t pins = 0;        // held while its members are on somebody's stack
  uint32_t instances = 0;   // retiring ones included
  uint64_t load_serial = 0;
  Instance* current = nullptr;
  uint64_t turns = 0;
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
  explicit Instance(Nanos now) : heap(now) {}

  Pool::Impl* pool = nullptr;
  Version* version = nullptr;
  std::unique_ptr<js::Isolate> isolate;
  SlotId slot;
  uint32_t requests = 0;   // dispatched, neither answered nor abandoned
  bool retiring = false;
  Nanos timer_due = 0;
  Nanos retire_by = 0;
  IdleHeap heap;
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
  void OnGarbageCollected(js::GcKind kind, js::GcDuring during, Nanos pause) override;
  js::FetchDoor* fetch_door() override;
  js::FetchId Start(const js::FetchRequest& request) override;
  void SendBody(js::FetchId id, std::string_view bytes) override;
  void FinishBody(js::FetchId id) override;
  void Rewound(js::FetchId id) override;
  void ReadMore(js::FetchId id, uint32_t bytes) override;
  void Cancel(js::FetchId id) override;
  void SetDue();
  void SetMemory(const js::MemoryUse& use);
};

struct Pool::Impl final : ElsewhereEvents {
  Impl(PoolHost* host_, Warmup* warmup_, Watchdog* watchdog_, ipc::ShardCounters* counters_, const PoolOptions& options)
      : host(host_), warmup(warmup_), watchdog(watchdog_), role(options.role), elsewhere(options.elsewhere), memory(options.budget),
        lane(watchdog->AddLane(Listener())), counters(counters_), requests(&counters_->queued), instances(2 * kFunctionCountMax) {}

  PoolHost* host;
  Warmup* warmup;
  Watchdog* watchdog;
  const PoolOptions::Role role;
  Elsewhere* const elsewhere;
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
  ipc::Counter uncounted{};  // in flight, of the role kOffload
  bool ends_passes = false;
  Instance* inside = nullptr;  // its isolate is entered
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

  void Forget(Request* request);
  void Fail(Request* request, const js::Outcome& outcome);
  void LogLimit(const Request* request, const js::Outcome& outcome);

  void StartLoad(Version* version, Warmup::Urgency urgency);
  void OnLoaded(uint64_t version_id, uint64_t serial, Loaded loaded);
  void OnLoadFailed(Version* version, const js::Outcome& outcome);
  void OnWarm(Version* version, Loaded loaded);
  void RecordColdStart(Version* version, const Loaded& loaded);
  void DispatchWaiting(Version* version, bool cold);
  void TellPrepared(Version* version, const js::Outcome& outcome);

  void Retire(Instance* instance);
  void Destroy(Instance* instance);
  void EvictBeyondLimit();
  void RunTasks(SlotId slot);
  bool Look(Instance* instance, Nanos now);

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
  void OnAwayResponse(Ticket ticket, const js::ResponseView& response, Body body) override;
  void OnAwayFailure(Ticket ticket, const js::Outcome& outcome) override;
  js::IsolateClient::Taken OnAwayChunk(Ticket ticket, std::string_view bytes) override;
  void OnAwayEnd(Ticket ticket, const js::Outcome& outcome) override;
  void OnAwayBodyDone(Ticket ticket) override;
  void OnAwayCalm(uint64_t version_id) override;
};

// ---- requests ---------------------------------------------------------------------------------------------------------------

Ticket Pool::Submit(RequestId id, TargetRef target, const js::RequestView* request) {
  Impl& pool = *impl_;
  ZTS_DCHECK(!pool.in_turn);
  if (pool.requests.full()) {
    pool.host->OnFailure(id, {js::OutcomeKind::kOverloaded, "too many requests at once"});
    return 0;
  }
  Version* version = pool.FindOrAdd(target);
  Request* added = pool.requests.Add(id, request, version, &version->queues);
  const Ticket ticket = added->ticket();
  Instance* instance = version->current;
  if (instance == nullptr) return pool.Enqueue(added);
  if (instance->requests >= kInFlightPerIsolateMax) {
    // Another thread has an isolate for what is too much for this one.
    if (pool.elsewhere != nullptr) return pool.SendAway(added);
    pool.Fail(added, {js::OutcomeKind::kOverloaded, "too many requests in flight in this function"});
    return 0;
  }
  pool.DispatchTo(instance, added);
  return ticket;
}

void Pool::Cancel(Ticket ticket) {
  Impl& pool = *impl_;
  ZTS_DCHECK(!pool.in_turn);
  Request* request = pool.requests.Find(ticket);
  if (request == nullptr) return;
  Instance* instance = request->instance;
  Version* version = request->version;
  if (request->away) return pool.CancelAway(request);
  if (instance == nullptr) {
    pool.Forget(request);
    return pool.DropIfDone(version);
  }
  const SlotId slot = instance->slot;
  const bool background = request->phase == Request::Phase::kBackground;
  request->phase = Request::Phase::kCancelled;
  // Before it is forgotten: what its code logs is still its own.
  if (!background) pool.Abandon(instance, ticket);
  request = pool.requests.Find(ticket);
  if (request == nullptr) return;
  pool.Forget(request);
  if (pool.instances.Find(slot) != nullptr) pool.AfterTurn(instance);
}

void Pool::BodyArrived(Ticket ticket) {
  // What the function has waited for its peer is not its own time.
  if (Request* request = impl_->requests.Find(ticket); request != nullptr && request->in == Request::In::kRunning) {
    impl_->requests.Unlist(request);
    impl_->requests.Run(request, impl_->host->now() + request->version->target.script->limits.wall_per_request);
  }
  impl_->RunTurnOf(ticket, &js::Isolate::BodyArrived, &Elsewhere::BodyArrived);
}
void Pool::ResumeResponse(Ticket ticket) { impl_->RunTurnOf(ticket, &js::Isolate::ResumeResponse, &Elsewhere::ResumeResponse); }
void Pool::PeerFinished(Ticket ticket) { impl_->RunTurnOf(ticket, &js::Isolate::PeerFinished, &Elsewhere::PeerFinished); }

void Pool::Impl::RunTurnOf(Ticket ticket, void (js::Isolate::*what)(js::InvocationId), void (Elsewhere::*there)(Ticket)) {
  ZTS_DCHECK(!in_turn);
  const Request* request = requests.Find(ticket);
  if (request == nullptr) return;
  if (request->away) return (elsewhere->*there)(ticket);
  if (request->instance == nullptr) return;
  RunTurn(request->instance, [&](js::Isolate* isolate) { (isolate->*what)(ticket); });
}

// What listens to the end of the request is JavaScript, so this is a turn.
void Pool::Impl::Abandon(Instance* instance, Ticket ticket) {
  RunTurn(instance, [&](js::Isolate* isolate) { isolate->Abandon(ticket); });
}

// A version without an isolate: the request waits for one, unless there is a reason not to.
Ticket Pool::Impl::Enqueue(Request* request) {
  Version* version = request->version;
  if (version->away) return SendAway(request);
  if (version->state == Version::State::kFailed && !version->failure.MayRetry(host->now())) {
    Fail(request, version->failure.outcome());
    return 0;
  }
  if (version->state != Version::State::kLoading && memory.exhausted()) {
    EvictBeyondLimit();
    if (memory.exhausted()) {
      Fail(request, {js::OutcomeKind::kOverloaded, "the memory for functions is used up by others that are busy"});
      return 0;
    }
  }
  if (version->queues.waiting.size() >= kColdQueueMax) {
    Fail(request, {js::OutcomeKind::kOverloaded, "too many requests wait for this function to start"});
    return 0;
  }
  requests.Wait(request, host->clock_now(), host->now() + kColdQueueTimeout);
  host->OnCold(request->id);
  if (version->state != Version::State::kLoading) {
    StartLoad(version, Warmup::Urgency::kRequest);
  } else if (!version->hurried) {
    version->hurried = true;
    warmup->Hurry(version->target.version_id);
  }
  SetVersionDue(version);
  return request->ticket();
}

void Pool::Impl::DispatchTo(Instance* instance, Request* request) {
  const Ticket ticket = request->ticket();
  if (ends_passes && inside != instance) StayIn(instance);
  request->instance = instance;
  ++instance->requests;
  Version* version = request->version;
  ++version->pins;
  RunTurn(instance, [&](js::Isolate* isolate) {
    isolate->Dispatch(ticket, request->view);
    // Answered within the call: the usual case. Else it goes on, and its wall limit counts from here.
    Request* pending = requests.Find(ticket);
    if (pending == nullptr) return;
    requests.Run(pending, host->now() + version->target.script->limits.wall_per_request);
    if (version->queues.running.front() == pending) SetVersionDue(version);
  });
  --version->pins;
  if (!version->retained) DropIfDone(version);
}

// Null: in none.
void Pool::Impl::StayIn(Instance* instance) {
  if (inside != nullptr) inside->isolate->Leave();
  inside = instance;
  if (instance != nullptr) instance->isolate->Enter();
}

void Pool::EndPass() {
  impl_->ends_passes = true;
  if (impl_->inside != nullptr) impl_->StayIn(nullptr);
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
  AfterTurn(instance);
}

void Pool::Impl::AfterTurn(Instance* instance) {
  if (!instance->isolate->usable()) {
    counters->isolates_lost.Add();
    Retire(instance);
  } else if (!instance->retiring && instance->isolate->draining()) {
    Retire(instance);
  } else if (instance->retiring) {
    if (instance->requests == 0 && instance->isolate->in_flight() == 0) Destroy(instance);
  } else if (!instance->version->retained) {
    DropIfDone(instance->version);
  }
}

void Pool::Impl::LogLimit(const Request* request, const js::Outcome& outcome) {
  const std::string text = std::string(js::OutcomeName(outcome.kind)) + ": " + outcome.message;
  host->OnConsole(request->version->target.version_id, request->view->request_id, js::LogSeverity::kException, text);
}

// REQUIRES: it has no answer yet.
void Pool::Impl::Forget(Request* request) {
  if (request->instance != nullptr) --request->instance->requests;
  requests.Forget(request);
}

void Pool::Impl::Fail(Request* request, const js::Outcome& outcome) {
  const RequestId id = request->id;
  const Request::Phase phase = request->phase;
  const bool told = phase == Request::Phase::kUnanswered || phase == Request::Phase::kStreaming;
  if (told && IsLimit(outcome.kind) && request->instance != nullptr) LogLimit(request, outcome);
  Forget(request);
  if (phase == Request::Phase::kUnanswered) host->OnFailure(id, outcome);
  if (phase == Request::Phase::kStreaming) host->OnResponseEnd(id, outcome);
}

void Instance::OnResponse(js::InvocationId id, const js::ResponseView& response) {
  Request* request = pool->requests.Find(id);
  if (request == nullptr || request->phase != Request::Phase::kUnanswered) return;
  const RequestId name = request->id;
  const js::RequestBody* body = request->view->stream;
  if (response.form() == js::ResponseView::Form::kStream) {
    request->phase = Request::Phase::kStreaming;
  } else if (body != nullptr && !body->dropped()) {
    request->phase = Request::Phase::kBackground;
  } else {
    pool->Forget(request);
  }
  pool->host->OnResponse(name, response);
}

js::IsolateClient::Taken Instance::OnChunk(js::InvocationId id, std::string_view bytes) {
  const Request* request = pool->requests.Find(id);
  if (request == nullptr || request->phase != Request::Phase::kStreaming) return {0, Room::kNo};
  return pool->host->OnChunk(request->id, bytes);
}

void Instance::OnResponseEnd(js::InvocationId id, const js::Outcome& outcome) {
  Request* request = pool->requests.Find(id);
  if (request == nullptr || request->phase != Request::Phase::kStreaming) return;
  if (!outcome.ok()) return pool->Fail(request, outcome);
  const RequestId name = request->id;
  pool->Forget(request);
  pool->host->OnResponseEnd(name, outcome);
}

void Instance::OnBackgroundDone(js::InvocationId id) {
  Request* request = pool->requests.Find(id);
  if (request != nullptr && request->phase == Request::Phase::kBackground) pool->Forget(request);
}

void Instance::OnFailure(js::InvocationId id, const js::Outcome& outcome) {
  if (Request* request = pool->requests.Find(id)) pool->Fail(request, outcome);
}

void Instance::OnConsole(js::InvocationId id, js::LogSeverity severity, std::string_view message) {
  const Request* request = id != 0 ? pool->requests.Find(id) : nullptr;
  pool->host->OnConsole(version->target.version_id, request != nullptr ? request->view->request_id : std::string_view(), severity,
                        message);
}

void Instance::OnTimerDue(Nanos when) {
  timer_due = when;
  SetDue();
}

void Instance::OnTasksPosted() {
  if (tasks_posted.exchange(true)) return;
  pool->host->Post([owner = pool, id = slot] { owner->RunTasks(id); });
}

void Instance::OnGarbageCollected(js::GcKind kind, js::GcDuring during, Nanos pause) {
  const int index = static_cast<int>(kind);
  ipc::FunctionCounters* row = version->queues.row;
  row->collections[index].Add();
  row->collection_ns[index].Add(static_cast<uint64_t>(std::max<Nanos>(pause, 0)));
  pool->counters->gc_pause[static_cast<int>(during)][index].Record(pause);
}

void Instance::SetMemory(const js::MemoryUse& use) {
  const auto move = [](ipc::Counter& gauge, size_t before, size_t after) {
    Change(gauge, static_cast<int64_t>(after) - static_cast<int64_t>(before));
  };
  ipc::FunctionCounters* row = version->queues.row;
  move(row->heap_used_bytes, memory.heap_used_bytes, use.heap_used_bytes);
  move(row->heap_committed_bytes, memory.heap_committed_bytes, use.heap_committed_bytes);
  move(row->external_bytes, memory.external_bytes, use.external_bytes);
  const auto total = [](const js::MemoryUse& of) { return static_cast<int64_t>(of.heap_committed_bytes + of.external_bytes); };
  pool->memory.Change(total(use) - total(memory));
  memory = use;
}

js::FetchDoor* Instance::fetch_door() { return pool->host->fetch_gate() != nullptr ? this : nullptr; }

js::FetchId Instance::Start(const js::FetchRequest& request) {
  const Target& target = version->target;
  return pool->host->fetch_gate()->Start({slot.Pack(), target.version_id, target.counter_row}, request);
}

void Instance::SendBody(js::FetchId id, std::string_view bytes) { pool->host->fetch_gate()->SendBody(id, bytes); }
void Instance::FinishBody(js::FetchId id) { pool->host->fetch_gate()->FinishBody(id); }
void Instance::Rewound(js::FetchId id) { pool->host->fetch_gate()->Rewound(id); }
void Instance::ReadMore(js::FetchId id, uint32_t bytes) { pool->host->fetch_gate()->ReadMore(id, bytes); }
void Instance::Cancel(js::FetchId id) { pool->host->fetch_gate()->Cancel(id); }

void Instance::SetDue() {
  Nanos when = timer_due;
  if (retire_by != 0 && (when == 0 || retire_by < when)) when = retire_by;
  pool->due.Set(this, when);
  pool->UpdateWake();
}

void Instance::OnDue(Nanos now) {
  if (retire_by != 0 && now >= retire_by) return pool->Destroy(this);
  if (timer_due == 0 || now < timer_due) return SetDue();
  const Nanos before = timer_due;
  const SlotId self = slot;
  Pool::Impl* owner = pool;
  owner->RunTurn(this, [now](js::Isolate* js_isolate) { js_isolate->RunTimers(now); });
  if (owner->instances.Find(self) == nullptr) return;
  // An isolate that still names the moment just served would be asked for ever within this pass.
  if (timer_due == before) timer_due = now + kTimerTick;
  SetDue();
}

// Queue time-outs and wall limits.
void Version::OnDue(Nanos now) {
  ++pins;
  while (queues.waiting.IsDue(now)) {
    pool->Fail(queues.waiting.front(), {js::OutcomeKind::kOverloaded, "the function did not start in time"});
  }
  while (queues.away.IsDue(now)) {
    pool->FailLate(queues.away.front(), {js::OutcomeKind::kOverloaded, "the function was not reached in time"});
  }
  while (queues.running.IsDue(now)) {
    Request* request = queues.running.front();
    if (request->away) {
      pool->FailLate(request, {js::OutcomeKind::kWallLimit, "not done within the wall time limit"});
      continue;
    }
    Instance* instance = request->instance;
    const Ticket ticket = request->ticket();
    const bool background = request->phase == Request::Phase::kBackground;
    const bool streaming = request->phase == Request::Phase::kStreaming;
    pool->Fail(request, {js::OutcomeKind::kWallLimit, streaming ? "the response has not come to its end within the wall time limit"
                                                                : "no response within the wall time limit"});
    if (!background) {
      pool->Abandon(instance, ticket);
    } else {
      pool->AfterTurn(instance);
    }
  }
  --pins;
  pool->SetVersionDue(this);
  pool->DropIfDone(this);
}

// ---- versions ---------------------------------------------------------------------------------------------------------------

Version* Pool::Impl::FindOrAdd(TargetRef target) {
  if (Version* version = versions.Find(target.version_id)) return version;
  auto added = std::make_unique<Version>();
  added->pool = this;
  added->target = {target.script, target.version_id, target.counter_row};
  const uint32_t row = target.counter_row < ipc::kCounterRows ? target.counter_row : 0;
  added->queues.row = &counters->functions[row];
  added->queues.in_flight = role == PoolOptions::Role::kShard ? &added->queues.row->in_flight : &uncounted;
  if (!rows_seen[row]) {
    // The segment outlives engines: gauges of one that died are not true any more.
    rows_seen[row] = true;
    added->queues.row->in_flight.Set(0);
    added->queues.row->isolates.Set(0);
    added->queues.row->heap_used_bytes.Set(0);
    added->queues.row->heap_committed_bytes.Set(0);
    added->queues.row->external_bytes.Set(0);
    added->queues.row->offloaded.Set(0);
  }
  return versions.Insert(target.version_id, std::move(added));
}

// A version that no catalog names goes when nothing of it is left to do.
void Pool::Impl::DropIfDone(Version* version) {
  if (version->retained || version->pins > 0 || !version->queues.empty()) return;
  if (!version->prepared.empty()) return;
  Instance* current = version->current;
  if (current != nullptr && (current->requests > 0 || current->isolate->in_flight() > 0)) return;
  if (current != nullptr) {
    ++version->pins;
    Destroy(current);
    --version->pins;
  }
  if (version->instances > 0) return;
  if (version->away) EndAway(version);
  due.Remove(version);
  UpdateWake();
  versions.Erase(version->target.version_id);
}

void Pool::Prepare(const Target& target, std::function<void(const js::Outcome&)> done) {
  Impl& pool = *impl_;
  Version* version = pool.FindOrAdd(target);
  version->retained = true;
  version->standby = false;  // it is about to serve
  pool.SetAwayGauge(version);
  if (version->state == Version::State::kWarm || version->away) return done(js::Outcome());
  version->prepared.push_back(std::move(done));
  if (version->state != Version::State::kLoading) pool.StartLoad(version, Warmup::Urgency::kPrepare);
}

void Pool::Retain(const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby) {
  std::vector<Version*> unnamed;
  size_t standby_count = 0;
  impl_->versions.ForEach([&](Version& version) {
    const uint64_t id = version.target.version_id;
    const bool serves = std::binary_search(version_ids.begin(), version_ids.end(), id);
    version.standby = !serves && std::binary_search(standby.begin(), standby.end(), id);
    version.retained = serves || version.standby;
    if (!version.retained) unnamed.push_back(&version);
    standby_count += version.standby ? 1 : 0;
  });
  impl_->standby = standby_count;
  if (impl_->elsewhere != nullptr) impl_->RetainAway();
  for (Version* version : unnamed) {
    if (version->current != nullptr) {
      impl_->Retire(version->current);
    } else {
      impl_->DropIfDone(version);
    }
  }
  impl_->EvictBeyondLimit();
}

void Pool::Impl::TellPrepared(Version* version, const js::Outcome& outcome) {
  const auto told = std::exchange(version->prepared, {});
  for (const auto& done : told) done(outcome);
}

// ---- loading ----------------------------------------------------------------------------------------------------------------

void Pool::Impl::StartLoad(Version* version, Warmup::Urgency urgency) {
  version->state = Version::State::kLoading;
  version->hurried = urgency == Warmup::Urgency::kRequest;
  const uint64_t serial = ++version->load_serial;
  const uint64_t id = version->target.version_id;
  warmup->Load(version->target.script, id, urgency, [this, shard = host, id, serial](Loaded loaded) {
    // A task must be copyable, a Loaded is not.
    auto shared = std::make_shared<Loaded>(std::move(loaded));
    shard->Post([this, id, serial, shared] { OnLoaded(id, serial, std::move(*shared)); });
  });
}

void Pool::Impl::OnLoaded(uint64_t version_id, uint64_t serial, Loaded loaded) {
  Version* version = versions.Find(version_id);
  if (version == nullptr || version->state != Version::State::kLoading || version->load_serial != serial) {
    if (loaded.isolate != nullptr) warmup->Dispose(std::move(loaded.isolate), nullptr);
    return;
  }
  ++version->pins;
  if (loaded.report.outcome.ok()) {
    OnWarm(version, std::move(loaded));
  } else {
    OnLoadFailed(version, loaded.report.outcome);
  }
  --version->pins;
  SetVersionDue(version);
  DropIfDone(version);
}

void Pool::Impl::OnLoadFailed(Version* version, const js::Outcome& outcome) {
  if (version->away) {  // it stays where it is, and is tried again when that is calm
    version->state = Version::State::kCold;
    return;
  }
  version->state = Version::State::kFailed;
  version->failure.Failed(outcome, host->now());
  host->OnConsole(version->target.version_id, {}, js::LogSeverity::kException, version->failure.Text());
  TellPrepared(version, outcome);
  while (!version->queues.waiting.empty()) Fail(version->queues.waiting.front(), outcome);
}

void Pool::Impl::OnWarm(Version* version, Loaded loaded) {
  const auto slot = instances.Insert(std::make_unique<Instance>(host->now()));
  if (!slot) {
    warmup->Dispose(std::move(loaded.isolate), nullptr);
    return OnLoadFailed(version, {js::OutcomeKind::kOverloaded, "too many isolates"});
  }
  const bool cold = !version->queues.waiting.empty();
  if (cold) RecordColdStart(version, loaded);
  Instance* instance = instances.Find(*slot)->get();
  instance->pool = this;
  instance->version = version;
  instance->slot = *slot;
  instance->isolate = std::move(loaded.isolate);
  instance->isolate->Attach(instance);
  memory.Change(kIsolateOverheadBytes, 1);
  instance->SetMemory(instance->isolate->memory());
  version->current = instance;
  version->state = Version::State::kWarm;
  version->failure.Succeeded();
  ++version->instances;
  Change(version->queues.row->isolates, 1);
  counters->warm_isolates.Set(++warm);
  if (version->away) EndAway(version);
  TellPrepared(version, js::Outcome());
  DispatchWaiting(version, cold);
  EvictBeyondLimit();
}

// REQUIRES: the version is pinned.
void Pool::Impl::DispatchWaiting(Version* version, bool cold) {
  // Any of them may take the isolate down: the rest waits for its successor then.
  for (bool first = cold; !version->queues.waiting.empty() && version->current != nullptr; first = false) {
    Request* request = version->queues.waiting.front();
    const Nanos begin = host->clock_now();
    counters->queue_wait.Record(begin - request->submitted);
    requests.Unlist(request);
    DispatchTo(version->current, request);
    if (first) counters->cold[static_cast<int>(ipc::ColdPhase::kHandler)].Record(host->clock_now() - begin);
  }
}

void Pool::Impl::RecordColdStart(Version* version, const Loaded& loaded) {
  const Nanos now = host->clock_now();
  const Nanos total = now - version->queues.waiting.front()->submitted;
  version->queues.row->cold_starts[static_cast<int>(loaded.kind)].Add();
  const std::pair<ipc::ColdPhase, Nanos> phases[] = {{ipc::ColdPhase::kQueue, loaded.waited},
                                                     {ipc::ColdPhase::kIsolate, loaded.isolate_time},
                                                     {ipc::ColdPhase::kContext, loaded.context_time},
                                                     {ipc::ColdPhase::kCompile, loaded.report.compile},
                                                     {ipc::ColdPhase::kEvaluate, loaded.report.evaluate},
                                                     {ipc::ColdPhase::kHandOver, now - loaded.ended_at},
                                                     {ipc::ColdPhase::kTotal, total}};
  for (const auto& [phase, time] : phases) counters->cold[static_cast<int>(phase)].Record(time);
}

// ---- isolates ---------------------------------------------------------------------------------------------------------------

// Takes no new requests: goes at once when it is lost, else when what it has in flight is done. Its successor is asked for.
void Pool::Impl::Retire(Instance* instance) {
  Version* version = instance->version;
  const bool was_current = version->current == instance;
  if (was_current) {
    version->current = nullptr;
    version->state = Version::State::kCold;
    counters->warm_isolates.Set(--warm);
  }
  ++version->pins;
  const bool usable = instance->isolate->usable();
  if (!usable || (instance->requests == 0 && instance->isolate->in_flight() == 0)) {
    Destroy(instance);
  } else if (!instance->retiring) {
    instance->retiring = true;
    instance->retire_by = host->now() + version->target.script->limits.wall_per_request + kRetireGrace;
    instance->SetDue();
  }
  const bool wanted = !version->away && ((version->retained && !version->standby) || !version->queues.waiting.empty());
  if (was_current && version->state == Version::State::kCold && wanted) {
    StartLoad(version, !version->queues.waiting.empty() ? Warmup::Urgency::kRequest : Warmup::Urgency::kPrepare);
  }
  --version->pins;
  DropIfDone(version);
}

void Pool::Impl::Destroy(Instance* instance) {
  Version* version = instance->version;
  ++version->pins;
  if (inside == instance) StayIn(nullptr);
  if (version->current == instance) {
    version->current = nullptr;
    version->state = Version::State::kCold;
    counters->warm_isolates.Set(--warm);
  }
  // A lost isolate has answered all it had; one whose time is up has not.
  for (Request* request = version->queues.running.front(); request != nullptr && instance->requests > 0;) {
    Request* next = request->next;
    if (request->instance == instance) Fail(request, {js::OutcomeKind::kRecycled, "the isolate was taken down"});
    request = next;
  }
  if (FetchGate* gate = host->fetch_gate()) gate->CancelAll(instance->slot.Pack());
  due.Remove(instance);
  UpdateWake();
  --version->instances;
  Change(version->queues.row->isolates, -1);
  instance->SetMemory({});
  memory.Change(-static_cast<int64_t>(kIsolateOverheadBytes), -1);
  std::unique_ptr<Instance> owned = std::move(*instances.Find(instance->slot));
  instances.Erase(owned->slot);
  std::unique_ptr<js::Isolate> isolate = std::move(owned->isolate);
  warmup->Dispose(std::move(isolate), std::move(owned));
  --version->pins;
  if (!version->retained) DropIfDone(version);
}

void Pool::Impl::EvictBeyondLimit() {
  if (standby <= kStandbyIsolatesMax && !memory.exceeded()) return;
  // Those that may go, the least recently used last: what a request may be waiting for is not looked for again and again.
  std::vector<Instance*> idle;
  size_t standby_left = 0;
  instances.ForEach([&](SlotId, std::unique_ptr<Instance>& instance) {
    if (instance->retiring) return;
    if (instance->version->standby) ++standby_left;
    if (instance->requests > 0 || instance->version->pins > 0 || instance->isolate->in_flight() > 0) return;
    idle.push_back(instance.get());
  });
  const auto goes_later = [](const Instance* a, const Instance* b) {
    if (a->version->standby != b->version->standby) return !a->version->standby;
    return a->heap.last_used() > b->heap.last_used();
  };
  std::make_heap(idle.begin(), idle.end(), goes_later);
  while (!idle.empty()) {
    Instance* next = idle.front();
    const bool must = memory.exceeded() || (next->version->standby && standby_left > kStandbyIsolatesMax);
    if (!must) return;
    std::pop_heap(idle.begin(), idle.end(), goes_later);
    idle.pop_back();
    if (next->version->standby) --standby_left;
    counters->evictions.Add();
    Destroy(next);
  }
}

void Pool::Impl::RunTasks(SlotId slot) {
  auto* instance = instances.Find(slot);
  if (instance == nullptr) return;
  (*instance)->tasks_posted.store(false);
  RunTurn(instance->get(), [](js::Isolate* isolate) { isolate->RunTasks(); });
}

void Pool::OnFetch(uint64_t instance, js::FetchId id, const js::FetchEvent& event) {
  auto* found = impl_->instances.Find(SlotId::Unpack(instance));
  if (found == nullptr) return;
  impl_->RunTurn(found->get(), [&](js::Isolate* isolate) { isolate->OnFetch(id, event); });
}

void Pool::Idle() {
  Impl& pool = *impl_;
  pool.counters->spare_isolates.Set(pool.warmup->spares());
  if (pool.role == PoolOptions::Role::kOffload) pool.LookForCalm(pool.host->now());
  pool.EvictBeyondLimit();
  // In turn, from where the last call left off.
  std::array<Instance*, kLooksPerIdle> chosen{};
  size_t count = 0;
  const auto choose = [&](uint32_t begin, uint32_t end) {
    pool.instances.ForEach([&](SlotId slot, std::unique_ptr<Instance>& instance) {
      if (slot.index < begin || slot.index >= end || count == chosen.size() || instance->heap.settled()) return;
      chosen[count++] = instance.get();
    });
  };
  choose(pool.next_look, UINT32_MAX);
  choose(0, pool.next_look);
  for (size_t i = 0; i < count; ++i) {
    pool.next_look = chosen[i]->slot.index + 1;
    if (pool.Look(chosen[i], pool.host->now())) return;
  }
}

// Whether it took a collection.
bool Pool::Impl::Look(Instance* instance, Nanos now) {
  const bool measured = instance->memory.heap_used_bytes > 0;
  if ((measured && instance->heap.settled()) || !instance->isolate->usable()) return false;
  instance->SetMemory(instance->heap.Look(instance->isolate.get(), now));
  return instance->heap.collected();
}

// ---- time -------------------------------------------------------------------------------------------------------------------

void Pool::RunDue(Nanos now) {
  Impl& pool = *impl_;
  // What becomes due again while it runs has its turn in the next pass.
  for (size_t left = pool.due.size(); left > 0; --left) {
    DueNode* node = pool.due.top();
    if (node == nullptr || node->due() > now) break;
    pool.due.Remove(node);
    static_cast<Due*>(node)->OnDue(now);
  }
  // The host's timer has fired: whatever is next, it is to be told.
  pool.wake_at = 0;
  pool.UpdateWake();
}

void Pool::Impl::SetVersionDue(Version* version) {
  due.Set(version, version->queues.due());
  UpdateWake();
}

void Pool::Impl::UpdateWake() {
  const Nanos next = due.next();
  if (next == wake_at) return;
  // A wake-up that comes too early finds nothing to do and costs little; telling each change of a busy function's would cost more.
  if (wake_at != 0 && (next == 0 || next > wake_at)) return;
  wake_at = next;
  host->OnWakeAt(next);
}

// ---- away -------------------------------------------------------------------------------------------------------------------

// On the watchdog's thread: to the pool's.
Watchdog::OnBusy Pool::Impl::Listener() {
  if (role == PoolOptions::Role::kShard && elsewhere == nullptr) return nullptr;
  return [this](uint64_t version_id, Nanos cpu) {
    host->Post([this, version_id, cpu] { OnBusy(version_id, cpu); });
  };
}

// The version's turns since the last such word have taken this much CPU time, or more.
void Pool::Impl::OnBusy(uint64_t version_id, Nanos cpu) {
  Version* version = versions.Find(version_id);
  if (version == nullptr) return;
  const uint64_t turns = version->turns - std::exchange(version->turns_reported, version->turns);
  const Nanos turn = cpu / static_cast<Nanos>(std::max<uint64_t>(turns, 1));
  if (role == PoolOptions::Role::kOffload) {
    if (turn < kCalmTurn) return;
    version->heavy_at = host->now();
    version->turns_calm = version->turns;
  } else if (turn >= kHeavyTurn && version->retained && !version->away) {
    host->OnConsole(version_id, {}, js::LogSeverity::kInfo,
                    "a turn of this version's JavaScript takes " + std::to_string(turn / kMillisecond) +
                        " ms of CPU time: it moves to an offload thread, where it holds up nobody else");
    MoveAway(version);
  }
}

void Pool::Impl::MoveAway(Version* version) {
  version->away = true;
  ++away;
  version->queues.row->offloads.Add();
  SetAwayGauge(version);
  const Nanos calm_time = std::min(kCalmTime << std::min<int>(version->moves, 10), kCalmTimeMax);
  if (version->moves < UINT8_MAX) ++version->moves;
  elsewhere->Expect(version->target, calm_time);
  ++version->pins;
  if (version->current != nullptr) {
    Retire(version->current);
  } else if (version->state == Version::State::kLoading) {
    ++version->load_serial;  // nobody waits for it any more
    version->state = Version::State::kCold;
    TellPrepared(version, js::Outcome());
  }
  while (!version->queues.waiting.empty()) {
    Request* request = version->queues.waiting.front();
    requests.Unlist(request);
    SendAway(request);
  }
  --version->pins;
  SetVersionDue(version);
}

// It goes on elsewhere until it is warm here.
void Pool::Impl::ComeBack(Version* version) {
  if (!version->away || !version->retained || version->state == Version::State::kLoading) return;
  StartLoad(version, Warmup::Urgency::kPrepare);
}

void Pool::Impl::EndAway(Version* version) {
  version->away = false;
  --away;
  SetAwayGauge(version);
  elsewhere->Release(version->target.version_id);
}

void Pool::Impl::SetAwayGauge(Version* version) {
  const bool tell = version->away && !version->standby;
  if (tell != version->told_away) Change(version->queues.row->offloaded, tell ? 1 : -1);
  version->told_away = tell;
}

void Pool::Impl::RetainAway() {
  std::vector<uint64_t> ids, standby;
  if (away > 0) {
    versions.ForEach([&](Version& version) {
      SetAwayGauge(&version);
      if (version.away && version.retained) (version.standby ? standby : ids).push_back(version.target.version_id);
    });
    std::sort(ids.begin(), ids.end());
    std::sort(standby.begin(), standby.end());
  }
  elsewhere->Retain(std::move(ids), std::move(standby));
}

Ticket Pool::Impl::SendAway(Request* request) {
  Version* version = request->version;
  if (version->queues.away.size() >= kOffloadQueueMax) {
    Fail(request, {js::OutcomeKind::kOverloaded, "too many requests wait for this function"});
    return 0;
  }
  requests.SendAway(request, host->clock_now(), host->now() + kOffloadQueueTimeout);
  elsewhere->Submit(request->ticket(), version->target, request->view);
  SetVersionDue(version);
  return request->ticket();
}

void Pool::Impl::CancelAway(Request* request) {
  Version* version = request->version;
  elsewhere->Cancel(request->ticket());
  Forget(request);
  DropIfDone(version);
}

// Its time is up, whatever the other thread is doing.
void Pool::Impl::FailLate(Request* request, const js::Outcome& outcome) {
  elsewhere->Cancel(request->ticket());
  if (IsLimit(outcome.kind) && request->phase != Request::Phase::kBackground) LogLimit(request, outcome);
  Fail(request, outcome);
}

void Pool::Impl::OnAwayBegan(Ticket ticket) {
  Request* request = requests.Find(ticket);
  if (request == nullptr || request->in != Request::In::kAway) return;
  counters->queue_wait.Record(host->clock_now() - request->submitted);
  requests.Unlist(request);
  requests.Run(request, host->now() + request->version->target.script->limits.wall_per_request);
  SetVersionDue(request->version);
}

void Pool::Impl::OnAwayResponse(Ticket ticket, const js::ResponseView& response, Body body) {
  Request* request = requests.Find(ticket);
  if (request == nullptr || request->phase != Request::Phase::kUnanswered) return;
  const RequestId name = request->id;
  Version* version = request->version;
  if (response.form() == js::ResponseView::Form::kStream) {
    request->phase = Request::Phase::kStreaming;
  } else if (body == Body::kReads) {
    request->phase = Request::Phase::kBackground;
  } else {
    Forget(request);
  }
  host->OnResponse(name, response);
  DropIfDone(version);
}

void Pool::Impl::OnAwayFailure(Ticket ticket, const js::Outcome& outcome) {
  Request* request = requests.Find(ticket);
  if (request == nullptr) return;
  Version* version = request->version;
  Fail(request, outcome);
  DropIfDone(version);
}

js::IsolateClient::Taken Pool::Impl::OnAwayChunk(Ticket ticket, std::string_view bytes) {
  const Request* request = requests.Find(ticket);
  if (request == nullptr || request->phase != Request::Phase::kStreaming) return {0, js::IsolateClient::Room::kNo};
  return host->OnChunk(request->id, bytes);
}

void Pool::Impl::OnAwayEnd(Ticket ticket, const js::Outcome& outcome) {
  Request* request = requests.Find(ticket);
  if (request == nullptr || request->phase != Request::Phase::kStreaming) return;
  Version* version = request->version;
  const RequestId name = request->id;
  Forget(request);
  host->OnResponseEnd(name, outcome);
  DropIfDone(version);
}

void Pool::Impl::OnAwayBodyDone(Ticket ticket) {
  Request* request = requests.Find(ticket);
  if (request == nullptr || request->phase != Request::Phase::kBackground) return;
  Version* version = request->version;
  Forget(request);
  DropIfDone(version);
}

void Pool::Impl::OnAwayCalm(uint64_t version_id) {
  if (Version* version = versions.Find(version_id)) ComeBack(version);
}

void Pool::MoveAway(uint64_t version_id) {
  Version* version = impl_->versions.Find(version_id);
  if (version != nullptr && impl_->elsewhere != nullptr && !version->away && version->retained) impl_->MoveAway(version);
}

void Pool::ComeBack(uint64_t version_id) { impl_->OnAwayCalm(version_id); }

ElsewhereEvents* Pool::elsewhere_events() { return impl_.get(); }

// ---- of an offload thread ---------------------------------------------------------------------------------------------------

void Pool::Expect(const Target& target, Nanos calm_time) {
  Version* version = impl_->FindOrAdd(target);
  version->retained = true;
  version->calm_time = calm_time;
  version->heavy_at = impl_->host->now();
  version->turns_calm = version->turns;
  if (version->state == Version::State::kCold) impl_->StartLoad(version, Warmup::Urgency::kPrepare);
}

void Pool::Release(uint64_t version_id) {
  Version* version = impl_->versions.Find(version_id);
  if (version == nullptr) return;
  version->retained = false;
  version->calm_time = 0;
  if (version->current != nullptr) return impl_->Retire(version->current);
  impl_->DropIfDone(version);
}

// Told again after another such time, should nothing come of it. One that nobody asks for is left where it is: nothing is known of it.
void Pool::Impl::LookForCalm(Nanos now) {
  versions.ForEach([&](Version& version) {
    if (version.calm_time == 0 || now - version.heavy_at < version.calm_time || version.turns == version.turns_calm) return;
    version.heavy_at = now;
    version.turns_calm = version.turns;
    host->OnCalm(version.target.version_id);
  });
}

// ---- the rest ---------------------------------------------------------------------------------------------------------------

Pool::Pool(PoolHost* host, Warmup* warmup, Watchdog* watchdog, ipc::ShardCounters* counters, const PoolOptions& options)
    : impl_(std::make_unique<Impl>(host, warmup, watchdog, counters, options)) {
  counters->warm_isolates.Set(0);
  counters->queued.Set(0);
}

Pool::~Pool() {
  impl_->watchdog->Silence(impl_->lane);
  if (impl_->inside != nullptr) impl_->StayIn(nullptr);
  impl_->instances.ForEach([this](SlotId, std::unique_ptr<Instance>& instance) {
    impl_->due.Remove(instance.get());
    std::unique_ptr<js::Isolate> isolate = std::move(instance->isolate);
    impl_->warmup->Dispose(std::move(isolate), std::move(instance));
  });
  impl_->versions.ForEach([this](Version& version) { impl_->due.Remove(&version); });
}

size_t Pool::in_flight() const { return impl_->requests.size(); }
size_t Pool::warm() const { return impl_->warm; }
size_t Pool::away() const { return impl_->away; }
size_t Pool::isolates() const { return impl_->instances.size(); }

}  // namespace zts::runtime
