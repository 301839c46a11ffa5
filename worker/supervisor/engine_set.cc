#include "worker/supervisor/engine_set.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "worker/engine/limits.h"
#include "worker/ipc/channel.h"

namespace zts::supervisor {
namespace {

bool SameVersions(const CatalogSpec& a, const CatalogSpec& b) {
  const auto ids = [](const std::vector<FunctionSpecPtr>& specs) {
    std::set<uint64_t> all;
    for (const FunctionSpecPtr& spec : specs) all.insert(spec->version_id);
    return all;
  };
  if (ids(a.functions) != ids(b.functions) || ids(a.standby) != ids(b.standby) || a.splits.size() != b.splits.size()) return false;
  for (size_t i = 0; i < a.splits.size(); ++i) {
    if (a.splits[i].canary->version_id != b.splits[i].canary->version_id) return false;
  }
  return true;
}

// What `before` names, and gives requests in `after` that it did not get: somebody has decided so since, who may know what it did then.
std::set<uint64_t> PutToUse(const CatalogSpec& before, const CatalogSpec& after) {
  std::set<uint64_t> known, active, canaries, put;
  before.ForEach([&](const FunctionSpecPtr& spec) { known.insert(spec->version_id); });
  for (const FunctionSpecPtr& spec : before.functions) active.insert(spec->version_id);
  for (const SplitSpec& split : before.splits) canaries.insert(split.canary->version_id);
  const auto look = [&](const FunctionSpecPtr& spec, const std::set<uint64_t>& had) {
    if (known.count(spec->version_id) > 0 && had.count(spec->version_id) == 0) put.insert(spec->version_id);
  };
  for (const FunctionSpecPtr& spec : after.functions) look(spec, active);
  for (const SplitSpec& split : after.splits) look(split.canary, canaries);
  return put;
}

}  // namespace

// One engine with what is its own. The set may be asked to erase it only between two of its events.
class EngineSet::Unit final : private EngineSink, private HostObserver {
 public:
  Unit(EngineSet* set, uint32_t number, EngineClass of, EngineHost::Setup setup)
      : number_(number), class_(std::move(of)), set_(set), launcher_(set->options_.make_launcher(class_)),
        host_(std::move(setup), WorldOf(set)) {}

  EngineHost& host() { return host_; }
  const EngineHost& host() const { return host_; }
  const EngineClass& of() const { return class_; }
  uint32_t number() const { return number_; }
  bool is_default() const { return number_ == 0; }

  CatalogSpec part;               // committed
  std::optional<CatalogSpec> next;  // prepared, or about to be
  bool comes_later = false;       // its engine need not have prepared it for the commit
  Nanos leave_at = 0;             // nothing is left for it to do; 0: something is
  std::set<uint64_t> left_out;    // that the default engine has been told of
  // Which of the default engines, and which of its own, have sockets to one another: their numbers, by how often each was started.
  std::pair<uint64_t, uint64_t> connected;
  bool leaving = false;           // it drains

 private:
  EngineHost::World WorldOf(EngineSet* set) {
    const Options& options = set->options_;
    EngineHost::World world{options.clock,    launcher_.get(), this,          options.rows, options.version_rows,
                            options.counters, this,            options.egress};
    if (is_default()) world.class_of = [set](const FunctionSpec& spec) { return set->NumberOf(spec); };
    return world;
  }

  // A process's last event comes before its host is done with it, so none finds this gone.
  void OnMessage(uint64_t generation, ipc::FromEngine message) override {
    set_->options_.post([this, generation, message = std::move(message)]() mutable { host_.OnMessage(generation, std::move(message)); });
  }
  void OnExit(uint64_t generation, ExitStatus status) override {
    set_->options_.post([this, generation, status] { host_.OnExit(generation, status); });
  }
  void OnStatus(const EngineStatus&) override {
    set_->LookAtLeftOut(this);
    set_->options_.on_status();
  }
  void OnLogs(std::vector<LogRecord> records) override { set_->options_.on_logs(std::move(records)); }
  void OnServing() override { set_->OnServing(this); }

  const uint32_t number_;
  const EngineClass class_;
  EngineSet* const set_;
  const std::unique_ptr<EngineLauncher> launcher_;
  EngineHost host_;
};

EngineSet::EngineSet(Options options)
    : options_(std::move(options)), default_(std::make_unique<Unit>(this, 0, EngineClass(), options_.setup)) {}
EngineSet::~EngineSet() = default;

void EngineSet::Start() { default_->host().Start(); }

// --- classes -------------------------------------------------------------------------------------

// What the default engine does anyway is no class of its own.
EngineClass EngineSet::ClassOf(const FunctionSpec& spec) const {
  EngineClass of = spec.engine_class;
  if (of.jit == options_.own.jit && of.jit_threshold == options_.own.jit_threshold) {
    of.jit.clear();
    of.jit_threshold = 0;
  }
  return of;
}

// None: there is no engine of its class, or that one goes without it.
std::optional<uint32_t> EngineSet::NumberOf(const FunctionSpec& spec) const {
  const EngineClass of = ClassOf(spec);
  if (of.is_default()) return 0;
  for (const auto& [number, unit] : units_) {
    if (unit->of() != of || unit->leaving) continue;
    return unit->left_out.count(spec.version_id) == 0 ? std::optional(number) : std::nullopt;
  }
  return std::nullopt;
}

EngineSet::Unit* EngineSet::Find(const EngineClass& of) {
  for (const auto& [number, unit] : units_) {
    if (unit->of() == of && !unit->leaving) return unit.get();
  }
  return nullptr;
}

// Null: there are too many.
EngineSet::Unit* EngineSet::Add(const EngineClass& of) {
  uint32_t number = 1;
  while (units_.count(number) > 0) ++number;
  if (number > kEngineClassesMax) return nullptr;
  EngineHost::Setup setup = options_.setup;
  setup.shards_without_listeners = options_.setup.shards();
  setup.listeners.clear();
  setup.first_counters = number * options_.setup.threads();
  setup.class_name = of.Name();
  options_.grow_counters(setup.first_counters + options_.setup.threads());
  Unit* unit = (units_[number] = std::make_unique<Unit>(this, number, of, std::move(setup))).get();
  ZTS_LOG(kInfo) << "engine class " << number << " begins: " << of.Name();
  DivideMemory();
  unit->host().Start();
  return unit;
}

// Versions of one class, with what an engine without routes need not know left out: a canary stands beside the active version where both
// are of the class, and is served like one where it is alone in it.
CatalogSpec EngineSet::PartOf(const CatalogSpec& catalog, const EngineClass& of) const {
  CatalogSpec part;
  part.version = catalog.version;
  const auto mine = [&](const FunctionSpecPtr& spec) { return ClassOf(*spec) == of; };
  std::copy_if(catalog.functions.begin(), catalog.functions.end(), std::back_inserter(part.functions), mine);
  std::copy_if(catalog.standby.begin(), catalog.standby.end(), std::back_inserter(part.standby), mine);
  for (const SplitSpec& split : catalog.splits) {
    if (!mine(split.canary)) continue;
    if (mine(split.active)) {
      part.splits.push_back(split);
    } else {
      part.functions.push_back(split.canary);
    }
  }
  return part;
}

// Engines for all classes that the catalog names. What is new and cannot have one is a problem.
std::vector<Problem> EngineSet::AddClasses(const CatalogSpec& catalog, const std::vector<uint64_t>& warm) {
  std::vector<Problem> problems;
  std::set<EngineClass> told;
  catalog.ForEach([&](const FunctionSpecPtr& spec) {
    const EngineClass of = ClassOf(*spec);
    if (of.is_default() || Find(of) != nullptr || Add(of) != nullptr) return;
    const std::string why = TooMany(of);
    if (told.insert(of).second) {
      ZTS_LOG(kError) << Title(spec->function, spec->number) << ": " << why;
    }
    if (std::find(warm.begin(), warm.end(), spec->version_id) == warm.end()) return;
    Problem problem;
    problem.function = spec->function;
    problem.number = spec->number;
    problem.kind = "engine-classes";
    problem.message = why;
    problems.push_back(std::move(problem));
  });
  return problems;
}

std::string EngineSet::TooMany(const EngineClass& wanted) const {
  std::string names;
  for (const auto& [number, unit] : units_) names += (names.empty() ? "" : ", ") + unit->of().Name();
  return "a worker runs " + std::to_string(kEngineClassesMax) + " engine processes besides its default one, and they are in use (" + names +
         "): there is none for " + wanted.Name() + "; deploy with one of these, or delete the functions of one";
}

// --- changes -------------------------------------------------------------------------------------

void EngineSet::Prepare(CatalogSpec catalog, std::vector<uint64_t> warm, EngineHost::PrepareDone done) {
  if (stopping_) return done(Error{ErrorCode::kAborted, "the worker is stopping"});
  if (change_) ZTS_CHECK(!change_->prepare_done && !change_->commit_done);
  ForgetParts();
  change_.emplace();
  change_->catalog = std::move(catalog);
  change_->warm = std::move(warm);
  change_->prepare_done = std::move(done);
  std::vector<Problem> problems = AddClasses(change_->catalog, change_->warm);
  if (!problems.empty()) return FinishPrepare(std::move(problems));
  const std::set<uint64_t> put_to_use = PutToUse(committed_, change_->catalog);
  default_->host().Pardon(put_to_use);
  std::vector<Unit*> changed;
  for (const auto& [number, unit] : units_) {
    const bool pardons = unit->host().Pardon(put_to_use);
    CatalogSpec part = PartOf(change_->catalog, unit->of());
    // One that has nothing to do with the change is not asked, and does not hold it up. One that is to have nothing is left alone too, and
    // may be asked for it again.
    if (unit->leaving || part.functions.empty() || (!pardons && SameVersions(part, unit->part))) continue;
    unit->next = std::move(part);
    // A worker that starts serves what it can: an engine that does not come up holds up its own class alone.
    unit->comes_later = change_->warm.empty() && unit->part.functions.empty() && !unit->host().serving();
    if (!unit->comes_later) changed.push_back(unit.get());
  }
  change_->parts_left = changed.size();
  if (changed.empty()) return PrepareDefault();
  for (Unit* unit : changed) {
    unit->host().Prepare(*unit->next, change_->warm, [this, unit](Result<std::vector<Problem>> result) {
      OnPartPrepared(unit, std::move(result));
    });
  }
}

void EngineSet::OnPartPrepared(Unit* unit, Result<std::vector<Problem>> result) {
  if (!result.ok() || !result->empty()) unit->next.reset();  // its host has forgotten it
  if (!result.ok()) {
    change_->error = result.error();
  } else {
    for (Problem& problem : *result) change_->problems.push_back(std::move(problem));
  }
  if (--change_->parts_left > 0) return;
  if (change_->error) return FinishPrepare(*std::exchange(change_->error, std::nullopt));
  if (!change_->problems.empty()) return FinishPrepare(std::exchange(change_->problems, {}));
  PrepareDefault();
}

void EngineSet::PrepareDefault() {
  default_->host().Prepare(change_->catalog, change_->warm,
                           [this](Result<std::vector<Problem>> result) { FinishPrepare(std::move(result)); });
}

void EngineSet::FinishPrepare(Result<std::vector<Problem>> result) {
  const EngineHost::PrepareDone done = std::exchange(change_->prepare_done, nullptr);
  if (!result.ok() || !result->empty()) {
    ForgetParts();
    EndChange();
  }
  done(std::move(result));
}

void EngineSet::ForgetParts() {
  for (const auto& [number, unit] : units_) {
    if (std::exchange(unit->next, std::nullopt)) unit->host().Forget();
  }
}

void EngineSet::Commit(EngineHost::CommitDone done) {
  if (stopping_) return done(Error{ErrorCode::kAborted, "the worker is stopping"});
  ZTS_CHECK(change_ && !change_->prepare_done && !change_->commit_done);
  change_->commit_done = std::move(done);
  default_->host().Commit([this](Status status) {
    if (status.ok()) return CommitParts();
    const EngineHost::CommitDone told = std::move(change_->commit_done);
    ForgetParts();
    EndChange();
    told(std::move(status));
  });
}

void EngineSet::CommitParts() {
  committed_ = change_->catalog;
  std::vector<Unit*> changed;
  for (const auto& [number, unit] : units_) {
    if (!unit->next) continue;
    if (!std::exchange(unit->comes_later, false)) {
      changed.push_back(unit.get());
      continue;
    }
    unit->part = *std::exchange(unit->next, std::nullopt);
    unit->host().Adopt(unit->part);
  }
  change_->parts_left = changed.size() + 1;
  for (Unit* unit : changed) {
    unit->part = *std::exchange(unit->next, std::nullopt);
    unit->host().Commit([this, unit](Status status) {
      // The default engine has switched already: there is no way back, and the class's engine is brought there when it can be.
      if (!status.ok() && status.error().code != ErrorCode::kAborted) {
        ZTS_LOG(kError) << "engine class " << unit->number() << ": " << status.error().message;
        unit->host().Adopt(unit->part);
      }
      FinishCommit();
    });
  }
  FinishCommit();
}

void EngineSet::FinishCommit() {
  if (--change_->parts_left > 0) return;
  const EngineHost::CommitDone done = std::move(change_->commit_done);
  EndChange();
  done({});
}

void EngineSet::EndChange() {
  change_.reset();
  LeaveUnused();
  CatchUp();
}

// --- versions that a class goes without --------------------------------------------------------------

// The default engine goes without them too: a function of a class that is in quarantine is as one of the default class, and a canary's
// share is the active version's.
void EngineSet::LookAtLeftOut(Unit* unit) {
  if (unit->is_default()) return;
  std::set<uint64_t> now = unit->host().LeftOutIds();
  const bool more = !std::includes(unit->left_out.begin(), unit->left_out.end(), now.begin(), now.end());
  unit->left_out = std::move(now);
  if (!more) return;
  default_behind_ = true;
  CatchUp();
}

// Another time, where the default engine has something else to do.
void EngineSet::CatchUp() {
  if (!default_behind_ || change_ || stopping_ || !default_->host().serving()) return;
  default_behind_ = false;
  default_->host().Adopt(committed_);
}

// --- the ends of classes ---------------------------------------------------------------------------

// What the default engine has sent before its switch is still on its way.
void EngineSet::LeaveUnused() {
  for (const auto& [number, unit] : units_) {
    const bool used = !PartOf(committed_, unit->of()).functions.empty() || !PartOf(committed_, unit->of()).standby.empty();
    if (used) {
      unit->leave_at = 0;
    } else if (unit->leave_at == 0) {
      unit->leave_at = options_.clock->Now() + kClassLeaveTime;
    }
  }
}

void EngineSet::EraseStopped() {
  const size_t erased = std::erase_if(units_, [](const auto& entry) {
    return entry.second->host().status().state == EngineStatus::State::kStopped;
  });
  if (erased == 0) return;
  DivideMemory();
  options_.on_status();
}

void EngineSet::DivideMemory() {
  const uint64_t whole = options_.setup.memory_budget_bytes;
  if (whole == 0) return;
  const uint64_t part = whole / (1 + units_.size());
  default_->host().SetMemoryBudget(part);
  for (const auto& [number, unit] : units_) unit->host().SetMemoryBudget(part);
}

// --- sockets between engines -----------------------------------------------------------------------

void EngineSet::OnServing(Unit* unit) {
  if (!unit->is_default()) return Connect(unit);
  for (const auto& [number, one] : units_) Connect(one.get());
  CatchUp();
}

// Without a way there requests wait, up to their limit of time.
void EngineSet::Connect(Unit* unit) {
  if (!unit->host().serving() || !default_->host().serving()) return;
  // Another socket would end what is under way on the one that is there.
  const std::pair<uint64_t, uint64_t> ends{default_->host().status().starts, unit->host().status().starts};
  if (unit->connected == ends) return;
  for (uint32_t shard = 0; shard < options_.setup.shards(); ++shard) {
    auto pair = ipc::Channel::MakePair();
    if (!pair.ok()) {
      ZTS_LOG(kError) << "engine class " << unit->number() << " cannot be reached: " << pair.error().message;
      return;
    }
    ipc::ToEngine to_class, to_default;
    to_class.mutable_connect_front()->set_shard(shard);
    to_default.mutable_connect_class()->set_shard(shard);
    to_default.mutable_connect_class()->set_engine_class(unit->number());
    if (!unit->host().Tell(to_class, pair->second.get()) || !default_->host().Tell(to_default, pair->first.get())) return;
  }
  unit->connected = ends;
}

// --- the rest --------------------------------------------------------------------------------------

namespace {

// What several engines tell of one function, as one.
struct JitGathering {
  size_t left;
  JitSurvey survey;
  std::string problems;
  JitSurveys::Done done;

  void Add(JitSurvey part) {
    if (!part.problem.empty()) problems += (problems.empty() ? "" : "; ") + part.problem;
    for (VersionJit& version : part.versions) survey.versions.push_back(std::move(version));
    survey.threads_silent += part.threads_silent;
    if (--left > 0) return;
    if (survey.versions.empty()) survey.problem = problems;
    std::sort(survey.versions.begin(), survey.versions.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    done(std::move(survey));
  }
};

}  // namespace

void EngineSet::AskJit(const std::string& function, Nanos watch, JitSurveys::Done done) {
  std::set<Unit*> asked;
  const auto add = [&](const FunctionSpecPtr& spec) {
    if (spec->function != function) return;
    const EngineClass of = ClassOf(*spec);
    Unit* unit = of.is_default() ? default_.get() : Find(of);
    if (unit != nullptr) asked.insert(unit);
  };
  for (const FunctionSpecPtr& spec : committed_.functions) add(spec);
  for (const SplitSpec& split : committed_.splits) add(split.canary);
  if (asked.empty()) asked.insert(default_.get());
  if (asked.size() == 1) return (*asked.begin())->host().AskJit(function, watch, std::move(done));
  auto gathering = std::make_shared<JitGathering>();
  gathering->left = asked.size();
  gathering->survey.watch = watch;
  gathering->done = std::move(done);
  for (Unit* unit : asked) unit->host().AskJit(function, watch, [gathering](JitSurvey part) { gathering->Add(std::move(part)); });
}

void EngineSet::ShareListeners(bool shared) { default_->host().ShareListeners(shared); }

void EngineSet::Drain(Nanos timeout) {
  if (std::exchange(stopping_, true)) return;
  // A change under way ends as each host sees to it; nothing of it is under way when the last has.
  default_->host().Drain(timeout, [this, timeout] { DrainClasses(timeout); });
  if (killed_) DrainClasses(0);
}

void EngineSet::DrainClasses(Nanos timeout) {
  for (const auto& [number, unit] : units_) {
    if (!std::exchange(unit->leaving, true)) unit->host().Drain(timeout, [] {});
  }
}

void EngineSet::Kill() {
  killed_ = true;
  default_->host().Kill();
  // None is to be started again for its death.
  if (stopping_) DrainClasses(0);
  for (const auto& [number, unit] : units_) unit->host().Kill();
}

void EngineSet::OnEgressUp() {
  default_->host().OnEgressUp();
  for (const auto& [number, unit] : units_) unit->host().OnEgressUp();
}

void EngineSet::OnTime() {
  default_->host().OnTime();
  for (const auto& [number, unit] : units_) {
    unit->host().OnTime();
    if (unit->leaving || unit->leave_at == 0 || options_.clock->Now() < unit->leave_at) continue;
    if (change_ && unit->next) continue;  // a change that is about to be made needs it
    ZTS_LOG(kInfo) << "engine class " << number << " ends: no function is left in it";
    unit->leaving = true;
    unit->host().Drain(kDrainTimeout, [] {});
  }
  EraseStopped();
}

Nanos EngineSet::NextDeadline() const {
  Nanos next = default_->host().NextDeadline();
  const auto add = [&next](Nanos due) {
    if (due != 0 && (next == 0 || due < next)) next = due;
  };
  for (const auto& [number, unit] : units_) {
    add(unit->host().NextDeadline());
    if (!unit->leaving && !unit->next) add(unit->leave_at);
  }
  return next;
}

EngineStatus EngineSet::status() const {
  EngineStatus status = default_->host().status();
  if (status.state == EngineStatus::State::kStopped && !units_.empty()) status.state = EngineStatus::State::kDraining;
  return status;
}

std::vector<ClassStatus> EngineSet::classes() const {
  std::vector<ClassStatus> all;
  for (const auto& [number, unit] : units_) all.push_back({number, unit->of().Name(), unit->host().status()});
  return all;
}

}  // namespace zts::supervisor
