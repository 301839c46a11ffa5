#include "worker/engine/runtime/pool.h"

#include <algorithm>
#include <atomic>
#include <bitset>
#include <string>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/due_heap.h"
#include "worker/engine/runtime/version_table.h"
#include "worker/engine/runtime/warmup.h"
#include "worker/engine/runtime/watchdog.h"

namespace zts::runtime {
namespace {

// A failed load is tried again no sooner than this, doubling with each failure: a broken module costs the warm-up thread little.
constexpr Nanos kRetryFirst = 100 * kMillisecond;
constexpr Nanos kRetryLast = 10 * kSecond;
// An isolate is looked at for garbage when it has been idle this long and its heap has grown to this size since: the collection
// takes milliseconds on the serving core.
constexpr Nanos kCollectAfterIdle = 1 * kSecond;
constexpr size_t kCollectHeapBytesMin = size_t{16} << 20;
// A retiring isolate whose work in the background never ends goes this long after its last request could have ended.
constexpr Nanos kRetireGrace = 5 * kSecond;

void Change(ipc::Counter& gauge, int64_t by) { gauge.Add(static_cast<uint64_t>(by)); }

// Limits that end one request: what its owner reads in the log. An exception is logged by the isolate itself.
bool IsLimit(js::OutcomeKind kind) {
  return kind == js::OutcomeKind::kCpuLimit || kind == js::OutcomeKind::kWallLimit || kind == js::OutcomeKind::kMemoryLimit;
}

// What the log says of a module that did not load.
std::string LoadFailureText(const js::Outcome& outcome) {
  std::string text = "the module did not load: " + std::string(js::OutcomeName(outcome.kind)) + ": " + outcome.message;
  if (outcome.line > 0) text += " (" + outcome.file + ":" + std::to_string(outcome.line) + ":" + std::to_string(outcome.column) + ")";
  if (!outcome.stack.empty()) text += "\n" + outcome.stack;
  return text;
}

struct Version;
struct Instance;

struct Record {
  RequestId id = 0;
  const js::RequestView* view = nullptr;
  Version* version = nullptr;
  Instance* instance = nullptr;  // null while it waits
  SlotId slot;
  Nanos deadline = 0;
  Nanos submitted = 0;
  Record* next = nullptr;
  Record* previous = nullptr;
  enum class In : uint8_t { kNone, kWaiting, kRunning } in = In::kNone;
};

// Requests in the order they came; all of one list have the same time limit, so it is the order of their deadlines too.
struct RecordList {
  Record* head = nullptr;
  Record* tail = nullptr;
  size_t size = 0;

  void PushBack(Record* record) {
    record->previous = tail;
    record->next = nullptr;
    (tail != nullptr ? tail->next : head) = record;
    tail = record;
    ++size;
  }
  void Remove(Record* record) {
    (record->previous != nullptr ? record->previous->next : head) = record->next;
    (record->next != nullptr ? record->next->previous : tail) = record->previous;
    --size;
  }
};

struct Due : DueNode {
  virtual ~Due() = default;
  virtual void OnDue(Nanos now) = 0;
};

// One function version on this shard.
struct Version final : Due {
  enum class State : uint8_t { kCold, kLoading, kWarm, kFailed };

  Pool::Impl* pool = nullptr;
  Target target;
  ipc::FunctionCounters* row = nullptr;
  State state = State::kCold;
  bool retained = true;
  bool hurried = false;     // the load under way is one that a request waits for
  uint32_t failures = 0;    // in a row
  uint32_t pins = 0;        // held while its members are on somebody's stack
  uint32_t instances = 0;   // retiring ones included
  uint64_t load_serial = 0;
  Instance* current = nullptr;
  RecordList waiting;
  RecordList running;       // requests that went on after their Dispatch
  Nanos retry_at = 0;
  js::Outcome failure;
  std::vector<std::function<void(const js::Outcome&)>> prepared;

  void OnDue(Nanos now) override;
};

// One isolate on this shard, and the client it calls back.
struct Instance final : Due, js::IsolateClient {
  Pool::Impl* pool = nullptr;
  Version* version = nullptr;
  std::unique_ptr<js::Isolate> isolate;
  SlotId slot;
  uint32_t requests = 0;   // dispatched, neither answered nor abandoned
  bool retiring = false;
  bool collected = true;   // nothing has run since the last look for garbage
  Nanos timer_due = 0;
  Nanos retire_by = 0;
  Nanos last_used = 0;
  std::atomic<bool> tasks_posted{false};

  void OnDue(Nanos now) override;
  void OnResponse(js::InvocationId id, const js::ResponseView& response) override;
  void OnFailure(js::InvocationId id, const js::Outcome& outcome) override;
  void OnConsole(js::InvocationId id, js::LogSeverity severity, std::string_view message) override;
  void OnTimerDue(Nanos when) override;
  void OnTasksPosted() override;
  void SetDue();
};

}  // namespace

struct Pool::Impl {
  Impl(PoolHost* host_, Warmup* warmup_, Watchdog* watchdog, ipc::ShardCounters* counters_)
      : host(host_), warmup(warmup_), lane(watchdog->AddLane()), counters(counters_), records(kConnectionsMax),
        instances(2 * kFunctionCountMax) {}

  PoolHost* host;
  Warmup* warmup;
  Watchdog::Lane* lane;
  ipc::ShardCounters* counters;
  VersionTable<Version> versions;
  SlotMap<Record> records;
  SlotMap<std::unique_ptr<Instance>> instances;
  DueHeap due;
  Nanos wake_at = 0;
  size_t warm = 0;
  uint32_t next_look = 0;  // which isolate Idle looks at
  bool in_turn = false;
  std::bitset<ipc::kCounterRows> rows_seen;

  Version* FindOrAdd(TargetRef target);
  void Drop(Version* version);
  void DropIfDone(Version* version);

  Ticket Enqueue(Record* record);
  void DispatchTo(Instance* instance, Record* record);
  template <typename F>
  void RunTurn(Instance* instance, F&& body);
  void AfterTurn(Instance* instance);

  Record* Take(js::InvocationId id);
  void Forget(Record* record);
  void Fail(Record* record, const js::Outcome& outcome);

  void StartLoad(Version* version, Warmup::Urgency urgency);
  void OnLoaded(uint64_t version_id, uint64_t serial, Loaded loaded);
  void OnLoadFailed(Version* version, const js::Outcome& outcome);
  void OnWarm(Version* version, Loaded loaded);
  void RecordColdStart(Version* version, const Loaded& loaded);
  void TellPrepared(Version* version, const js::Outcome& outcome);

  void Retire(Instance* instance);
  void Destroy(Instance* instance);
  void EvictBeyondLimit();
  void RunTasks(SlotId slot);
  void Look(Instance* instance, Nanos now);

  void SetVersionDue(Version* version);
  void UpdateWake();
};

// ---- requests ---------------------------------------------------------------------------------------------------------------

Ticket Pool::Submit(RequestId id, TargetRef target, const js::RequestView* request) {
  Impl& pool = *impl_;
  ZTS_DCHECK(!pool.in_turn);
  const auto slot = pool.records.Insert();
  if (!slot) {
    pool.host->OnFailure(id, {js::OutcomeKind::kOverloaded, "too many requests at once"});
    return 0;
  }
  Version* version = pool.FindOrAdd(target);
  Record* record = pool.records.Find(*slot);
  record->id = id;
  record->view = request;
  record->version = version;
  record->slot = *slot;
  Change(version->row->in_flight, 1);
  Instance* instance = version->current;
  if (instance == nullptr) return pool.Enqueue(record);
  if (instance->requests >= kInFlightPerIsolateMax) {
    pool.Fail(record, {js::OutcomeKind::kOverloaded, "too many requests in flight in this function"});
    return 0;
  }
  pool.DispatchTo(instance, record);
  return slot->Pack();
}

void Pool::Cancel(Ticket ticket) {
  Impl& pool = *impl_;
  ZTS_DCHECK(!pool.in_turn);
  Record* record = pool.Take(ticket);
  if (record == nullptr) return;
  Instance* instance = record->instance;
  Version* version = record->version;
  pool.Forget(record);
  if (instance != nullptr) {
    instance->isolate->Abandon(ticket);
    pool.AfterTurn(instance);
  } else {
    pool.DropIfDone(version);
  }
}

// A version without an isolate: the request waits for one, unless there is a reason not to.
Ticket Pool::Impl::Enqueue(Record* record) {
  Version* version = record->version;
  if (version->state == Version::State::kFailed && host->now() < version->retry_at) {
    Fail(record, version->failure);
    return 0;
  }
  if (version->waiting.size >= kColdQueueMax) {
    Fail(record, {js::OutcomeKind::kOverloaded, "too many requests wait for this function to start"});
    return 0;
  }
  record->in = Record::In::kWaiting;
  record->submitted = host->clock_now();
  record->deadline = host->now() + kColdQueueTimeout;
  version->waiting.PushBack(record);
  Change(counters->queued, 1);
  if (version->state != Version::State::kLoading) {
    StartLoad(version, Warmup::Urgency::kRequest);
  } else if (!version->hurried) {
    version->hurried = true;
    warmup->Hurry(version->target.version_id);
  }
  SetVersionDue(version);
  return record->slot.Pack();
}

void Pool::Impl::DispatchTo(Instance* instance, Record* record) {
  const SlotId slot = record->slot;
  record->instance = instance;
  ++instance->requests;
  Version* version = record->version;
  ++version->pins;
  RunTurn(instance, [&](js::Isolate* isolate) {
    isolate->Dispatch(slot.Pack(), record->view);
    // Answered within the call: the usual case. Else it goes on, and its wall limit counts from here.
    Record* pending = records.Find(slot);
    if (pending == nullptr) return;
    pending->in = Record::In::kRunning;
    pending->deadline = host->now() + version->target.script->limits.wall_per_request;
    version->running.PushBack(pending);
    if (version->running.head == pending) SetVersionDue(version);
  });
  --version->pins;
  if (!version->retained) DropIfDone(version);
}

// The instance may be gone afterwards.
template <typename F>
void Pool::Impl::RunTurn(Instance* instance, F&& body) {
  instance->last_used = host->now();
  instance->collected = false;
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

// The record of an invocation, or null when nobody waits for it.
Record* Pool::Impl::Take(js::InvocationId id) { return records.Find(SlotId::Unpack(id)); }

// Takes the record out of every list. REQUIRES: it is still there.
void Pool::Impl::Forget(Record* record) {
  Version* version = record->version;
  if (record->in == Record::In::kWaiting) {
    version->waiting.Remove(record);
    Change(counters->queued, -1);
  } else if (record->in == Record::In::kRunning) {
    version->running.Remove(record);
  }
  if (record->instance != nullptr) --record->instance->requests;
  Change(version->row->in_flight, -1);
  records.Erase(record->slot);
}

void Pool::Impl::Fail(Record* record, const js::Outcome& outcome) {
  const RequestId id = record->id;
  if (IsLimit(outcome.kind) && record->instance != nullptr) {
    const std::string text = std::string(js::OutcomeName(outcome.kind)) + ": " + outcome.message;
    host->OnConsole(record->version->target.version_id, record->view->request_id, js::LogSeverity::kException, text);
  }
  Forget(record);
  host->OnFailure(id, outcome);
}

namespace {

void Instance::OnResponse(js::InvocationId id, const js::ResponseView& response) {
  Record* record = pool->Take(id);
  if (record == nullptr) return;
  const RequestId request = record->id;
  pool->Forget(record);
  pool->host->OnResponse(request, response);
}

void Instance::OnFailure(js::InvocationId id, const js::Outcome& outcome) {
  if (Record* record = pool->Take(id)) pool->Fail(record, outcome);
}

void Instance::OnConsole(js::InvocationId id, js::LogSeverity severity, std::string_view message) {
  const Record* record = id != 0 ? pool->Take(id) : nullptr;
  pool->host->OnConsole(version->target.version_id, record != nullptr ? record->view->request_id : std::string_view(), severity,
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
  while (waiting.head != nullptr && waiting.head->deadline <= now) {
    pool->Fail(waiting.head, {js::OutcomeKind::kOverloaded, "the function did not start in time"});
  }
  while (running.head != nullptr && running.head->deadline <= now) {
    Record* record = running.head;
    Instance* instance = record->instance;
    const SlotId slot = record->slot;
    pool->Fail(record, {js::OutcomeKind::kWallLimit, "no response within the wall time limit"});
    instance->isolate->Abandon(slot.Pack());
    pool->AfterTurn(instance);
  }
  --pins;
  pool->SetVersionDue(this);
  pool->DropIfDone(this);
}

}  // namespace

// ---- versions ---------------------------------------------------------------------------------------------------------------

Version* Pool::Impl::FindOrAdd(TargetRef target) {
  if (Version* version = versions.Find(target.version_id)) return version;
  auto added = std::make_unique<Version>();
  added->pool = this;
  added->target = {target.script, target.version_id, target.counter_row};
  const uint32_t row = target.counter_row < ipc::kCounterRows ? target.counter_row : 0;
  added->row = &counters->functions[row];
  if (!rows_seen[row]) {
    // The segment outlives engines: gauges of one that died are not true any more.
    rows_seen[row] = true;
    added->row->in_flight.Set(0);
    added->row->isolates.Set(0);
    added->row->heap_used_bytes.Set(0);
  }
  return versions.Insert(target.version_id, std::move(added));
}

// A version that no catalog names goes when nothing of it is left to do.
void Pool::Impl::DropIfDone(Version* version) {
  if (version->retained || version->pins > 0 || version->waiting.size > 0 || version->running.size > 0) return;
  if (!version->prepared.empty()) return;
  Instance* current = version->current;
  if (current != nullptr && (current->requests > 0 || current->isolate->in_flight() > 0)) return;
  if (current != nullptr) {
    ++version->pins;
    Destroy(current);
    --version->pins;
  }
  if (version->instances > 0) return;
  due.Remove(version);
  UpdateWake();
  versions.Erase(version->target.version_id);
}

void Pool::Prepare(const Target& target, std::function<void(const js::Outcome&)> done) {
  Impl& pool = *impl_;
  Version* version = pool.FindOrAdd(target);
  version->retained = true;
  if (version->state == Version::State::kWarm) return done(js::Outcome());
  version->prepared.push_back(std::move(done));
  if (version->state != Version::State::kLoading) pool.StartLoad(version, Warmup::Urgency::kPrepare);
}

void Pool::Retain(const std::vector<uint64_t>& version_ids) {
  std::vector<Version*> unnamed;
  impl_->versions.ForEach([&](Version& version) {
    version.retained = std::binary_search(version_ids.begin(), version_ids.end(), version.target.version_id);
    if (!version.retained) unnamed.push_back(&version);
  });
  for (Version* version : unnamed) {
    if (version->current != nullptr) {
      impl_->Retire(version->current);
    } else {
      impl_->DropIfDone(version);
    }
  }
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
  version->state = Version::State::kFailed;
  version->failure = outcome;
  version->retry_at = host->now() + std::min(kRetryLast, kRetryFirst << std::min<uint32_t>(version->failures, 16));
  ++version->failures;
  host->OnConsole(version->target.version_id, {}, js::LogSeverity::kException, LoadFailureText(outcome));
  TellPrepared(version, outcome);
  while (version->waiting.head != nullptr) Fail(version->waiting.head, outcome);
}

void Pool::Impl::OnWarm(Version* version, Loaded loaded) {
  const auto slot = instances.Insert(std::make_unique<Instance>());
  if (!slot) {
    warmup->Dispose(std::move(loaded.isolate), nullptr);
    return OnLoadFailed(version, {js::OutcomeKind::kOverloaded, "too many isolates"});
  }
  if (version->waiting.head != nullptr) RecordColdStart(version, loaded);
  Instance* instance = instances.Find(*slot)->get();
  instance->pool = this;
  instance->version = version;
  instance->slot = *slot;
  instance->isolate = std::move(loaded.isolate);
  instance->last_used = host->now();
  instance->isolate->Attach(instance);
  version->current = instance;
  version->state = Version::State::kWarm;
  version->failures = 0;
  ++version->instances;
  Change(version->row->isolates, 1);
  counters->warm_isolates.Set(++warm);
  TellPrepared(version, js::Outcome());
  // Any of them may take the isolate down: the rest waits for its successor then.
  while (version->waiting.head != nullptr && version->current != nullptr) {
    Record* record = version->waiting.head;
    version->waiting.Remove(record);
    record->in = Record::In::kNone;
    Change(counters->queued, -1);
    DispatchTo(version->current, record);
  }
  EvictBeyondLimit();
}

void Pool::Impl::RecordColdStart(Version* version, const Loaded& loaded) {
  const Nanos total = host->clock_now() - version->waiting.head->submitted;
  version->row->cold_starts[static_cast<int>(loaded.kind)].Add();
  const std::pair<ipc::ColdPhase, Nanos> phases[] = {{ipc::ColdPhase::kQueue, loaded.waited},
                                                     {ipc::ColdPhase::kIsolate, loaded.isolate_time},
                                                     {ipc::ColdPhase::kCompile, loaded.report.compile},
                                                     {ipc::ColdPhase::kEvaluate, loaded.report.evaluate},
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
  if (was_current && version->state == Version::State::kCold && (version->retained || version->waiting.size > 0)) {
    StartLoad(version, version->waiting.size > 0 ? Warmup::Urgency::kRequest : Warmup::Urgency::kPrepare);
  }
  --version->pins;
  DropIfDone(version);
}

void Pool::Impl::Destroy(Instance* instance) {
  Version* version = instance->version;
  ++version->pins;
  if (version->current == instance) {
    version->current = nullptr;
    version->state = Version::State::kCold;
    counters->warm_isolates.Set(--warm);
  }
  // A lost isolate has answered all it had; one whose time is up has not.
  for (Record* record = version->running.head; record != nullptr && instance->requests > 0;) {
    Record* next = record->next;
    if (record->instance == instance) Fail(record, {js::OutcomeKind::kRecycled, "the isolate was taken down"});
    record = next;
  }
  due.Remove(instance);
  UpdateWake();
  --version->instances;
  Change(version->row->isolates, -1);
  std::unique_ptr<Instance> owned = std::move(*instances.Find(instance->slot));
  instances.Erase(owned->slot);
  std::unique_ptr<js::Isolate> isolate = std::move(owned->isolate);
  warmup->Dispose(std::move(isolate), std::move(owned));
  --version->pins;
  if (!version->retained) DropIfDone(version);
}

void Pool::Impl::EvictBeyondLimit() {
  while (warm > kWarmIsolatesMax) {
    Instance* oldest = nullptr;
    instances.ForEach([&](SlotId, std::unique_ptr<Instance>& instance) {
      if (instance->retiring || instance->requests > 0 || instance->version->pins > 0) return;
      if (oldest != nullptr && oldest->last_used <= instance->last_used) return;
      if (instance->isolate->in_flight() == 0) oldest = instance.get();
    });
    if (oldest == nullptr) return;
    counters->evictions.Add();
    Destroy(oldest);
  }
}

void Pool::Impl::RunTasks(SlotId slot) {
  auto* instance = instances.Find(slot);
  if (instance == nullptr) return;
  (*instance)->tasks_posted.store(false);
  RunTurn(instance->get(), [](js::Isolate* isolate) { isolate->RunTasks(); });
}

void Pool::Idle() {
  Impl& pool = *impl_;
  pool.counters->spare_isolates.Set(pool.warmup->spares());
  Instance* chosen = nullptr;
  Instance* first = nullptr;
  pool.instances.ForEach([&](SlotId slot, std::unique_ptr<Instance>& instance) {
    if (first == nullptr) first = instance.get();
    if (chosen == nullptr && slot.index >= pool.next_look) chosen = instance.get();
  });
  if (chosen == nullptr) chosen = first;
  if (chosen == nullptr) return;
  pool.next_look = chosen->slot.index + 1;
  pool.Look(chosen, pool.host->now());
}

void Pool::Impl::Look(Instance* instance, Nanos now) {
  if (instance->collected || !instance->isolate->usable()) return;
  js::MemoryUse use = instance->isolate->memory();
  if (now - instance->last_used >= kCollectAfterIdle && instance->isolate->in_flight() == 0) {
    instance->collected = true;
    if (use.heap_used_bytes >= kCollectHeapBytesMin) {
      instance->isolate->CollectGarbage();
      use = instance->isolate->memory();
    }
  }
  instance->version->row->heap_used_bytes.Set(use.heap_used_bytes + use.external_bytes);
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
  Nanos when = 0;
  if (version->waiting.head != nullptr) when = version->waiting.head->deadline;
  if (version->running.head != nullptr && (when == 0 || version->running.head->deadline < when)) {
    when = version->running.head->deadline;
  }
  due.Set(version, when);
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

// ---- the rest ---------------------------------------------------------------------------------------------------------------

Pool::Pool(PoolHost* host, Warmup* warmup, Watchdog* watchdog, ipc::ShardCounters* counters)
    : impl_(std::make_unique<Impl>(host, warmup, watchdog, counters)) {
  counters->warm_isolates.Set(0);
  counters->queued.Set(0);
}

Pool::~Pool() {
  impl_->instances.ForEach([this](SlotId, std::unique_ptr<Instance>& instance) {
    impl_->due.Remove(instance.get());
    std::unique_ptr<js::Isolate> isolate = std::move(instance->isolate);
    impl_->warmup->Dispose(std::move(isolate), std::move(instance));
  });
  impl_->versions.ForEach([this](Version& version) { impl_->due.Remove(&version); });
}

size_t Pool::in_flight() const { return impl_->records.size(); }
size_t Pool::warm() const { return impl_->warm; }
size_t Pool::isolates() const { return impl_->instances.size(); }

}  // namespace zts::runtime
