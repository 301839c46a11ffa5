#include "worker/engine/offload/offload_host.h"

#include <algorithm>
#include <utility>

#include "worker/engine/limits.h"

namespace zts::offload {
namespace {

constexpr Nanos kHousekeepingPeriod = 1 * kSecond;

}  // namespace

OffloadHost::OffloadHost(const Options& options)
    : loop_(options.loop), counters_(options.counters), logs_(options.logs, options.counters),
      egress_(options.loop, options.counters, this), pool_timer_([this] { pool_->RunDue(loop_->now()); }),
      housekeeping_timer_([this] { OnHousekeeping(); }) {
  pool_ = std::make_unique<runtime::Pool>(this, options.warmup, options.watchdog, options.counters,
                                          runtime::PoolOptions{.role = runtime::PoolOptions::Role::kOffload, .budget = options.budget});
  runs_.emplace(pool_.get());
  jit_.emplace(loop_, pool_.get());
  // In the first pass there is.
  loop_->Arm(&housekeeping_timer_, loop_->now());
}

void OffloadHost::Run() {
  pool_->TakeThread();
  loop_->Run(this);
}

bool OffloadHost::MayRest() {
  if (!AtRest()) return false;
  // What it last saw of the stock is not true for long.
  counters_->spare_isolates.Set(0);
  return true;
}

OffloadHost::~OffloadHost() {
  jit_.reset();
  // Before what it calls back.
  pool_.reset();
}

void OffloadHost::Expect(NearEnd* near, const runtime::Target& target, Nanos calm_time) {
  std::vector<Sender>& senders = senders_[target.version_id];
  auto sender = std::find_if(senders.begin(), senders.end(), [near](const Sender& one) { return one.near == near; });
  if (sender == senders.end()) sender = senders.insert(sender, Sender{near});
  sender->calm_time = calm_time;
  sender->standby = false;
  for (const Sender& one : senders) calm_time = std::max(calm_time, one.calm_time);
  pool_->Expect(target, calm_time);
}

void OffloadHost::Release(NearEnd* near, uint64_t version_id) {
  const auto found = senders_.find(version_id);
  if (found == senders_.end()) return;
  std::erase_if(found->second, [near](const Sender& one) { return one.near == near; });
  if (!found->second.empty()) return;
  senders_.erase(found);
  // Else what waits here is served first.
  if (!queue_.HasAny(version_id)) pool_->Release(version_id);
}

// A version that one shard still serves is on standby for none.
void OffloadHost::Retain(NearEnd* near, const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby) {
  std::vector<uint64_t> serving, spare;
  for (auto at = senders_.begin(); at != senders_.end();) {
    auto& [id, senders] = *at;
    const bool is_standby = std::binary_search(standby.begin(), standby.end(), id);
    const bool kept = is_standby || std::binary_search(version_ids.begin(), version_ids.end(), id);
    for (Sender& one : senders) {
      if (one.near == near) one.standby = is_standby;
    }
    if (!kept) std::erase_if(senders, [near](const Sender& one) { return one.near == near; });
    if (senders.empty()) {
      at = senders_.erase(at);
      continue;
    }
    const bool serves = std::any_of(senders.begin(), senders.end(), [](const Sender& one) { return !one.standby; });
    (serves ? serving : spare).push_back(id);
    ++at;
  }
  queue_.ForEachVersion([&](uint64_t id) {
    if (senders_.count(id) == 0) serving.push_back(id);
  });
  std::sort(serving.begin(), serving.end());
  std::sort(spare.begin(), spare.end());
  pool_->Retain(serving, spare);
}

void OffloadHost::OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) {
  logs_.Add(loop_->now() + wall_offset_, version_id, request_id, severity, message);
}

void OffloadHost::OnWakeAt(Nanos when) {
  if (when == 0) {
    loop_->Disarm(&pool_timer_);
  } else {
    loop_->Arm(&pool_timer_, when);
  }
}

void OffloadHost::OnCalm(uint64_t version_id) {
  const auto found = senders_.find(version_id);
  if (found == senders_.end()) return;
  for (const Sender& one : found->second) {
    if (one.calm_time > 0) one.near->OnCalm(version_id);
  }
}

// ---- whose turn it is -------------------------------------------------------------------------------------------------------

void OffloadHost::Await(FairQueue::Waiting waiting) {
  const uint64_t version_id = waiting.request->target.version_id;
  queue_.Add(version_id, std::move(waiting), pool_->held(version_id));
}

// As many as make up a long turn, and at least one: what comes meanwhile is to be looked at before the next.
void OffloadHost::BeginWaiting() {
  if (queue_.empty()) return;
  queue_.ForEachVersion([this](uint64_t id) { queue_.Measure(id, pool_->held(id)); });
  const auto next = [this] { return queue_.Next([this](uint64_t id) { return MayBegin(id); }); };
  uint64_t version_id = next();
  for (bool first = true; version_id != 0 && (first || pool_->turn_ended() - loop_->now() < kHeavyTurn); version_id = next()) {
    first = false;
    Begin(queue_.Take(version_id));
    queue_.Measure(version_id, pool_->held(version_id));
    if (!queue_.HasAny(version_id) && senders_.count(version_id) == 0) pool_->Release(version_id);
  }
  // Another pass.
  if (version_id != 0) loop_->Post([] {});
}

bool OffloadHost::MayBegin(uint64_t version_id) {
  const auto found = starting_.find(version_id);
  if (found == starting_.end()) return true;
  if (pool_->IsolateOf(version_id) == nullptr && runs_->Has(found->second)) return false;
  starting_.erase(found);
  return true;
}

void OffloadHost::Begin(const FairQueue::Waiting& waiting) {
  AwayRequest& request = *waiting.request;
  if (!request.Begin(waiting.thread)) return;
  const uint64_t version_id = request.target.version_id;
  runs_->Begin(waiting.near, waiting.request);
  if (pool_->IsolateOf(version_id) == nullptr && runs_->Has(request.slot)) starting_[version_id] = request.slot;
  if (request.peer_finished.load(std::memory_order_acquire)) PeerFinished(request);
}

void OffloadHost::PeerFinished(AwayRequest& request) {
  if (!std::exchange(request.told_finished, true)) runs_->PeerFinished(request);
}

// ---- of the loop ------------------------------------------------------------------------------------------------------------

// It listens to nothing.
void OffloadHost::OnAccept(net::Handle handle) { loop_->io().Close(handle, SlotId(), net::Io::CloseMode::kAbort); }

void OffloadHost::OnPassEnd() {
  BeginWaiting();
  runs_->OnPassEnd();
  egress_.OnPassEnd();
  pool_->EndPass();
  logs_.Flush();
  at_rest_.store(AtRest(), std::memory_order_release);
}

void OffloadHost::OnHousekeeping() {
  wall_offset_ = loop_->clock().WallNow() - loop_->clock().Now();
  pool_->Idle();
  loop_->Arm(&housekeeping_timer_, loop_->now() + kHousekeepingPeriod);
}

}  // namespace zts::offload
