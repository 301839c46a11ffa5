#include "worker/supervisor/engine_host.h"

#include <algorithm>

#include "base/log.h"
#include "worker/engine/limits.h"
#include "worker/ipc/channel.h"
#include "worker/supervisor/engine_messages.h"

namespace zts::supervisor {
namespace {

// For what a function's message gets beyond what is measured: its counter row.
constexpr size_t kMessageSlack = 64;

}  // namespace

std::string_view EngineStateName(EngineStatus::State state) {
  constexpr std::string_view kNames[] = {"idle", "back-off", "starting", "replaying", "serving", "draining", "stopped"};
  return kNames[static_cast<int>(state)];
}

EngineHost::EngineHost(Setup setup, World world)
    : setup_(std::move(setup)), world_(world), counters_(world.counters, world.rows, setup_.first_counters, setup_.threads()),
      feed_({.rows = world.rows,
             .version_rows = world.version_rows,
             .egress = world.egress,
             .names = &names_,
             .class_of = [this](const FunctionSpec& spec) { return ClassOf(spec); },
             .send = [this](const ipc::ToEngine& message, int descriptor) { return Send(message, descriptor); }}),
      memory_budget_bytes_(setup_.memory_budget_bytes), surveys_(world.clock) {}
EngineHost::~EngineHost() = default;

// --- starting ------------------------------------------------------------------------------------

void EngineHost::Start() {
  ZTS_CHECK(status_.state == State::kIdle);
  Launch();
}

void EngineHost::Launch() {
  started_at_ = world_.clock->Now();
  fatal_.reset();
  unresponsive_.reset();
  feed_.Clear();
  ++status_.starts;
  auto launched = world_.launcher->Launch(++generation_, world_.sink);
  if (!launched.ok()) {
    ++status_.deaths[static_cast<int>(DeathCause::kNotStarted)];
    const std::string of = setup_.class_name.empty() ? "" : " of " + setup_.class_name;
    status_.last_death = "the engine" + of + " cannot be started: " + launched.error().message;
    const Nanos delay = std::max(restart_policy_.OnDeath(0, RestartPolicy::Culprit::kUnknown), RestartPolicy::kDelayMin);
    ZTS_LOG(kError) << status_.last_death << "; next try in " << delay / kMillisecond << " ms";
    SetDeadline(delay);
    SetState(State::kBackoff);
    return;
  }
  process_ = std::move(*launched);
  status_.pid = process_->pid();
  SetDeadline(kReadyTimeout);
  SetState(State::kStarting);
  SendStart();
}

bool EngineHost::SendStart() {
  ipc::ToEngine message;
  ipc::Configure* configure = message.mutable_configure();
  configure->set_shards(setup_.shards());
  configure->set_without_listeners(setup_.listeners.empty());
  configure->set_offload_threads(setup_.offload_threads);
  configure->set_first_counters(setup_.first_counters);
  configure->set_memory_budget_bytes(memory_budget_bytes_);
  configure->set_io(setup_.io);
  for (uint32_t cpu : setup_.cpus) configure->add_cpus(cpu);
  configure->set_snapshot_path(setup_.snapshot_path);
  configure->set_worker_name(setup_.worker_name);
  if (!Send(message, world_.counters->fd())) return false;
  for (uint32_t shard = 0; shard < setup_.listeners.size(); ++shard) {
    message.mutable_add_listener()->set_shard(shard);
    if (!Send(message, setup_.listeners[shard])) return false;
  }
  return !listeners_shared_ || SendShared();
}

void EngineHost::OnReady(const ipc::Ready& ready) {
  if (status_.state != State::kStarting) return EndUnresponsive("was ready twice");
  status_.io_backend = ready.io_backend();
  status_.io_features.assign(ready.io_features().begin(), ready.io_features().end());
  status_.artifact_key = ready.artifact_key();
  status_.sandboxed = ready.sandboxed();
  ZTS_LOG(kInfo) << Self() << " is ready after "
                 << (world_.clock->Now() - started_at_) / kMillisecond << " ms: " << setup_.shards()
                 << " shards, io " << ready.io_backend() << ", seccomp " << (ready.sandboxed() ? "on" : "off");
  ConnectEgress();
  if (committed_) return Replay();
  Serve();
}

void EngineHost::OnEgressUp() {
  if (status_.state == State::kReplaying || status_.state == State::kServing) ConnectEgress();
}

// Without egress the engine serves; functions that ask for something are told.
void EngineHost::ConnectEgress() {
  if (world_.egress == nullptr) return;
  auto sockets = world_.egress->Connect(setup_.threads());
  if (!sockets.ok()) {
    ZTS_LOG(kWarning) << "no outgoing requests for now: " << sockets.error().message;
    return;
  }
  ipc::ToEngine message;
  for (uint32_t shard = 0; shard < sockets->size(); ++shard) {
    message.mutable_connect_egress()->set_shard(shard);
    if (!Send(message, (*sockets)[shard].get())) return;
  }
}

void EngineHost::Replay() {
  SetState(State::kReplaying);
  if (SendCatalog(*committed_, {})) Ask(Exchange::kReplayPrepare, kPrepareTimeout);
}

void EngineHost::Serve() {
  exchange_ = Exchange::kNone;
  SetDeadline(0);
  SetState(State::kServing);
  world_.observer->OnServing();
  Advance();
}

// --- sending -------------------------------------------------------------------------------------

bool EngineHost::Send(const ipc::ToEngine& message, int descriptor) {
  if (process_ == nullptr) return false;
  Status sent = process_->Send(message, descriptor);
  if (sent.ok()) return true;
  // Its exit is on the way, or is made to be; the rest follows from there.
  if (sent.error().code != ErrorCode::kAborted) EndUnresponsive(sent.error().message);
  return false;
}

bool EngineHost::SendCatalog(const CatalogSpec& catalog, const std::vector<uint64_t>& warm) {
  asked_version_ = catalog.version;
  return feed_.SendCatalog(catalog, warm, status_.artifact_key);
}

void EngineHost::Ask(Exchange exchange, Nanos timeout) {
  exchange_ = exchange;
  SetDeadline(timeout);
}

// Whether an answer is to the question asked; another one means that the two have lost each other.
bool EngineHost::Answers(Exchange first, Exchange second, uint64_t catalog_version, std::string_view what) {
  if ((exchange_ == first || exchange_ == second) && catalog_version == asked_version_) return true;
  EndUnresponsive("answered " + std::string(what) + " " + std::to_string(catalog_version) + " without a question");
  return false;
}

void EngineHost::EndUnresponsive(const std::string& why) {
  if (!unresponsive_) {
    unresponsive_ = why;
    ZTS_LOG(kError) << Self() << " " << why << "; it is ended";
  }
  if (process_ != nullptr) process_->Kill();
}

// --- changes -------------------------------------------------------------------------------------

void EngineHost::Prepare(CatalogSpec catalog, std::vector<uint64_t> warm, PrepareDone done) {
  if (status_.state == State::kDraining || status_.state == State::kStopped) {
    return done(Error{ErrorCode::kAborted, "the worker is stopping"});
  }
  if (change_) {
    ZTS_CHECK(!change_->prepare_done && !change_->commit_done);
    AbortInEngine(change_->catalog.version);
    change_.reset();
  }
  std::vector<Problem> problems = Refusals(catalog);
  if (!problems.empty()) return done(std::move(problems));
  change_ = Change{std::move(catalog), std::move(warm), std::move(done), nullptr};
  Advance();
}

// What can be told of new versions without asking the engine. What is committed and left out stays so without a word: other
// functions' deploys go on.
std::vector<Problem> EngineHost::Refusals(const CatalogSpec& catalog) const {
  const std::set<uint64_t> committed = CommittedIds();
  std::vector<Problem> problems;
  const auto check = [&](const FunctionSpecPtr& spec) {
    if (committed.count(spec->version_id) > 0) return;
    if (quarantine_.Holds(spec->version_id) || refused_.count(spec->version_id) > 0) {
      problems.push_back({spec->function, spec->number, "quarantined",
                          "this version ended the engine " + std::to_string(Quarantine::kDeathsMax) +
                              " times within a minute; deploy another one"});
    } else if (ToMessage(*spec, status_.artifact_key).ByteSizeLong() + kMessageSlack > ipc::kIpcMessageBytesMax) {
      problems.push_back({spec->function, spec->number, "too-large", "environment and routes are too large for one message"});
    }
  };
  for (const FunctionSpecPtr& spec : catalog.functions) check(spec);
  for (const SplitSpec& split : catalog.splits) check(split.canary);
  return problems;
}

std::set<uint64_t> EngineHost::CommittedIds() const {
  std::set<uint64_t> ids;
  if (!committed_) return ids;
  committed_->ForEach([&](const FunctionSpecPtr& spec) { ids.insert(spec->version_id); });
  return ids;
}

void EngineHost::Commit(CommitDone done) {
  if (status_.state == State::kDraining || status_.state == State::kStopped) {
    return done(Error{ErrorCode::kAborted, "the worker is stopping"});
  }
  ZTS_CHECK(change_ && !change_->prepare_done && !change_->commit_done);
  change_->commit_done = std::move(done);
  Advance();
}

// The next step of a change, when the engine has nothing else to answer.
void EngineHost::Advance() {
  if (status_.state != State::kServing || exchange_ != Exchange::kNone || !change_) return;
  if (!change_->ready_here) {
    if (SendCatalog(change_->catalog, change_->warm)) {
      Ask(Exchange::kPrepare, PrepareTimeout(change_->catalog, change_->warm));
    }
    return;
  }
  if (!change_->commit_done) return;
  ipc::ToEngine message;
  message.mutable_commit()->set_catalog_version(change_->catalog.version);
  asked_version_ = change_->catalog.version;
  if (Send(message)) Ask(Exchange::kCommit, kCommitTimeout);
}

void EngineHost::OnPrepared(const ipc::Prepared& prepared) {
  if (!Answers(Exchange::kPrepare, Exchange::kReplayPrepare, prepared.catalog_version(), "Prepared")) return;
  std::vector<Problem> problems;
  for (const ipc::Problem& problem : prepared.problems()) problems.push_back(names_.ToProblem(problem));
  if (exchange_ == Exchange::kReplayPrepare) return OnReplayPrepared(std::move(problems), prepared);
  exchange_ = Exchange::kNone;
  SetDeadline(0);
  if (!problems.empty()) {
    AbortInEngine(prepared.catalog_version());
    return FinishPrepare(std::move(problems));
  }
  change_->ready_here = true;
  if (change_->prepare_done) {
    // The callee may go on with the change at once.
    std::exchange(change_->prepare_done, nullptr)(std::vector<Problem>{});
  } else {
    Advance();
  }
}

void EngineHost::OnReplayPrepared(std::vector<Problem> problems, const ipc::Prepared& prepared) {
  if (problems.empty()) {
    ipc::ToEngine message;
    message.mutable_commit()->set_catalog_version(committed_->version);
    if (Send(message)) Ask(Exchange::kReplayCommit, kCommitTimeout);
    return;
  }
  bool fewer = false;
  for (int i = 0; i < prepared.problems_size(); ++i) {
    ZTS_LOG(kError) << Title(problems[i].function, problems[i].number) << " cannot be served by the new engine: "
                    << problems[i].message;
    const uint64_t version_id = prepared.problems(i).version_id();
    if (version_id != 0 && refused_.insert(version_id).second) fewer = true;
  }
  AbortInEngine(prepared.catalog_version());
  if (fewer) return Replay();
  // Nobody in particular is to blame, so leaving somebody out does not help. The controller's next catalog may.
  ZTS_LOG(kError) << "the new engine refuses catalog " << committed_->version << "; nothing is served until the next one";
  status_.serves_catalog = false;
  Serve();
}

void EngineHost::OnCommitted(const ipc::Committed& committed) {
  if (!Answers(Exchange::kCommit, Exchange::kReplayCommit, committed.catalog_version(), "Committed")) return;
  const bool replayed = exchange_ == Exchange::kReplayCommit;
  feed_.Committed();
  if (!replayed) {
    committed_ = std::move(change_->catalog);
    AdoptCommitted();
  }
  status_.serves_catalog = true;
  status_.catalog_version = committed_->version;
  if (replayed && status_.starts > 1) {
    ZTS_LOG(kInfo) << Self() << " serves catalog " << committed_->version << " with "
                   << committed_->functions.size() << " functions, "
                   << (world_.clock->Now() - started_at_) / kMillisecond << " ms after its start";
  }
  if (replayed) return Serve();
  exchange_ = Exchange::kNone;
  SetDeadline(0);
  Publish();
  // The callee may begin the next change at once.
  FinishCommit({});
}

// The engine forgets what the committed catalog does not name, and so does the host.
void EngineHost::AdoptCommitted() {
  const std::set<uint64_t> ids = CommittedIds();
  std::set<std::string> functions;
  for (const FunctionSpecPtr& spec : committed_->functions) functions.insert(spec->function);
  std::erase_if(refused_, [&ids](uint64_t id) { return ids.count(id) == 0; });
  quarantine_.Retain(ids);
  ListQuarantined();
  // What belongs to all engines follows the whole catalog.
  if (setup_.listeners.empty()) return;
  world_.rows->Retain(functions);
  if (world_.egress != nullptr) world_.egress->Retain(ids);
  std::set<uint64_t> split;
  for (const SplitSpec& one : committed_->splits) split.insert({one.active->version_id, one.canary->version_id});
  world_.version_rows->Retain(split);
}

void EngineHost::Forget() {
  if (!change_) return;
  ZTS_CHECK(!change_->prepare_done && !change_->commit_done);
  AbortInEngine(change_->catalog.version);
  change_.reset();
}

void EngineHost::Adopt(CatalogSpec catalog) {
  Forget();
  committed_ = std::move(catalog);
  AdoptCommitted();
  if (status_.state == State::kServing) Replay();
}

void EngineHost::SetMemoryBudget(uint64_t bytes) {
  if (bytes == memory_budget_bytes_) return;
  memory_budget_bytes_ = bytes;
  ipc::ToEngine message;
  message.mutable_set_memory_budget()->set_bytes(bytes);
  Send(message);
}

void EngineHost::AbortInEngine(uint64_t catalog_version) {
  if (status_.state != State::kServing && status_.state != State::kReplaying) return;
  feed_.Aborted();
  ipc::ToEngine message;
  message.mutable_abort()->set_catalog_version(catalog_version);
  Send(message);
}

// The change has ended before its Commit was done.
void EngineHost::FinishPrepare(Result<std::vector<Problem>> result) {
  Change change = std::move(*change_);
  change_.reset();
  if (change.prepare_done) return change.prepare_done(std::move(result));
  if (!change.commit_done) return;
  if (!result.ok()) return change.commit_done(std::move(result).error());
  std::string why = "the catalog could not be prepared again on a new engine";
  for (const Problem& problem : *result) why += "; " + Title(problem.function, problem.number) + ": " + problem.message;
  change.commit_done(Error{ErrorCode::kUnavailable, why});
}

void EngineHost::FinishCommit(Status status) {
  CommitDone done = std::move(change_->commit_done);
  change_.reset();
  done(std::move(status));
}

void EngineHost::AbandonChange(Error error) {
  if (change_) FinishPrepare(std::move(error));
}

// --- questions -----------------------------------------------------------------------------------

void EngineHost::AskJit(const std::string& function, Nanos watch, JitSurveys::Done done) {
  if (status_.state != State::kServing || !committed_ || !status_.serves_catalog) {
    return done({.watch = watch, .versions = {}, .threads_silent = 0,
                 .problem = "the engine is " + std::string(EngineStateName(status_.state)) + "; ask again when it serves"});
  }
  JitSurveys::Subject subject{.function = function, .numbers = {},
                              .threads = setup_.threads()};
  const auto add = [&](const FunctionSpecPtr& spec) {
    if (spec->function == function && ClassOf(*spec) == 0u) subject.numbers[spec->version_id] = spec->number;
  };
  for (const FunctionSpecPtr& spec : committed_->functions) add(spec);
  for (const SplitSpec& split : committed_->splits) add(split.canary);
  if (subject.numbers.empty()) {
    return done({.watch = watch, .versions = {}, .threads_silent = 0, .problem = "this worker does not serve the function"});
  }
  if (const auto question = surveys_.Begin(std::move(subject), watch, std::move(done))) Send(*question);
}

// --- dying ---------------------------------------------------------------------------------------

void EngineHost::OnExit(uint64_t generation, ExitStatus exit) {
  if (generation != generation_ || process_ == nullptr) return;
  process_.reset();
  const pid_t pid = std::exchange(status_.pid, 0);
  const Exchange during = std::exchange(exchange_, Exchange::kNone);
  surveys_.EndAll("the engine has ended meanwhile");
  status_.serves_catalog = false;
  if (change_) change_->ready_here = false;
  if (status_.state == State::kDraining) {
    ZTS_LOG(kInfo) << EngineTitle(pid, setup_.class_name) << " has ended: " << exit.ToString();
    counters_.ResetGauges();
    return Stopped();
  }

  Death death{.pid = pid, .of = setup_.class_name, .exit = exit, .unresponsive = unresponsive_.value_or(""), .fatal = LastWords(),
              .in = ""};
  ++status_.deaths[static_cast<int>(death.Cause())];
  // The gauges still say who was in flight.
  const uint64_t suspect = Suspect(death.Cause());
  counters_.ResetGauges();
  if (const VersionNames::Name* name = names_.Find(suspect)) death.in = Title(name->function, name->number);
  status_.last_death = death.Sentence();
  const auto culprit = suspect != 0 ? RestartPolicy::Culprit::kVersion : RestartPolicy::Culprit::kUnknown;
  const Nanos delay = restart_policy_.OnDeath(world_.clock->Now() - started_at_, culprit);
  ZTS_LOG(kError) << status_.last_death << (delay == 0 ? "; a new one starts at once"
                                                       : "; a new one starts in " +
                                                             std::to_string(delay / kMillisecond) + " ms");
  if (suspect != 0) Blame(suspect);
  // Whoever is told of the change's end finds the engine's.
  Publish();
  if (change_ && (during == Exchange::kPrepare || during == Exchange::kCommit)) CountAgainstChange(suspect);
  if (delay == 0) return Launch();
  SetDeadline(delay);
  SetState(State::kBackoff);
}

std::string EngineHost::LastWords() const {
  if (!fatal_) return "";
  return fatal_->reason().empty() ? "it gave no reason" : fatal_->reason();
}

// The version that took the engine down: the one it named, or, in a crash without a word, the only one that was running. 0: unknown.
uint64_t EngineHost::Suspect(DeathCause cause) const {
  if (fatal_) return fatal_->version_id();
  if (cause != DeathCause::kCrashed || !committed_) return 0;
  return counters_.OnlyRunning(*committed_);
}

void EngineHost::Blame(uint64_t version_id) {
  const bool barred = quarantine_.OnDeath(version_id, world_.clock->Now());
  const VersionNames::Name* name = names_.Find(version_id);
  if (name == nullptr) return;
  const auto& [function, number] = *name;
  ReportToTenant(function, number, "error",
                 "this version ended the engine process of worker " + setup_.worker_name + ", with all requests in it: " +
                     (fatal_ ? LastWords() : "it was the only one that ran when the process crashed"));
  if (!barred) return;
  const std::string message = "barred from worker " + setup_.worker_name + ": this version ended the engine " +
                              std::to_string(Quarantine::kDeathsMax) +
                              " times within a minute. Other functions go on; deploy another version, or go back to one, to serve this "
                              "function again";
  ZTS_LOG(kError) << Title(function, number) << " is " << message;
  ListQuarantined();
  ReportToTenant(function, number, "error", message);
}

bool EngineHost::Pardon(const std::set<uint64_t>& version_ids) {
  bool any = false;
  for (uint64_t version_id : version_ids) {
    any |= refused_.erase(version_id) > 0;
    if (!quarantine_.Pardon(version_id)) continue;
    any = true;
    const VersionNames::Name* name = names_.Find(version_id);
    if (name == nullptr) continue;
    const std::string message = "gets requests again and so another chance on worker " + setup_.worker_name +
                                ", where it was barred for ending the engine: " + std::to_string(Quarantine::kDeathsMax) +
                                " more such deaths within a minute bar it again";
    ZTS_LOG(kWarning) << Title(name->function, name->number) << " " << message;
    ReportToTenant(name->function, name->number, "warn", "this version " + message);
  }
  if (!any) return false;
  ListQuarantined();
  Publish();
  return true;
}

void EngineHost::ListQuarantined() {
  status_.quarantined.clear();
  for (uint64_t version_id : quarantine_.held()) {
    if (const VersionNames::Name* name = names_.Find(version_id)) status_.quarantined.emplace_back(name->function, name->number);
  }
}

// An engine that dies over a change is not asked for ever.
void EngineHost::CountAgainstChange(uint64_t version_id) {
  if (++change_->deaths < kChangeDeathsMax) return;
  Problem problem;
  problem.kind = "engine-died";
  problem.message = "the engine died " + std::to_string(kChangeDeathsMax) + " times while this was made ready; last: " +
                    status_.last_death;
  // Without a name, a change that brings one new version brings the culprit.
  if (version_id == 0 && change_->warm.size() == 1) version_id = change_->warm.front();
  if (const VersionNames::Name* name = names_.Find(version_id)) {
    problem.function = name->function;
    problem.number = name->number;
  }
  FinishPrepare(std::vector<Problem>{problem});
}

// --- stopping ------------------------------------------------------------------------------------

void EngineHost::ShareListeners(bool shared) {
  listeners_shared_ = shared;
  if (process_ != nullptr) SendShared();
}

bool EngineHost::SendShared() {
  ipc::ToEngine message;
  message.mutable_share_listeners()->set_shared(listeners_shared_);
  return Send(message);
}

void EngineHost::Drain(Nanos timeout, std::function<void()> done) {
  drain_done_ = std::move(done);
  const bool alive = process_ != nullptr;
  SetState(State::kDraining);
  AbandonChange({ErrorCode::kAborted, "the worker is stopping"});
  surveys_.EndAll("the worker is stopping");
  if (!alive) return Stopped();
  ipc::ToEngine message;
  message.mutable_drain()->set_timeout_ms(static_cast<uint32_t>(timeout / kMillisecond));
  SetDeadline(timeout + kDrainGrace);
  Send(message);
}

void EngineHost::Kill() {
  if (process_ != nullptr) process_->Kill();
}

void EngineHost::Stopped() {
  SetDeadline(0);
  SetState(State::kStopped);
  if (drain_done_) std::exchange(drain_done_, nullptr)();
}

// --- events --------------------------------------------------------------------------------------

void EngineHost::OnMessage(uint64_t generation, ipc::FromEngine message) {
  if (generation != generation_ || process_ == nullptr) return;
  if (message.has_logs()) return world_.observer->OnLogs(names_.ToRecords(message.logs()));
  if (message.has_jit()) return surveys_.OnAnswer(message.jit());
  if (message.has_fatal()) {
    fatal_ = message.fatal();
    return;
  }
  // A drain has overtaken whatever was asked.
  if (status_.state == State::kDraining || unresponsive_) return;
  if (message.has_ready()) return OnReady(message.ready());
  if (message.has_prepared()) return OnPrepared(message.prepared());
  if (message.has_committed()) return OnCommitted(message.committed());
  EndUnresponsive("sent a message that nobody understands");
}

void EngineHost::OnTime() {
  surveys_.OnTime();
  if (deadline_ == 0 || world_.clock->Now() < deadline_) return;
  deadline_ = 0;
  switch (status_.state) {
    case State::kBackoff: return Launch();
    case State::kStarting: return EndUnresponsive("was not ready in time");
    case State::kReplaying:
    case State::kServing: return EndUnresponsive("did not answer in time");
    case State::kDraining:
      ZTS_LOG(kWarning) << Self() << " has not drained in time; it is ended";
      return Kill();
    case State::kIdle:
    case State::kStopped: return;
  }
}

Nanos EngineHost::NextDeadline() const {
  const Nanos survey = surveys_.NextDeadline();
  return deadline_ == 0 || survey == 0 ? std::max(deadline_, survey) : std::min(deadline_, survey);
}

void EngineHost::SetState(State state) {
  status_.state = state;
  Publish();
}

void EngineHost::SetDeadline(Nanos after) { deadline_ = after == 0 ? 0 : world_.clock->Now() + after; }

void EngineHost::Publish() { world_.observer->OnStatus(status_); }

// --- small things --------------------------------------------------------------------------------

// None: the engine goes without it. 0: it runs it.
std::optional<uint32_t> EngineHost::ClassOf(const FunctionSpec& spec) const {
  if (quarantine_.Holds(spec.version_id) || refused_.count(spec.version_id) > 0) return std::nullopt;
  return world_.class_of != nullptr ? world_.class_of(spec) : 0;
}

std::set<uint64_t> EngineHost::LeftOutIds() const {
  std::set<uint64_t> ids = quarantine_.held();
  ids.insert(refused_.begin(), refused_.end());
  return ids;
}

Nanos EngineHost::PrepareTimeout(const CatalogSpec& catalog, const std::vector<uint64_t>& warm) const {
  Nanos timeout = kPrepareTimeout;
  catalog.ForEach([&](const FunctionSpecPtr& spec) {
    if (std::find(warm.begin(), warm.end(), spec->version_id) == warm.end()) return;
    const Nanos startup = spec->startup_cpu > 0 ? spec->startup_cpu : kStartupCpuDefault;
    timeout += startup * Nanos{setup_.shards()};
  });
  return timeout;
}

void EngineHost::ReportToTenant(const std::string& function, uint64_t number, const std::string& severity, const std::string& message) {
  LogRecord record;
  record.time = world_.clock->WallNow();
  record.function = function;
  record.number = number;
  record.severity = severity;
  record.message = message;
  std::vector<LogRecord> records;
  records.push_back(std::move(record));
  world_.observer->OnLogs(std::move(records));
}

}  // namespace zts::supervisor
