#include "worker/engine/runtime/pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/pool_impl.h"

namespace zts::runtime {

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
  added->target = {target.script, target.version_id, target.counter_row, target.engine_class};
  added->foreign = added->away = target.engine_class != 0;
  added->there = added->foreign ? classes->Of(target.engine_class) : elsewhere;
  const uint32_t row = target.counter_row < ipc::kCounterRows ? target.counter_row : 0;
  added->queues.row = &counters->functions[row];
  added->queues.in_flight = role == PoolOptions::Role::kShard && !added->foreign ? &added->queues.row->in_flight : &uncounted;
  if (!rows_seen[row]) {
    // The segment outlives engines: gauges of one that died are not true any more.
    rows_seen[row] = true;
    added->queues.row->in_flight.Set(0);
    added->queues.row->isolates.Set(0);
    added->queues.row->heap_used_bytes.Set(0);
    added->queues.row->heap_committed_bytes.Set(0);
    added->queues.row->external_bytes.Set(0);
    added->queues.row->memory_limit_bytes.Set(0);
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
  if (version->away && !version->foreign) EndAway(version);
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
  const auto slot = instances.Insert(std::make_unique<Instance>(host->now(), version->target.script->limits.request_garbage_bytes));
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
  Change(version->queues.row->memory_limit_bytes, static_cast<int64_t>(version->target.script->limits.memory_bytes_max));
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
    if (!HasRoom(version->current)) continue;
    Request* request = version->queues.waiting.front();
    const Nanos begin = host->clock_now();
    counters->queue_wait.Record(begin - request->submitted);
    requests.Unlist(request);
    request->times.waited = request->route_time + begin - request->submitted;
    const Nanos gc_before = version->gc_pause;
    if (version->cold_times != nullptr) {
      request->shows_times = cold;
      request->cold_dispatched = begin;
      request->cold_gc_before = gc_before;
    }
    const Ticket finished = request->peer_finished ? request->ticket() : 0;
    DispatchTo(version->current, request);
    if (finished != 0) RunTurnOf(finished, &js::Isolate::PeerFinished, &Elsewhere::PeerFinished);
    if (!first) continue;
    counters->cold[static_cast<int>(ipc::ColdPhase::kHandler)].Record(host->clock_now() - begin);
    counters->cold[static_cast<int>(ipc::ColdPhase::kGc)].Record(version->gc_pause - gc_before);
  }
}

void Pool::Impl::RecordColdStart(Version* version, const Loaded& loaded) {
  const Nanos now = host->clock_now();
  const Nanos total = now - version->queues.waiting.front()->submitted;
  version->queues.row->cold_starts[static_cast<int>(loaded.kind)].Add();
  counters->cold_of_kind[static_cast<int>(loaded.kind)].Record(total);
  const std::pair<ipc::ColdPhase, Nanos> phases[] = {{ipc::ColdPhase::kRoute, version->queues.waiting.front()->route_time},
                                                     {ipc::ColdPhase::kQueue, loaded.waited},
                                                     {ipc::ColdPhase::kIsolate, loaded.isolate_time},
                                                     {ipc::ColdPhase::kContext, loaded.context_time},
                                                     {ipc::ColdPhase::kArtifact, loaded.report.artifact},
                                                     {ipc::ColdPhase::kCompile, loaded.report.compile},
                                                     {ipc::ColdPhase::kEvaluate, loaded.report.evaluate},
                                                     {ipc::ColdPhase::kHandOver, now - loaded.ended_at},
                                                     {ipc::ColdPhase::kTotal, total}};
  for (const auto& [phase, time] : phases) counters->cold[static_cast<int>(phase)].Record(time);
  version->cold_times.reset();
  const auto shows = [](const auto& variable) { return variable.first == kServerTimingVariable && variable.second == "1"; };
  const auto& env = version->target.script->env;
  if (std::find_if(env.begin(), env.end(), shows) == env.end()) return;
  version->cold_times = std::make_unique<ColdTimes>(ColdTimes{.kind = loaded.kind});
  for (const auto& [phase, time] : phases) version->cold_times->phases[static_cast<int>(phase)] = time;
}

void Pool::Impl::ShowColdTimes(Request* request) {
  request->shows_times = false;
  const Version* version = request->version;
  if (version->cold_times == nullptr) return;
  ColdTimes times = *version->cold_times;
  times.phases[static_cast<int>(ipc::ColdPhase::kTotal)] = request->cold_dispatched - request->submitted;
  times.phases[static_cast<int>(ipc::ColdPhase::kHandler)] = host->clock_now() - request->cold_dispatched;
  times.phases[static_cast<int>(ipc::ColdPhase::kGc)] = version->gc_pause - request->cold_gc_before;
  host->OnColdAnswer(request->id, times);
}

}  // namespace zts::runtime
