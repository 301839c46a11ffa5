#include "worker/engine/runtime/pool.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/pool_impl.h"

namespace zts::runtime {

namespace {

// The longest that a version has to behave elsewhere, whatever it did before.
constexpr Nanos kCalmTimeMax = 600 * kSecond;

}  // namespace

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
  if (!version->away || version->foreign || !version->retained || version->state == Version::State::kLoading) return;
  StartLoad(version, Warmup::Urgency::kPrepare);
}

void Pool::Impl::EndAway(Version* version) {
  version->away = false;
  --away;
  SetAwayGauge(version);
  elsewhere->Release(version->target.version_id);
}

void Pool::Impl::SetAwayGauge(Version* version) {
  const bool tell = version->away && !version->foreign && !version->standby;
  if (tell != version->told_away) Change(version->queues.row->offloaded, tell ? 1 : -1);
  version->told_away = tell;
}

void Pool::Impl::RetainAway() {
  std::vector<uint64_t> ids, standby;
  if (away > 0) {
    versions.ForEach([&](Version& version) {
      SetAwayGauge(&version);
      if (version.away && !version.foreign && version.retained) (version.standby ? standby : ids).push_back(version.target.version_id);
    });
    std::sort(ids.begin(), ids.end());
    std::sort(standby.begin(), standby.end());
  }
  elsewhere->Retain(std::move(ids), std::move(standby));
}

Ticket Pool::Impl::SendAway(Request* request) {
  Version* version = request->version;
  if (version->queues.away.size() >= (version->foreign ? kClassQueueMax : kOffloadQueueMax)) {
    Fail(request, {js::OutcomeKind::kOverloaded, "too many requests wait for this function"});
    return 0;
  }
  requests.SendAway(request, host->clock_now(), host->now() + kOffloadQueueTimeout);
  version->there->Submit(request->ticket(), version->target, request->view);
  if (request->peer_finished) version->there->PeerFinished(request->ticket());
  SetVersionDue(version);
  return request->ticket();
}

void Pool::Impl::CancelAway(Request* request) {
  Version* version = request->version;
  version->there->Cancel(request->ticket());
  Forget(request);
  DropIfDone(version);
}

// Its time is up, whatever the other thread is doing.
void Pool::Impl::FailLate(Request* request, const js::Outcome& outcome) {
  request->version->there->Cancel(request->ticket());
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

void Pool::Impl::OnAwayCold(Ticket ticket) {
  const Request* request = requests.Find(ticket);
  if (request != nullptr && request->phase == Request::Phase::kUnanswered) host->OnCold(request->id);
}

void Pool::Impl::OnAwayColdAnswer(Ticket ticket, const ColdTimes& times) {
  const Request* request = requests.Find(ticket);
  if (request != nullptr && request->phase == Request::Phase::kUnanswered) host->OnColdAnswer(request->id, times);
}

void Pool::Impl::OnAwayResponse(Ticket ticket, const js::ResponseView& response, Body body) {
  Request* request = requests.Find(ticket);
  if (request == nullptr || request->phase != Request::Phase::kUnanswered) return;
  const RequestId name = request->id;
  Version* version = request->version;
  TakeTimes(*request);
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

// Told again after another such time, should nothing come of it. One that is hardly asked for is left where it is: nothing is known of it.
void Pool::Impl::LookForCalm(Nanos now) {
  versions.ForEach([&](Version& version) {
    if (version.calm_time == 0 || now - version.heavy_at < version.calm_time || version.turns - version.turns_calm < kCalmTurns) return;
    version.heavy_at = now;
    version.turns_calm = version.turns;
    host->OnCalm(version.target.version_id);
  });
}

}  // namespace zts::runtime
