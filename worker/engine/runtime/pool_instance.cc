#include "worker/engine/runtime/pool.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/pool_impl.h"

namespace zts::runtime {

namespace {

// A retiring isolate whose work in the background never ends goes this long after its last request could have ended.
constexpr Nanos kRetireGrace = 5 * kSecond;
// Reading one heap's figures takes a microsecond or two; with this many a second those that have run are soon known.
constexpr size_t kLooksPerIdle = 16;

}  // namespace

void Instance::OnResponse(js::InvocationId id, const js::ResponseView& response) {
  Request* request = pool->requests.Find(id);
  if (request == nullptr || request->phase != Request::Phase::kUnanswered) return;
  const RequestId name = request->id;
  const js::RequestBody* body = request->view->stream;
  if (request->shows_times) [[unlikely]] pool->ShowColdTimes(request);
  pool->TakeTimes(*request);
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

void Instance::OnUpstream(js::InvocationId id, Upstream state) {
  Request* request = pool->requests.Find(id);
  if (request == nullptr) return;
  const Nanos now = pool->host->clock_now();
  if (state == Upstream::kWaits) {
    request->upstream_since = now;
  } else if (request->upstream_since != 0) {
    request->times.upstream += now - std::exchange(request->upstream_since, 0);
  }
}

void Instance::OnTasksPosted() {
  if (tasks_posted.exchange(true)) return;
  pool->host->Post([owner = pool, id = slot] { owner->RunTasks(id); });
}

void Instance::OnGarbageCollected(js::GcKind kind, js::GcDuring during, Nanos pause) {
  const int index = static_cast<int>(kind);
  ipc::FunctionCounters* row = version->queues.row;
  row->collections[index].Add();
  version->gc_pause += pause;
  const auto nanos = static_cast<uint64_t>(std::max<Nanos>(pause, 0));
  row->collection_ns[index].Add(nanos);
  if (during == js::GcDuring::kTurn) row->collection_turn_ns.Add(nanos);
  pool->counters->gc_pause[static_cast<int>(during)][index].Record(pause);
  nursery.Collected();
  if (during == js::GcDuring::kTurn && kind == js::GcKind::kMinor) nursery.Interrupted();
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
void Instance::SendMessage(js::FetchId id, js::SocketMessage kind, uint64_t bytes) {
  pool->host->fetch_gate()->SendMessage(id, kind, bytes);
}
void Instance::CloseSocket(js::FetchId id, uint16_t code, std::string_view reason) {
  pool->host->fetch_gate()->CloseSocket(id, code, reason);
}
void Instance::MessagesTaken(js::FetchId id, uint32_t bytes, uint32_t messages) {
  pool->host->fetch_gate()->MessagesTaken(id, bytes, messages);
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
  if (!owner->HasRoom(this)) return;
  owner->RunTurn(this, [now](js::Isolate* js_isolate) { js_isolate->RunTimers(now); });
  if (owner->instances.Find(self) == nullptr) return;
  // An isolate that still names the moment just served would be asked for ever within this pass.
  if (timer_due == before) timer_due = now + kTimerTick;
  SetDue();
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
  Change(version->queues.row->memory_limit_bytes, -static_cast<int64_t>(version->target.script->limits.memory_bytes_max));
  instance->SetMemory({});
  memory.Change(-static_cast<int64_t>(kIsolateOverheadBytes), -1);
  std::unique_ptr<Instance> owned = std::move(*instances.Find(instance->slot));
  instances.Erase(owned->slot);
  std::unique_ptr<js::Isolate> isolate = std::move(owned->isolate);
  const bool teaches = version->retained && isolate->usable() && !isolate->draining() && isolate->in_flight() == 0;
  const uint64_t dispatched = teaches ? owned->dispatched : 0;
  warmup->Dispose(std::move(isolate), std::move(owned), dispatched);
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
  if (found == nullptr || !impl_->HasRoom(found->get())) return;
  impl_->RunTurn(found->get(), [&](js::Isolate* isolate) { isolate->OnFetch(id, event); });
}

void Pool::Idle() {
  Impl& pool = *impl_;
  pool.counters->spare_isolates.Set(pool.warmup->spares());
  pool.counters->learned_code_bytes.Set(pool.warmup->learned_bytes());
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

bool Pool::Impl::MakeRoom(Instance* instance) {
  const js::Isolate* isolate = instance->isolate.get();
  if (!isolate->usable() || !instance->nursery.LacksRoom(isolate->nursery())) return true;
  const SlotId slot = instance->slot;
  CollectNursery(instance);
  return instances.Find(slot) != nullptr && instance->isolate->usable();
}

// Its own turn is none that makes garbage: the isolate is not noted for it. It may be gone afterwards.
void Pool::Impl::CollectNursery(Instance* instance) {
  const bool noted = std::exchange(instance->nursery_noted, true);
  const SlotId slot = instance->slot;
  RunTurn(instance, [instance](js::Isolate* isolate) {
    isolate->CollectNursery();
    instance->nursery.SetUsed(isolate->nursery());
  });
  if (instances.Find(slot) != nullptr) instance->nursery_noted = noted;
}

void Pool::Impl::NoteNursery(Instance* instance) {
  if (instance->nursery_noted) return;
  instance->nursery_noted = true;
  nurseries.push_back(instance->slot);
}

void Pool::Impl::LookAtNurseries() {
  nurseries_before.swap(nurseries);
  for (const SlotId slot : nurseries_before) {
    auto* found = instances.Find(slot);
    if (found == nullptr) continue;
    Instance* instance = found->get();
    if (instance->isolate->usable() && instance->nursery.IsTooFull(instance->isolate->nursery())) {
      CollectNursery(instance);
      if (instances.Find(slot) == nullptr) continue;
    }
    instance->nursery_noted = false;
  }
  nurseries_before.clear();
}

// Whether it took a collection.
bool Pool::Impl::Look(Instance* instance, Nanos now) {
  const bool measured = instance->memory.heap_used_bytes > 0;
  if ((measured && instance->heap.settled()) || !instance->isolate->usable()) return false;
  instance->SetMemory(instance->heap.Look(instance->isolate.get(), now));
  return instance->heap.collected();
}

}  // namespace zts::runtime
