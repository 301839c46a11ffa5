#include "worker/engine/runtime/pool.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/pool_impl.h"

namespace zts::runtime {
namespace {

// V8 has optimised by then what a request mostly runs (bench/README.md: 150 to 500 requests).
constexpr uint64_t kOptimizedTurns = 500;

}  // namespace

// ---- requests ---------------------------------------------------------------------------------------------------------------

Ticket Pool::Submit(RequestId id, TargetRef target, const js::RequestView* request) {
  Impl& pool = *impl_;
  ZTS_DCHECK(!pool.in_turn);
  if (pool.requests.full()) {
    pool.answered = {};
    pool.host->OnFailure(id, {js::OutcomeKind::kOverloaded, "too many requests at once"});
    return 0;
  }
  Version* version = pool.FindOrAdd(target);
  if (version->current != nullptr && version->current->nursery.watching_requests()) [[unlikely]] {
    ++version->pins;
    pool.MakeRoom(version->current);
    --version->pins;
  }
  Request* added = pool.requests.Add(id, request, version, &version->queues);
  added->gc_before = version->gc_pause;
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
void Pool::PeerFinished(Ticket ticket) {
  Request* request = impl_->requests.Find(ticket);
  if (request != nullptr && !request->away && request->instance == nullptr) request->peer_finished = true;
  impl_->RunTurnOf(ticket, &js::Isolate::PeerFinished, &Elsewhere::PeerFinished);
}

void Pool::Impl::RunTurnOf(Ticket ticket, void (js::Isolate::*what)(js::InvocationId), void (Elsewhere::*there)(Ticket)) {
  ZTS_DCHECK(!in_turn);
  const Request* request = requests.Find(ticket);
  if (request == nullptr) return;
  if (request->away) return (request->version->there->*there)(ticket);
  Instance* instance = request->instance;
  if (instance == nullptr || !HasRoom(instance)) return;
  RunTurn(instance, [&](js::Isolate* isolate) { (isolate->*what)(ticket); });
  if (Request* left = requests.Find(ticket)) left->times.turns += last_turn;
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
  request->route_time = request->submitted - host->now();
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
  ++instance->dispatched;
  Version* version = request->version;
  ++version->pins;
  bool goes_on = false;
  RunTurn(instance, [&](js::Isolate* isolate) {
    isolate->Dispatch(ticket, request->view);
    // Answered within the call: the usual case. Else it goes on, and its wall limit counts from here.
    Request* pending = requests.Find(ticket);
    if (pending == nullptr) return;
    goes_on = true;
    requests.Run(pending, host->now() + version->target.script->limits.wall_per_request);
    if (version->queues.running.front() == pending) SetVersionDue(version);
  });
  if (goes_on) {
    if (Request* left = requests.Find(ticket)) left->times.turns += last_turn;
  }
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
  if (!impl_->nurseries.empty()) [[unlikely]] impl_->LookAtNurseries();
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

// One that is answered within its first turn is not read a clock for: the turn's end tells, when it has come.
void Pool::Impl::TakeTimes(const Request& request) {
  const Version& version = *request.version;
  answered = request.times;
  answered.collecting = version.gc_pause - request.gc_before;
  answered.pending = request.in == Request::In::kRunning;
  answered.away = request.away;
  answered.unoptimized = version.turns < kOptimizedTurns;
  if (request.upstream_since != 0) answered.upstream += host->clock_now() - request.upstream_since;
  if (in_turn && (answered.pending || request.submitted != 0)) answered.turns += host->clock_now() - turn_began();
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
  TakeTimes(*request);
  Forget(request);
  if (phase == Request::Phase::kUnanswered) host->OnFailure(id, outcome);
  if (phase == Request::Phase::kStreaming) host->OnResponseEnd(id, outcome);
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

void Pool::TakeThread() {
  ZTS_CHECK(impl_->instances.size() == 0);
  impl_->watchdog->Rebind(impl_->lane);
}

uint64_t Pool::version_in_turn() const { return Watchdog::VersionInTurn(impl_->lane); }

js::Isolate* Pool::IsolateOf(uint64_t version_id) {
  ZTS_DCHECK(!impl_->in_turn);
  const Version* version = impl_->versions.Find(version_id);
  return version != nullptr && version->current != nullptr ? version->current->isolate.get() : nullptr;
}

Nanos Pool::held(uint64_t version_id) const {
  const Version* version = impl_->versions.Find(version_id);
  return version != nullptr ? version->held : 0;
}

const RequestTimes& Pool::times() const { return impl_->answered; }
Nanos Pool::turn_ended() const { return impl_->turn_ended; }
Nanos Pool::last_turn() const { return impl_->last_turn; }
size_t Pool::in_flight() const { return impl_->requests.size(); }
size_t Pool::warm() const { return impl_->warm; }
size_t Pool::away() const { return impl_->away; }
size_t Pool::isolates() const { return impl_->instances.size(); }

}  // namespace zts::runtime
