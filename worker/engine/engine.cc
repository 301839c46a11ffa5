#include "worker/engine/engine.h"

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/log.h"
#include "worker/engine/jit_message.h"
#include "worker/engine/limits.h"

namespace zts {
namespace {

Error Nonsense(std::string what) { return Invalid("from the supervisor: " + std::move(what)); }

Result<net::IoBackend> ParseBackend(const std::string& name) {
  if (name == "auto" || name.empty()) return net::IoBackend::kAuto;
  if (name == "uring") return net::IoBackend::kUring;
  if (name == "epoll") return net::IoBackend::kEpoll;
  return Nonsense("no I/O back end is called \"" + name + "\"");
}

uint64_t RandomSeed() {
  uint64_t seed = 0;
  // Request ids need to differ between engines, not to be secret.
  if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) seed = static_cast<uint64_t>(SystemClock().WallNow());
  return seed;
}

ipc::Problem ToMessage(uint64_t version_id, const js::Outcome& outcome) {
  ipc::Problem problem;
  problem.set_version_id(version_id);
  problem.set_kind(std::string(js::OutcomeName(outcome.kind)));
  problem.set_message(outcome.message);
  problem.set_file(outcome.file);
  problem.set_line(outcome.line);
  problem.set_column(outcome.column);
  problem.set_source_line(outcome.source_line);
  problem.set_stack(outcome.stack);
  return problem;
}

// Gathers what the shards answer; whoever is last calls `done`.
class Gathering {
 public:
  using Done = std::function<void(std::map<uint64_t, ipc::Problem>)>;
  Gathering(size_t shards, Done done) : left_(shards), done_(std::move(done)) {}

  // Each problem of a version is told once, whichever shard meets it first.
  void Add(const std::vector<Shard::Problem>& problems) {
    std::lock_guard lock(mutex_);
    for (const Shard::Problem& problem : problems) {
      problems_.try_emplace(problem.version_id, ToMessage(problem.version_id, problem.outcome));
    }
    if (--left_ == 0) done_(std::move(problems_));
  }

 private:
  std::mutex mutex_;
  size_t left_;
  Done done_;
  std::map<uint64_t, ipc::Problem> problems_;
};

}  // namespace

Engine::Engine(Options options)
    : options_(std::move(options)), channel_(std::move(options_.channel)), outbox_(&channel_, &logs_) {}

Engine::~Engine() = default;

int Engine::Run() {
  int code = kExitDrained;
  for (;;) {
    auto received = channel_.Receive();
    if (!received.ok()) {
      // Closed by us (drained), or the supervisor is gone: an engine does not live on without one.
      if (draining_ == Draining::kNo && !shards_.empty()) {
        ZTS_LOG(kWarning) << "the supervisor is gone; finishing what is in flight";
        Drain(kDrainTimeout);
      }
      break;
    }
    ipc::ToEngine message;
    Status handled = message.ParseFromString(received->bytes) ? Handle(message, std::move(received->descriptor))
                                                              : Status(Nonsense("a message that cannot be parsed"));
    if (handled.ok()) continue;
    ZTS_LOG(kError) << handled.error().message;
    code = handled.error().code == ErrorCode::kInvalid ? kExitProtocol : kExitStart;
    break;
  }
  End();
  return code;
}

Status Engine::Handle(const ipc::ToEngine& message, UniqueFd descriptor) {
  if (message.has_configure()) return Configure(message.configure(), std::move(descriptor));
  if (message.has_add_listener()) return AddListener(message.add_listener(), std::move(descriptor));
  if (shards_.empty()) return Nonsense("a message before the shards run");
  if (message.has_connect_egress()) return ConnectEgress(message.connect_egress(), std::move(descriptor));
  if (message.has_connect_class()) return ConnectClass(message.connect_class(), std::move(descriptor));
  if (message.has_connect_front()) return ConnectFront(message.connect_front(), std::move(descriptor));
  if (message.has_set_memory_budget()) return SetMemoryBudget(message.set_memory_budget());
  if (message.has_add_function()) return functions_.Add(message.add_function(), std::move(descriptor));
  if (message.has_prepare()) return Prepare(message.prepare());
  if (message.has_commit()) return Commit(message.commit());
  if (message.has_abort()) return Abort(message.abort());
  if (message.has_drain()) {
    Drain(message.drain().timeout_ms() * kMillisecond);
    return {};
  }
  if (message.has_ask_jit()) return AskJit(message.ask_jit());
  if (message.has_share_listeners()) {
    successor_ = message.share_listeners().shared() ? Shard::Successor::kAccepts : Shard::Successor::kNone;
    return {};
  }
  return Nonsense("a message of no kind");
}

// ---- start ------------------------------------------------------------------------------------------------------------------

Status Engine::Configure(const ipc::Configure& configure, UniqueFd counters) {
  if (counters_ != nullptr) return Nonsense("Configure twice");
  ZTS_ASSIGN_OR_RETURN(counters_, ipc::SharedCounters::Map(std::move(counters)));
  const uint64_t shards = configure.shards(), offloads = configure.offload_threads();
  if (shards == 0) return Nonsense("no shards");
  if (configure.first_counters() + shards + offloads > counters_->shards()) return Nonsense("more threads than blocks of counters");
  configure_ = configure;
  ZTS_ASSIGN_OR_RETURN(factory_, options_.make_factory(configure.snapshot_path()));
  if (configure.memory_budget_bytes() > 0) {
    budget_ = std::make_unique<runtime::MemoryBudget>(configure.memory_budget_bytes(), configure.shards() + configure.offload_threads());
  }
  watchdog_ = std::make_unique<runtime::Watchdog>([this](uint64_t version_id) { OnStuck(version_id); });
  factory_->SetLastWords([this](std::string_view reason) { SayLastWords(watchdog_->VersionInTurnHere(), reason); });
  warmup_ = std::make_unique<runtime::Warmup>(factory_.get(), watchdog_.get(), nullptr, runtime::Warmup::Mode::kThread, budget_.get());
  if (!configure.without_listeners()) return {};
  listeners_.resize(shards);
  return Begin();
}

Status Engine::AddListener(const ipc::AddListener& add, UniqueFd listener) {
  if (counters_ == nullptr || !shards_.empty()) return Nonsense("AddListener at the wrong time");
  if (add.shard() != listeners_.size() || !listener.valid()) return Nonsense("AddListener out of order or without a socket");
  listeners_.push_back(std::move(listener));
  return listeners_.size() < configure_.shards() ? Status() : Begin();
}

Status Engine::Begin() {
  ZTS_RETURN_IF_ERROR(StartShards());
  watchdog_->Start();
  warmup_->WaitUntilStocked();
  EnterSandbox();
  SendReady();
  return {};
}

Status Engine::ConnectEgress(const ipc::ConnectEgress& connect, UniqueFd socket) {
  const size_t offloads = offloads_ != nullptr ? offloads_->count() : 0;
  if (connect.shard() >= shards_.size() + offloads || !socket.valid()) {
    return Nonsense("ConnectEgress of no shard or without a socket");
  }
  if (connect.shard() >= shards_.size()) {
    offloads_->ConnectEgress(connect.shard() - static_cast<uint32_t>(shards_.size()), std::move(socket));
    return {};
  }
  // A task must be copyable.
  auto shared = std::make_shared<UniqueFd>(std::move(socket));
  shards_[connect.shard()]->Post([shared](Shard& self) { self.ConnectEgress(std::move(*shared)); });
  return {};
}

Status Engine::ConnectClass(const ipc::ConnectClass& connect, UniqueFd socket) {
  const uint32_t engine_class = connect.engine_class();
  if (connect.shard() >= shards_.size() || engine_class == 0 || engine_class > kEngineClassesMax || !socket.valid()) {
    return Nonsense("ConnectClass of no shard, of no class or without a socket");
  }
  auto shared = std::make_shared<UniqueFd>(std::move(socket));
  shards_[connect.shard()]->Post([engine_class, shared](Shard& self) { self.ConnectClass(engine_class, std::move(*shared)); });
  return {};
}

Status Engine::ConnectFront(const ipc::ConnectFront& connect, UniqueFd socket) {
  if (connect.shard() >= shards_.size() || !configure_.without_listeners() || !socket.valid()) {
    return Nonsense("ConnectFront of no shard, to an engine with listeners or without a socket");
  }
  auto shared = std::make_shared<UniqueFd>(std::move(socket));
  shards_[connect.shard()]->Post([shared](Shard& self) { self.ConnectFront(std::move(*shared)); });
  return {};
}

Status Engine::SetMemoryBudget(const ipc::SetMemoryBudget& set) {
  if (budget_ == nullptr || set.bytes() == 0) return Nonsense("SetMemoryBudget without a budget");
  budget_->SetBytes(set.bytes());
  return {};
}

Status Engine::StartShards() {
  ZTS_ASSIGN_OR_RETURN(const net::IoBackend backend, ParseBackend(configure_.io()));
  if (configure_.offload_threads() > 0) ZTS_RETURN_IF_ERROR(StartOffloadThreads());
  if (!configure_.without_listeners()) balance_ = std::make_unique<ConnectionBalance>(configure_.shards());
  for (uint32_t index = 0; index < configure_.shards(); ++index) {
    ShardThread::Options options;
    options.index = index;
    options.io = backend;
    if (index < static_cast<uint32_t>(configure_.cpus_size())) options.cpu = configure_.cpus(static_cast<int>(index));
    options.cores = cores_.shards;
    options.listener = std::move(listeners_[index]);
    options.warmup = warmup_.get();
    options.watchdog = watchdog_.get();
    options.counters = &counters_->shard(configure_.first_counters() + index);
    options.logs = &logs_;
    options.offload = offloads_.get();
    options.budget = budget_.get();
    options.balance = balance_.get();
    // Shards have something to tell once they listen: all of them are there by then, and until the last one's loop has ended.
    options.tell = [this](uint32_t shard, std::function<void(Shard&)> task) { shards_[shard]->Post(std::move(task)); };
    options.request_seed = RandomSeed();
    ZTS_ASSIGN_OR_RETURN(auto shard, ShardThread::Start(std::move(options)));
    shards_.push_back(std::move(shard));
  }
  return {};
}

// Their counters stand behind the shards'.
Status Engine::StartOffloadThreads() {
  const std::vector<uint32_t> pinned(configure_.cpus().begin(), configure_.cpus().end());
  cores_ = SplitCores(AllowedCores(), pinned, {configure_.shards(), configure_.offload_threads()}, static_cast<uint32_t>(::getpid()));
  std::vector<ipc::ShardCounters*> counters;
  for (uint32_t index = 0; index < configure_.offload_threads(); ++index) {
    counters.push_back(&counters_->shard(configure_.first_counters() + configure_.shards() + index));
  }
  ZTS_ASSIGN_OR_RETURN(offloads_, offload::OffloadThreads::Start({.counters = std::move(counters),
                                                                  .cores = cores_.offloads,
                                                                  .warmup = warmup_.get(),
                                                                  .watchdog = watchdog_.get(),
                                                                  .logs = &logs_,
                                                                  .budget = budget_.get()}));
  // What they do is for functions that are hot or make much garbage, which do not ask for it on a shard's time.
  if (options_.helper_threads) {
    for (const pid_t thread : options_.helper_threads()) BindThread(thread, cores_.offloads);
  }
  return {};
}

// Functions come after Ready: what runs until now is ours alone.
void Engine::EnterSandbox() {
  if (!options_.enter_sandbox) {
    ZTS_LOG(kWarning) << "seccomp is switched off: tenants' code that gets out of V8 may make every system call";
    return;
  }
  const Status entered = options_.enter_sandbox(configure_.without_listeners() ? Options::Accepts::kNothing
                                                                               : Options::Accepts::kConnections);
  sandboxed_ = entered.ok();
  if (!entered.ok()) {
    ZTS_LOG(kWarning) << "no seccomp filter, the engine goes on without: " << entered.error().message;
  }
}

void Engine::SendReady() {
  const net::IoFeatures& features = shards_[0]->io_features();
  ipc::FromEngine message;
  ipc::Ready* ready = message.mutable_ready();
  ready->set_io_backend(features.backend);
  for (const auto& [name, on] : features.features) ready->add_io_features(name + (on ? "=1" : "=0"));
  ready->set_artifact_key(options_.artifact_key());
  ready->set_sandboxed(sandboxed_);
  outbox_.Send(message);
}

// ---- catalogs ---------------------------------------------------------------------------------------------------------------

Status Engine::Prepare(const ipc::Prepare& prepare) {
  std::vector<route::FunctionSpec> specs;
  for (uint64_t id : prepare.version_ids()) {
    const route::FunctionSpec* spec = functions_.Find(id);
    if (spec == nullptr) return Nonsense("Prepare names version " + std::to_string(id) + ", which was never added");
    specs.push_back(*spec);
  }
  route::Catalog::Besides besides;
  for (uint64_t id : prepare.besides()) {
    const route::FunctionSpec* spec = functions_.Find(id);
    if (spec == nullptr) return Nonsense("Prepare names version " + std::to_string(id) + ", which was never added");
    besides.versions.push_back(*spec);
  }
  for (const ipc::Split& split : prepare.splits()) {
    if (split.sticky() > static_cast<uint32_t>(route::Sticky::kPeer)) return Nonsense("a split by nothing known");
    besides.splits.push_back({split.active(), split.canary(), split.share(), static_cast<route::Sticky>(split.sticky()),
                              split.sticky_name(), split.active_row(), split.canary_row()});
  }
  const uint64_t version = prepare.catalog_version();
  auto built = route::Catalog::Build(version, std::move(specs), std::move(besides));
  if (!built.ok()) {
    ipc::FromEngine message;
    message.mutable_prepared()->set_catalog_version(version);
    ipc::Problem* problem = message.mutable_prepared()->add_problems();
    problem->set_kind("catalog");
    problem->set_message(built.error().message);
    outbox_.Send(message);
    return {};
  }
  const route::CatalogPtr catalog = std::move(built).value();
  prepared_[version] = catalog;
  auto gathering = std::make_shared<Gathering>(shards_.size(), [this, version](std::map<uint64_t, ipc::Problem> problems) {
    ipc::FromEngine message;
    message.mutable_prepared()->set_catalog_version(version);
    for (auto& [id, problem] : problems) *message.mutable_prepared()->add_problems() = std::move(problem);
    outbox_.Send(message);
  });
  const std::vector<uint64_t> warm(prepare.warm().begin(), prepare.warm().end());
  for (auto& shard : shards_) {
    shard->Post([catalog, warm, gathering](Shard& self) {
      self.Prepare(catalog, warm, [gathering](std::vector<Shard::Problem> problems) { gathering->Add(problems); });
    });
  }
  return {};
}

Status Engine::Commit(const ipc::Commit& commit) {
  const uint64_t version = commit.catalog_version();
  const auto found = prepared_.find(version);
  if (found == prepared_.end()) return Nonsense("Commit of a catalog that is not prepared");
  committed_ = found->second;
  prepared_.erase(prepared_.begin(), std::next(found));
  ForgetUnnamed();
  auto gathering = std::make_shared<Gathering>(shards_.size(), [this, version](std::map<uint64_t, ipc::Problem>) {
    ipc::FromEngine message;
    message.mutable_committed()->set_catalog_version(version);
    outbox_.Send(message);
  });
  for (auto& shard : shards_) {
    shard->Post([version, gathering](Shard& self) {
      const Status committed = self.Commit(version);
      if (!committed.ok()) {
        // A socket that cannot be listened on: no shard may believe that it serves.
        ZTS_LOG(kError) << "commit of catalog " << version << ": " << committed.error().message;
        ::_exit(kExitStart);
      }
      gathering->Add({});
    });
  }
  return {};
}

Status Engine::Abort(const ipc::Abort& abort) {
  const uint64_t version = abort.catalog_version();
  prepared_.erase(version);
  ForgetUnnamed();
  for (auto& shard : shards_) {
    shard->Post([version](Shard& self) { self.Abort(version); });
  }
  return {};
}

void Engine::ForgetUnnamed() {
  std::set<uint64_t> named;
  const auto add = [&named](const route::CatalogPtr& catalog) {
    for (const route::Entry& entry : catalog->entries()) named.insert(entry.version_id);
    for (const route::Entry& entry : catalog->standby()) named.insert(entry.version_id);
  };
  if (committed_ != nullptr) add(committed_);
  for (const auto& [version, catalog] : prepared_) add(catalog);
  functions_.Retain(named);
}

// ---- what V8 has made of functions --------------------------------------------------------------------------------------------

// Each thread answers for itself, when it comes to it: one in a long turn keeps no other waiting.
Status Engine::AskJit(const ipc::AskJit& ask) {
  const std::vector<uint64_t> ids(ask.version_ids().begin(), ask.version_ids().end());
  const auto question = [this, id = ask.id(), ids, watch = ask.watch_ns()](JitSurvey& jit, uint32_t thread) {
    jit.Ask(ids, watch, [this, id, thread](const std::vector<VersionJit>& versions) { outbox_.Send(ToMessage(id, thread, versions)); });
  };
  uint32_t thread = 0;
  for (auto& shard : shards_) {
    shard->Post([question, thread = thread++](Shard& self) { question(self.jit(), thread); });
  }
  for (uint32_t index = 0; offloads_ != nullptr && index < offloads_->count(); ++index, ++thread) {
    const bool asked = offloads_->PostIfRunning(index, [question, thread](offload::OffloadHost& host) { question(host.jit(), thread); });
    if (!asked) outbox_.Send(ToMessage(ask.id(), thread, {}));
  }
  return {};
}

// ---- the end ----------------------------------------------------------------------------------------------------------------

// Blocks until every shard is drained: nothing else is to be done for the supervisor meanwhile.
void Engine::Drain(Nanos timeout) {
  if (draining_ == Draining::kYes) return;
  draining_ = Draining::kYes;
  std::promise<void> drained;
  auto gathering = std::make_shared<Gathering>(shards_.size(), [&drained](std::map<uint64_t, ipc::Problem>) { drained.set_value(); });
  for (auto& shard : shards_) {
    shard->Post([timeout, successor = successor_, gathering](Shard& self) {
      self.Drain(timeout, successor, [gathering] { gathering->Add({}); });
    });
  }
  drained.get_future().wait();
  ipc::FromEngine message;
  message.mutable_drained();
  outbox_.Finish(&message);
  channel_.Shutdown();
}

// Isolates post to their shard until they are gone: loops, isolates, shards, in this order. So do shards and offload threads.
void Engine::End() {
  for (auto& shard : shards_) shard->EndLoop();
  if (offloads_ != nullptr) offloads_->EndLoops();
  if (warmup_ != nullptr) warmup_->Stop();
  shards_.clear();
  offloads_.reset();
  if (watchdog_ != nullptr) watchdog_->Stop();
  outbox_.Finish();
  channel_.Shutdown();
}

void Engine::SayLastWords(uint64_t version_id, std::string_view reason) {
  ipc::FromEngine message;
  message.mutable_fatal()->set_version_id(version_id);
  message.mutable_fatal()->set_reason(std::string(reason));
  (void)channel_.Send(message.SerializeAsString());
}

// The thread sits in a V8 builtin that does not look at terminations. Nothing but the process's end gets it out.
void Engine::OnStuck(uint64_t version_id) {
  SayLastWords(version_id, "a turn of JavaScript did not end after its limit");
  ZTS_LOG(kError) << "version " << version_id << ": a turn of JavaScript did not end after its limit; the engine ends";
  ::_exit(kExitStuck);
}

}  // namespace zts
