#include "worker/supervisor/worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "base/layout.h"
#include "base/log.h"
#include "jsruntime/launch.h"
#include "worker/engine/limits.h"
#include "worker/supervisor/cpu_budget.h"
#include "worker/supervisor/memory_budget.h"

namespace zts::supervisor {
namespace {

// What functions said last has this long to reach the controller after the engine has ended.
constexpr auto kLogFlush = std::chrono::seconds(1);

// A worker that was killed holds its port a moment longer than it lives: the kernel ends an engine's io_uring, and with it the listening
// sockets that wait in it, only after the process is gone. Whoever starts the next worker at once need not know that.
constexpr Nanos kPortWait = 3 * kSecond;
constexpr int kPortRetryMs = 10;

// One descriptor a function and shard more than the usual limit of 1024 allows.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "worker";
}

// Nothing that is secret here, and nothing that would make two workers' functions see different worlds.
std::vector<std::string> EngineEnvironment() {
  std::vector<std::string> environment{"LANG=C.UTF-8", "TZ=UTC", "PATH=/usr/bin:/bin"};
  for (const char* name : {"ZTS_LIBEXEC", "ZTS_SECCOMP", "ZTS_IO_DISABLE"}) {
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

// The class is for people: it is what `ps` shows.
std::vector<std::string> EngineArguments(const WorkerOptions& options, const EngineClass& of) {
  const bool own_policy = of.jit.empty();
  const uint32_t threshold = own_policy ? options.jit_threshold : of.jit_threshold;
  std::vector<std::string> arguments{"--ipc-fd=" + std::to_string(ChildProcess::kGivenFd), "--jit=" + (own_policy ? options.jit : of.jit)};
  if (threshold != 0) arguments.push_back("--jit-threshold=" + std::to_string(threshold));
  if (!of.is_default()) arguments.push_back("--class=" + of.Name());
  return arguments;
}

struct Threads {
  uint32_t shards;
  std::vector<uint32_t> cpus;  // empty: not pinned
};

Result<Threads> PlanThreads(const WorkerOptions& options) {
  const CpuBudget budget = ReadCpuBudget();
  Threads threads{options.threads != 0 ? options.threads : budget.Shards(), {}};
  const bool own_cores =
      threads.shards <= budget.cpus.size() && (!budget.quota || *budget.quota >= static_cast<double>(threads.shards));
  if (options.pin == true && threads.shards > budget.cpus.size()) {
    return Invalid(std::to_string(threads.shards) + " threads cannot be pinned to " + std::to_string(budget.cpus.size()) +
                   " cores; lower --threads or leave --pin out");
  }
  // By itself only where nothing else can be meant: all of the machine's cores.
  if (options.pin.value_or(own_cores && threads.shards == budget.cpus.size())) {
    threads.cpus.assign(budget.cpus.begin(), budget.cpus.begin() + threads.shards);
  }
  return threads;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::Create(const WorkerOptions& options) {
  std::unique_ptr<Worker> worker(new Worker(options));
  ZTS_RETURN_IF_ERROR(worker->Open());
  ZTS_RETURN_IF_ERROR(worker->StartEngines());
  // A predecessor has the admin port until its place is taken.
  if (worker->predecessor_ == nullptr) ZTS_RETURN_IF_ERROR(worker->StartAdmin());
  return worker;
}

Status Worker::Open() {
  RaiseFileLimit();
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is an error of the write, as a full disk is, and no death.
  ::signal(SIGXFSZ, SIG_IGN);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
  events_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_.valid() || !events_.valid()) return Error::FromErrno("signalfd and eventfd");

  ZTS_ASSIGN_OR_RETURN(DataDir data_dir, OpenDataDir());
  if (!options_.ready_file.empty()) ::unlink(options_.ready_file.c_str());
  data_dir_ = std::make_unique<DataDir>(std::move(data_dir));
  name_ = !options_.name.empty() ? options_.name : HostName() + "-" + data_dir_->id();
  ZTS_ASSIGN_OR_RETURN(cache_, DiskCache::Open(data_dir_->path() + "/cache"));
  return {};
}

Result<DataDir> Worker::OpenDataDir() {
  auto data_dir = DataDir::Open(options_.data_dir);
  if (data_dir.ok() || data_dir.error().code != ErrorCode::kExists || !options_.takeover) return data_dir;
  ZTS_ASSIGN_OR_RETURN(predecessor_, Predecessor::Find(options_.data_dir));
  offer_ = predecessor_->TakeOffer();
  return DataDir::Adopt(options_.data_dir, std::move(offer_.lock));
}

Result<net::ListenerSet> Worker::TakeListeners() {
  if (predecessor_ == nullptr) return OpenPort();
  net::ListenerSet set;
  ZTS_ASSIGN_OR_RETURN(set.address, net::ParseSocketAddress(offer_.http_address));
  ZTS_ASSIGN_OR_RETURN(const net::SocketAddress wanted, net::ParseSocketAddress(options_.http));
  if (wanted.port() != 0 && wanted.ToString() != offer_.http_address) {
    return Invalid("the worker that is using " + options_.data_dir + " serves on " + offer_.http_address + ", not on " + options_.http +
                   "; a takeover keeps the address: give the same --http, or end the other worker first");
  }
  set.sockets = std::move(offer_.listeners);
  return set;
}

Result<net::ListenerSet> Worker::OpenPort() {
  ZTS_ASSIGN_OR_RETURN(const net::SocketAddress address, net::ParseSocketAddress(options_.http));
  const Nanos deadline = clock_.Now() + kPortWait;
  for (bool told = false;; told = true) {
    auto listeners = net::OpenListeners(address, shards_);
    if (listeners.ok() || listeners.error().code != ErrorCode::kUnavailable || clock_.Now() >= deadline) return listeners;
    if (!told) {
      ZTS_LOG(kWarning) << listeners.error().message << "; trying for " << kPortWait / kSecond << " s";
    }
    pollfd stop{signals_.get(), POLLIN, 0};
    if (::poll(&stop, 1, kPortRetryMs) > 0) return listeners;
  }
}

Status Worker::StartEngines() {
  WorkerOptions planned = options_;
  if (predecessor_ != nullptr) {
    // The kernel spreads connections over the sockets there are, so each needs its shard.
    planned.threads = static_cast<uint32_t>(offer_.listeners.size());
    if (options_.threads != 0 && options_.threads != planned.threads) {
      return Invalid("the worker that is using " + options_.data_dir + " has " + std::to_string(planned.threads) +
                     " threads; a takeover keeps their number: leave --threads out, or end the other worker first");
    }
  }
  ZTS_ASSIGN_OR_RETURN(const Threads threads, PlanThreads(planned));
  shards_ = threads.shards;
  ZTS_ASSIGN_OR_RETURN(net::ListenerSet listeners, TakeListeners());
  http_address_ = listeners.address.ToString();
  // Shards, and behind them the offload threads; the same again for each class besides the default one.
  const uint32_t offloads = OffloadThreadsOf(shards_);
  const uint32_t blocks = shards_ + offloads;
  ZTS_ASSIGN_OR_RETURN(counters_, ipc::SharedCounters::Create(blocks, blocks * (1 + kEngineClassesMax)));
  rows_ = std::make_unique<CounterRows>(counters_.get(), &clock_);
  windows_ = std::make_unique<FunctionWindows>(counters_.get(), rows_.get());
  version_rows_ = std::make_unique<VersionRows>(counters_.get(), &clock_);

  Engines::Options options;
  ZTS_ASSIGN_OR_RETURN(options.setup.snapshot_path, FindInstalled("web.snapshot"));
  // Found once, so that what is missing is said at the start.
  ZTS_ASSIGN_OR_RETURN(const std::vector<std::string> command, js::HostCommand("engine.node", {}));
  options.setup.io = options_.io;
  options.setup.cpus = threads.cpus;
  options.setup.offload_threads = offloads;
  options.setup.memory_budget_bytes = options_.memory_budget != 0 ? options_.memory_budget : DefaultMemoryBudget(ReadMemoryLimit());
  options.setup.worker_name = name_;
  options.listeners = std::move(listeners.sockets);
  options.listeners_shared = predecessor_ != nullptr;
  options.own = {options_.jit, options_.jit_threshold, ""};
  options.make_launcher = [this, command](const EngineClass& of) {
    std::vector<std::string> whole = command;
    for (std::string& argument : EngineArguments(options_, of)) whole.push_back(std::move(argument));
    return std::make_unique<ProcessLauncher>(std::move(whole), EngineEnvironment());
  };
  options.clock = &clock_;
  options.counters = counters_.get();
  options.rows = rows_.get();
  options.version_rows = version_rows_.get();
  options.on_logs = [this](std::vector<LogRecord> records) { logs_.Add(std::move(records)); };
  options.on_status = [this] { Notify(); };
  ZTS_RETURN_IF_ERROR(MakeEgress());
  options.egress = egress_.get();
  engines_ = std::make_unique<Engines>(std::move(options));
  egress_->Start();
  applier_ = std::make_unique<Applier>(engines_.get(), cache_.get(), [this] { return CacheKey(options_.token_file); });
  ControllerClient::Options client{options_.controller, options_.token_file, name_, http_address_, shards_,
                                   [this] { return engines_->status(); }, [this] { return version_rows_->Take(); },
                                   {options_.tls_ca, options_.tls_cert, options_.tls_key},
                                   [this](const std::string& function, Nanos watch, JitSurveys::Done done) {
                                     engines_->AskJit(function, watch, std::move(done));
                                   }};
  client_ = std::make_unique<ControllerClient>(std::move(client), applier_.get(), &logs_);
  return {};
}

Status Worker::MakeEgress() {
  EgressHost::Options options;
  ZTS_ASSIGN_OR_RETURN(const std::string program, FindInstalled("zts-egress"));
  if (!options_.egress_ca.empty()) {
    ZTS_RETURN_IF_ERROR(ReadFile(options_.egress_ca));
  }
  options.command = {program, "--ipc-fd=" + std::to_string(ChildProcess::kGivenFd)};
  options.environment = {"LANG=C.UTF-8", "TZ=UTC", "PATH=/usr/bin:/bin"};
  options.ca_file = options_.egress_ca;
  options.clock = &clock_;
  options.on_up = [this] { engines_->OnEgressUp(); };
  egress_ = std::make_unique<EgressHost>(std::move(options));
  return {};
}

Status Worker::StartAdmin() {
  admin::Server::Options options;
  options.address = options_.admin;
  if (const auto wanted = net::ParseSocketAddress(options_.admin); wanted.ok() && wanted->port() == 0 && !offer_.admin_address.empty()) {
    options.address = offer_.admin_address;  // whoever scrapes it need not look again
  }
  // Whoever answers lives; an engine that is away comes back by itself.
  options.healthz = [] { return admin::Health{true, "alive"}; };
  options.readyz = [this] { return Readiness(); };
  metrics_ = std::make_shared<Metrics>(counters_.get(), rows_.get(), version_rows_.get(), windows_.get(), [this] { return Figures(); });
  ZTS_ASSIGN_OR_RETURN(admin_, admin::Server::Start(std::move(options)));
  admin_->AddTextSource(metrics_);
  ticker_ = std::make_unique<Ticker>(FunctionWindows::kStep, [this] { OnTick(); });
  return {};
}

// The older worker has closed its end a moment ago.
Status Worker::TakeAdminPort() {
  const Nanos deadline = clock_.Now() + kPortWait;
  for (;;) {
    Status started = StartAdmin();
    if (started.ok() || clock_.Now() >= deadline) return started;
    pollfd stop{signals_.get(), POLLIN, 0};
    if (::poll(&stop, 1, kPortRetryMs) > 0) return started;
  }
}

void Worker::OnTick() { client_->OfferStats(ToMessage(windows_->Step(), FunctionWindows::kStep)); }

Worker::~Worker() {
  ticker_.reset();
  handover_.reset();
  if (relay_thread_.joinable()) {
    predecessor_->Close();
    relay_thread_.join();
  }
  admin_.reset();
  if (client_ != nullptr) client_->Stop();
  if (egress_ != nullptr) egress_->Stop();
  engines_.reset();
}

admin::Health Worker::Readiness() const {
  if (draining_) return {false, "draining"};
  const EngineStatus engine = engines_->status();
  if (!engine.answers()) {
    return {false, "the engine is " + std::string(EngineStateName(engine.state)) +
                       (engine.last_death.empty() ? "" : "; " + engine.last_death)};
  }
  if (!applier_->has_catalog()) return {false, "no catalog yet, neither from the disk nor from the controller"};
  if (!engine.serves_catalog) return {false, "the engine has no catalog yet"};
  return {true, "ready"};
}

WorkerFigures Worker::Figures() const {
  WorkerFigures figures;
  figures.engine = engines_->status();
  figures.classes = engines_->classes();
  figures.egress = egress_->status();
  figures.ready = Readiness().ok;
  const ControllerClient::Status client = client_->status();
  figures.controller_connected = client.connected;
  figures.controller_connects = client.connects;
  figures.controller_failures = client.failures;
  figures.log_records_dropped = logs_.dropped();
  figures.shards = shards_;
  figures.offload_threads = OffloadThreadsOf(shards_);
  return figures;
}

Status Worker::WriteReadyFile() const {
  if (options_.ready_file.empty()) return {};
  // Addresses are digits, dots, colons and brackets: nothing that JSON would escape.
  return WriteFileAtomically(options_.ready_file, "{\"pid\":" + std::to_string(::getpid()) + ",\"http\":\"" + http_address_ +
                                                      "\",\"admin\":\"" + admin_->address() + "\"}\n");
}

void Worker::Notify() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(events_.get(), &one, sizeof one);
}

Worker::Wake Worker::WaitForWake() {
  pollfd sources[] = {{signals_.get(), POLLIN, 0}, {events_.get(), POLLIN, 0}};
  while (::poll(sources, 2, -1) < 0) {
  }
  if ((sources[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == sizeof info) return Wake::kSignal;
  }
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(events_.get(), &count, sizeof count);
  return Wake::kEvent;
}

int Worker::Run() {
  Notify();
  while (WaitForWake() != Wake::kSignal && !replaced_) {
    if (Status advanced = Advance(); !advanced.ok()) {
      ZTS_LOG(kError) << advanced.error().message;
      Drain();
      return 1;
    }
  }
  return Drain();
}

Status Worker::Advance() {
  if (phase_ == Phase::kEngine) {
    // A predecessor takes deploys until there is an engine to serve what it has on disk.
    if (predecessor_ != nullptr) {
      if (engines_->ArtifactKey().empty()) return {};
      if (Status held = predecessor_->Hold(); !held.ok()) {
        ZTS_LOG(kWarning) << "the worker whose place this one takes is gone: " << held.error().message;
      }
    }
    phase_ = Phase::kCatalog;
    LoadCatalog();
  }
  if (phase_ == Phase::kCatalog && started_) {
    phase_ = Phase::kServing;
    if (predecessor_ != nullptr) ZTS_RETURN_IF_ERROR(TakeOver());
    return Serve();
  }
  return {};
}

// Waits for the first engine, however often that takes.
void Worker::LoadCatalog() {
  start_thread_ = std::thread([this] {
    const Status served = applier_->StartFromDisk();
    if (!served.ok() && served.error().code != ErrorCode::kAborted) {
      ZTS_LOG(kError) << "the engine refuses an empty catalog: " << served.error().message;
    }
    started_ = true;
    Notify();
  });
}

Status Worker::TakeOver() {
  if (Status released = predecessor_->Release(); !released.ok()) {
    // It is gone, or stuck: what it held is free in a moment, or TakeAdminPort says what is not.
    ZTS_LOG(kWarning) << "the worker whose place this one takes did not say that it drains: " << released.error().message;
  }
  ZTS_RETURN_IF_ERROR(TakeAdminPort());
  // Only now is nobody else left who could serve from these sockets.
  engines_->KeepListeners();
  relay_thread_ = std::thread([this] {
    predecessor_->RelayLogs([this](std::vector<LogRecord> records) { logs_.Add(std::move(records)); });
  });
  return {};
}

Status Worker::Serve() {
  client_->Start();
  ZTS_LOG(kInfo) << name_ << " answers on http://" << http_address_ << " with " << shards_ << " shards; metrics on http://"
                 << admin_->address() << "/metrics" << (predecessor_ != nullptr ? "; it has taken another worker's place" : "");
  ZTS_RETURN_IF_ERROR(OpenHandoverPort());
  return WriteReadyFile();
}

Status Worker::OpenHandoverPort() {
  HandoverPort::Hooks hooks;
  hooks.offer = [this]() -> Result<HandoverOffer> {
    HandoverOffer offer{http_address_, admin_->address(), {}, {}};
    ZTS_ASSIGN_OR_RETURN(offer.lock, data_dir_->DuplicateLock());
    ZTS_ASSIGN_OR_RETURN(offer.listeners, engines_->ShareListeners());
    return offer;
  };
  hooks.hold = [this] {
    client_->Stop();
    holding_ = true;
  };
  hooks.resume = [this] {
    engines_->KeepListeners();
    if (std::exchange(holding_, false)) client_->Start();
  };
  hooks.release = [this] { GiveUpPlace(); };
  ZTS_ASSIGN_OR_RETURN(handover_, HandoverPort::Open(data_dir_->path(), std::move(hooks)));
  return {};
}

void Worker::GiveUpPlace() {
  admin_.reset();
  replaced_ = true;
  Notify();
}

int Worker::Drain() {
  draining_ = true;
  // No step of a handover is under way from here on.
  if (!replaced_) handover_.reset();
  ZTS_LOG(kInfo) << "draining: " << (replaced_ ? "another worker accepts connections" : "no new connections")
                 << ", requests in flight have " << options_.drain_seconds << " s; a second signal ends all at once";
  engines_->Drain(options_.drain_seconds * kSecond);
  int exit_code = 0;
  while (engines_->status().state != EngineStatus::State::kStopped) {
    if (WaitForWake() != Wake::kSignal) continue;
    engines_->Kill();
    exit_code = 1;
  }
  if (start_thread_.joinable()) start_thread_.join();
  if (replaced_) {
    constexpr auto kAtOnce = std::chrono::nanoseconds(0);
    for (auto records = logs_.Take(kAtOnce); !records.empty(); records = logs_.Take(kAtOnce)) handover_->SendLogs(records);
  } else {
    if (exit_code == 0 && client_->status().connected) logs_.WaitEmpty(kLogFlush);
    client_->Stop();
    if (!options_.ready_file.empty()) ::unlink(options_.ready_file.c_str());
  }
  ZTS_LOG(kInfo) << "ended";
  return exit_code;
}

}  // namespace zts::supervisor
