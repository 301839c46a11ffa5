#include "controller/publisher.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/log.h"
#include "controller/limits.h"

namespace zts::controller {
namespace {

constexpr Nanos kNever = std::numeric_limits<Nanos>::max();

// How often a wait looks whether its client is still there.
constexpr Nanos kCancelCheck = 50 * kMillisecond;

// A worker's own trouble (it could not fetch, it had no room) is no judgement about the function.
bool IsAboutTheFunction(const FunctionProblem& problem) {
  const std::string& kind = problem.problem.kind;
  return !problem.function.empty() && kind != "internal" && kind != "unavailable" && kind != "fetch";
}

std::string Describe(const std::vector<FunctionProblem>& problems) {
  if (problems.empty()) return "no reason given";
  const FunctionProblem& first = problems.front();
  std::string text = first.function.empty() ? "" : first.function + " v" + std::to_string(first.number) + ": ";
  text += first.problem.message.empty() ? first.problem.kind : first.problem.message;
  if (problems.size() > 1) text += " (and " + std::to_string(problems.size() - 1) + " more)";
  return text;
}

}  // namespace

Publisher::Publisher(Registry& registry, const Clock& clock)
    : registry_(registry), clock_(clock), target_(registry.catalog()), gate_(registry.proven_version()) {
  // What was committed but not proven before a restart goes through both phases with the workers that come.
  rolling_ = target_->version > gate_;
  prepare_deadline_ = clock_.Now() + kPrepareTimeout;
}

Result<WorkerId> Publisher::Connect(WorkerHello hello, WorkerLink* link) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, worker] : workers_) {
    if (worker.hello.name != hello.name) continue;
    // Its old stream may take the keepalive's time to be seen as dead; the new one is the worker.
    worker.link->Close({ErrorCode::kAborted, "worker '" + hello.name + "' has connected again"});
    workers_.erase(id);
    break;
  }
  if (workers_.size() >= kWorkersMax) {
    return Error{ErrorCode::kExhausted, "there are " + std::to_string(kWorkersMax) + " workers already"};
  }
  const WorkerId id = ++last_id_;
  Worker& worker = workers_[id];
  if (hello.store_id == registry_.store_id()) worker.active = hello.active_version;
  worker.hello = std::move(hello);
  worker.link = link;
  worker.connected_ns = clock_.WallNow();
  Advance();
  return id;
}

void Publisher::Disconnect(WorkerId id) {
  const std::lock_guard lock(mutex_);
  workers_.erase(id);
  Advance();
}

void Publisher::OnCatalog() {
  const std::lock_guard lock(mutex_);
  Advance();
}

void Publisher::RequireAll(uint64_t catalog_version, Nanos until) {
  const std::lock_guard lock(mutex_);
  all_for_ = catalog_version;
  all_until_ = until;
}

// Whether the rollout that runs may not go on without every worker.
bool Publisher::WantsAll() const {
  return all_for_ > gate_ && target_->version >= all_for_ && clock_.Now() < all_until_;
}

void Publisher::OnTakenBack() {
  const std::lock_guard lock(mutex_);
  StartOver();
  Advance();
}

void Publisher::OnResult(WorkerId id, PushResult result) {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  worker.late = false;
  const bool asked = worker.phase == Phase::kPreparing || worker.phase == Phase::kActivating;
  if (!asked || result.nonce != worker.nonce || result.catalog_version != worker.target->version) {
    ZTS_LOG(kWarning) << "worker " << worker.hello.name << " answers what it was not asked (nonce " << result.nonce << "); ignored";
    return;
  }
  if (result.state == PushResult::State::kNack) {
    OnNack(worker, std::move(result.problems));
  } else if (result.state == PushResult::State::kPrepared && worker.phase == Phase::kPreparing) {
    worker.phase = Phase::kPrepared;
  } else if (result.state == PushResult::State::kActive && worker.phase == Phase::kActivating) {
    worker.phase = Phase::kIdle;
    worker.active = worker.target->version;
    worker.target.reset();
    worker.refusal.clear();
    worker.retry_delay = 0;
  } else {
    worker.link->Close(Invalid("the answer does not fit what was asked"));
    workers_.erase(found);
  }
  Advance();
}

void Publisher::OnNack(Worker& worker, std::vector<FunctionProblem> problems) {
  ++stats_.nacks;
  const uint64_t version = worker.target->version;
  ZTS_LOG(kWarning) << "worker " << worker.hello.name << " refuses catalog " << version << ": " << Describe(problems);
  worker.phase = Phase::kIdle;
  worker.target.reset();
  if (RejectFunctions(worker, problems)) return;
  // A catalog that was taken back meanwhile: the worker gets the one in its place at once.
  if (version != target_->version) return;
  worker.refused_version = version;
  worker.refusal = Describe(problems);
  worker.retry_delay = std::clamp(2 * worker.retry_delay, kRetryDelayMin, kRetryDelayMax);
  worker.retry_at = clock_.Now() + worker.retry_delay;
}

bool Publisher::RejectFunctions(const Worker& worker, const std::vector<FunctionProblem>& problems) {
  bool rejected = false;
  for (const FunctionProblem& problem : problems) {
    if (!IsAboutTheFunction(problem)) continue;
    const CatalogPtr catalog = registry_.catalog();
    const CatalogEntry* entry = catalog->Find(problem.function);
    if (entry == nullptr) continue;
    const bool is_canary = entry->canary != nullptr && entry->canary->number == problem.number;
    if (!is_canary && entry->version->number != problem.number) continue;
    if ((is_canary ? entry->canary_since : entry->changed_at) <= to_prove_) continue;
    const uint64_t version_id = (is_canary ? entry->canary : entry->version)->version_id;
    const auto back = registry_.Reject(problem.function, problem.number);
    if (!back.ok()) {
      ZTS_LOG(kWarning) << problem.function << " v" << problem.number << " stays: " << back.error().message;
      continue;
    }
    std::vector<FunctionProblem> own;
    std::copy_if(problems.begin(), problems.end(), std::back_inserter(own), [&](const FunctionProblem& other) {
      return other.function == problem.function && other.number == problem.number;
    });
    rejections_.push_back({version_id, worker.hello.name, std::move(own)});
    if (rejections_.size() > kRejectionsKept) rejections_.pop_front();
    rejected = true;
  }
  if (rejected) StartOver();
  return rejected;
}

void Publisher::Advance() {
  while (true) {
    SendWhatIsDue();
    if (OpenGate()) continue;
    if (FinishRollout()) continue;
    break;
  }
  const bool behind = std::any_of(workers_.begin(), workers_.end(), [&](const auto& item) { return NeedsUpdate(item.second); });
  if (!behind) {
    behind_since_.reset();
    if (!workers_.empty()) to_prove_ = std::max(to_prove_, target_->version);
    registry_.NoteServed(to_prove_);
  } else if (!behind_since_) {
    behind_since_ = clock_.Now();
  }
  ++changes_;
  changed_.notify_all();
}

void Publisher::StartOver() {
  all_for_ = 0;
  StartRollout(registry_.catalog());
  valid_from_ = target_->version;
}

void Publisher::StartRollout(CatalogPtr catalog) {
  target_ = std::move(catalog);
  updates_.clear();
  rolling_ = true;
  prepare_deadline_ = clock_.Now() + kPrepareTimeout;
  for (auto& [id, worker] : workers_) {
    // A new catalog is a new question, whatever was refused before.
    worker.refusal.clear();
  }
}

// Whether the gate has opened for the rollout's catalog just now.
bool Publisher::OpenGate() {
  if (!rolling_ || gate_ >= target_->version) return false;
  const bool held = std::any_of(workers_.begin(), workers_.end(), [&](const auto& item) { return HoldsGate(item.second); });
  if (held && (WantsAll() || clock_.Now() < prepare_deadline_)) return false;
  for (auto& [id, worker] : workers_) worker.late = worker.late || HoldsGate(worker);
  gate_ = target_->version;
  activate_deadline_ = clock_.Now() + kActivateTimeout;
  return true;
}

// Whether another rollout has begun, so that there is more to do.
bool Publisher::FinishRollout() {
  if (rolling_) {
    if (gate_ < target_->version) return false;
    const auto holds = [](const auto& item) { return item.second.phase == Phase::kActivating && !item.second.late; };
    const bool activating = std::any_of(workers_.begin(), workers_.end(), holds);
    if (activating && clock_.Now() < activate_deadline_) return false;
    for (auto& [id, worker] : workers_) worker.late = worker.late || worker.phase == Phase::kActivating;
    rolling_ = false;
  }
  CatalogPtr newest = registry_.catalog();
  if (newest->version == target_->version) return false;
  StartRollout(std::move(newest));
  return true;
}

bool Publisher::HoldsGate(const Worker& worker) const {
  // Idle and not there yet means that it has refused, and is asked again later.
  if (!NeedsUpdate(worker)) return false;
  if (worker.phase == Phase::kIdle || worker.late) return WantsAll();
  return worker.phase != Phase::kPrepared || worker.target->version != target_->version;
}

bool Publisher::NeedsUpdate(const Worker& worker) const { return !worker.active || *worker.active != target_->version; }

void Publisher::SendWhatIsDue() {
  const Nanos now = clock_.Now();
  for (auto& [id, worker] : workers_) {
    // Preparing another catalog drops the one that was prepared and is not to be switched to.
    if (worker.phase == Phase::kPrepared && worker.target->version < valid_from_) worker.phase = Phase::kIdle;
    if (worker.phase == Phase::kPrepared && worker.target->version <= gate_) SendActivate(worker);
    if (worker.phase != Phase::kIdle || !NeedsUpdate(worker)) continue;
    const bool refused = !worker.refusal.empty() && worker.refused_version == target_->version;
    if (!refused || now >= worker.retry_at) SendUpdate(worker);
  }
}

void Publisher::SendUpdate(Worker& worker) {
  UpdatePtr update = UpdateFrom(worker.active);
  ++(update->kind == Update::Kind::kDelta ? stats_.updates_delta : stats_.updates_full);
  worker.phase = Phase::kPreparing;
  worker.target = target_;
  worker.nonce = ++last_nonce_;
  worker.asked_at = clock_.Now();
  worker.link->Send(Prepare{std::move(update), worker.nonce});
}

// Where a fleet stands at the same catalog, all of it gets the same update.
UpdatePtr Publisher::UpdateFrom(std::optional<uint64_t> base) {
  const auto found = std::find_if(updates_.begin(), updates_.end(), [&](const auto& item) { return item.first == base; });
  if (found != updates_.end()) return found->second;
  UpdatePtr update = MakeUpdate(base);
  updates_.emplace_back(base, update);
  if (updates_.size() > kUpdatesShared) updates_.pop_front();
  return update;
}

UpdatePtr Publisher::MakeUpdate(std::optional<uint64_t> base) const {
  auto update = std::make_shared<Update>();
  update->store_id = registry_.store_id();
  update->catalog_version = target_->version;
  auto delta = base ? target_->DeltaFrom(*base) : std::nullopt;
  if (delta) {
    update->kind = Update::Kind::kDelta;
    update->base_version = *base;
    update->upserts = std::move(delta->upserts);
    update->removals = std::move(delta->removals);
  } else {
    update->upserts = target_->entries;
  }
  return update;
}

void Publisher::SendActivate(Worker& worker) {
  worker.phase = Phase::kActivating;
  worker.nonce = ++last_nonce_;
  worker.asked_at = clock_.Now();
  ++stats_.activates;
  worker.link->Send(Activate{worker.target->version, worker.nonce});
}

void Publisher::Tick() {
  uint64_t to_prove = 0;
  {
    const std::lock_guard lock(mutex_);
    const Nanos now = clock_.Now();
    for (auto at = workers_.begin(); at != workers_.end();) {
      Worker& worker = at->second;
      const bool asked = worker.phase == Phase::kPreparing || worker.phase == Phase::kActivating;
      if (asked && now >= worker.asked_at + kAnswerTimeout) {
        worker.link->Close({ErrorCode::kTimeout, "no answer for " + std::to_string(kAnswerTimeout / kSecond) + " s"});
        at = workers_.erase(at);
      } else {
        ++at;
      }
    }
    Advance();
    to_prove = to_prove_;
    told_ = to_prove;
  }
  if (to_prove <= registry_.proven_version()) return;
  if (const Status marked = registry_.MarkProven(to_prove); !marked.ok()) {
    ZTS_LOG(kWarning) << "cannot remember that catalog " << to_prove << " works: " << marked.error().message;
  }
}

Nanos Publisher::NextDeadline() const {
  Nanos next = kNever;
  if (rolling_) next = gate_ < target_->version ? prepare_deadline_ : activate_deadline_;
  for (const auto& [id, worker] : workers_) {
    if (worker.phase == Phase::kIdle && !worker.refusal.empty() && NeedsUpdate(worker)) next = std::min(next, worker.retry_at);
    if (worker.phase == Phase::kPreparing || worker.phase == Phase::kActivating) next = std::min(next, worker.asked_at + kAnswerTimeout);
  }
  return next;
}

void Publisher::RunTimers() {
  constexpr Nanos kLongest = 1 * kSecond;
  static_assert(kLongest <= kRetryDelayMin && kLongest <= kPrepareTimeout && kLongest <= kActivateTimeout);
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    lock.unlock();
    Tick();
    lock.lock();
    // Every delay is at least as long as the longest sleep, so one that is set meanwhile is seen in time.
    const Nanos wait = std::clamp<Nanos>(NextDeadline() - clock_.Now(), kMillisecond, kLongest);
    changed_.wait_for(lock, std::chrono::nanoseconds(wait), [&] { return stopped_ || to_prove_ > told_; });
  }
}

void Publisher::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

std::string Publisher::WhyNot(const Worker& worker, uint64_t catalog_version) const {
  if (!worker.refusal.empty() && worker.refused_version >= catalog_version) return "refuses: " + worker.refusal;
  const auto asked = [&] { return std::to_string((clock_.Now() - worker.asked_at) / kMillisecond) + " ms"; };
  switch (worker.phase) {
    case Phase::kPreparing: return "preparing for " + asked();
    case Phase::kPrepared: return "prepared, waiting for the others";
    case Phase::kActivating: return "switching for " + asked();
    case Phase::kIdle: break;
  }
  return "waiting for its turn";
}

RolloutView Publisher::LookLocked(const Subject& subject, Detail detail) const {
  using State = RolloutView::State;
  RolloutView view;
  bool waiting = false, waiting_for_late = false;
  for (const auto& [id, worker] : workers_) {
    ++view.total;
    if (detail == Detail::kAll) view.http_addresses.push_back(worker.hello.http_address);
    // A catalog that is newer by number but of no use (the registry went back) is never activated: the gate sees to that.
    if (worker.active && *worker.active >= subject.catalog_version) {
      ++view.live;
      ++view.ready;
      continue;
    }
    const bool prepared = worker.phase != Phase::kIdle && worker.phase != Phase::kPreparing;
    if (prepared && worker.target->version >= subject.catalog_version) ++view.ready;
    const bool refused = !worker.refusal.empty() && worker.refused_version >= subject.catalog_version;
    // Where all must be ready, one that is waits for those that are not.
    const bool is_waited_for = !(refused || (prepared && WantsAll()));
    // The others have gone on without its answer, to this catalog or an earlier one: it holds up no deploy that they serve.
    const bool stuck = worker.late && worker.phase != Phase::kIdle;
    (stuck ? waiting_for_late : waiting) |= is_waited_for;
    if (detail == Detail::kAll) view.laggards.push_back(worker.hello.name + ": " + WhyNot(worker, subject.catalog_version));
  }
  waiting = waiting || (waiting_for_late && view.live == 0);
  view.state = view.live == view.total ? State::kDone : waiting ? State::kWaiting : State::kSettled;
  if (subject.function.empty()) return view;
  for (const Rejection& rejection : rejections_) {
    if (rejection.version_id != subject.version_id) continue;
    view.state = State::kRejected;
    view.problems = rejection.problems;
    view.rejected_by = rejection.worker;
    return view;
  }
  const CatalogPtr catalog = registry_.catalog();
  const CatalogEntry* entry = catalog->Find(subject.function);
  const auto serves = [&](const VersionPtr& version) { return version != nullptr && version->version_id == subject.version_id; };
  if (entry == nullptr || (!serves(entry->version) && !serves(entry->canary))) view.state = State::kSuperseded;
  return view;
}

RolloutView Publisher::Look(const Subject& subject) const {
  const std::lock_guard lock(mutex_);
  return LookLocked(subject, Detail::kAll);
}

RolloutView Publisher::Wait(const Subject& subject, Nanos deadline, const std::function<bool()>& keep_waiting,
                            const std::function<void(const RolloutView&)>& on_progress) {
  std::unique_lock lock(mutex_);
  RolloutView view = LookLocked(subject, Detail::kCounts);
  while (view.state == RolloutView::State::kWaiting && !stopped_ && clock_.Now() < deadline && keep_waiting()) {
    const uint64_t seen = changes_;
    const Nanos wait = std::min(deadline - clock_.Now(), kCancelCheck);
    changed_.wait_for(lock, std::chrono::nanoseconds(wait), [&] { return stopped_ || changes_ != seen; });
    RolloutView next = LookLocked(subject, Detail::kCounts);
    const bool moved = next.ready != view.ready || next.total != view.total;
    view = std::move(next);
    if (!moved) continue;
    lock.unlock();
    on_progress(view);
    lock.lock();
  }
  return LookLocked(subject, Detail::kAll);
}

std::vector<WorkerInfo> Publisher::Workers() const {
  const std::lock_guard lock(mutex_);
  std::vector<WorkerInfo> infos;
  for (const auto& [id, worker] : workers_) infos.push_back({worker.hello, worker.active.value_or(0), worker.connected_ns});
  std::sort(infos.begin(), infos.end(), [](const WorkerInfo& a, const WorkerInfo& b) { return a.hello.name < b.hello.name; });
  return infos;
}

PublisherStats Publisher::Stats() const {
  const std::lock_guard lock(mutex_);
  PublisherStats stats = stats_;
  stats.workers = workers_.size();
  const uint64_t newest = registry_.catalog()->version;
  for (const auto& [id, worker] : workers_) {
    const uint64_t active = worker.active.value_or(0);
    stats.lag_versions = std::max(stats.lag_versions, newest > active ? newest - active : 0);
  }
  if (behind_since_) stats.lag = clock_.Now() - *behind_since_;
  return stats;
}

}  // namespace zts::controller
