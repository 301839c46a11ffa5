#include "cli/local/monitor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "cli/client.h"

namespace zts::cli {
namespace {

constexpr size_t kShownLogLines = 15;
// Ready files are looked for this often while something starts: start-up takes a fraction of a second.
constexpr Nanos kReadyPoll = 10 * kMillisecond;
constexpr Nanos kIdleWake = 3600 * kSecond;

sigset_t WatchedSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, kReloadSignal}) ::sigaddset(&set, number);
  return set;
}

// The next signal, or 0 when none comes in time.
int WaitSignal(Nanos patience) {
  const sigset_t set = WatchedSignals();
  const timespec time{static_cast<time_t>(patience / kSecond), static_cast<long>(patience % kSecond)};
  const int number = ::sigtimedwait(&set, nullptr, &time);
  return number > 0 ? number : 0;
}

bool MeansEnd(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGHUP; }

std::string TextOf(const nlohmann::json& json, const char* field) {
  const auto value = json.find(field);
  return value != json.end() && value->is_string() ? value->get<std::string>() : "";
}

std::string Seconds(Nanos duration) { return std::to_string(duration / kMillisecond) + " ms"; }

}  // namespace

Monitor::Monitor(const DataDir& data, MonitorOptions options, std::function<void(const std::string&)> say)
    : data_(data),
      options_(std::move(options)),
      say_(std::move(say)),
      controller_({"controller", data.ready_file("controller"), data.log_file("controller")}, clock_),
      worker_({"worker", data.ready_file("worker"), data.log_file("worker")}, clock_) {}

Monitor::~Monitor() { Stop(); }

void Monitor::BlockSignals() {
  const sigset_t set = WatchedSignals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

std::vector<std::string> Monitor::ControllerCommand() const {
  std::vector<std::string> command = {options_.controller_program,
                                      "--data-dir", data_.folder("controller"),
                                      "--listen", options_.addresses.controller,
                                      "--admin", options_.addresses.controller_admin,
                                      "--token-file", data_.token_file(),
                                      "--secret-key-file", data_.secret_key_file(),
                                      "--ready-file", data_.ready_file("controller")};
  if (options_.insecure) command.push_back("--insecure");
  return command;
}

std::vector<std::string> Monitor::WorkerCommand() const {
  std::vector<std::string> command = {options_.worker_program,
                                      "--controller", options_.addresses.controller,
                                      "--token-file", data_.token_file(),
                                      "--data-dir", data_.folder("worker"),
                                      "--http", options_.addresses.http,
                                      "--admin", options_.addresses.worker_admin,
                                      "--io", options_.io,
                                      "--name", options_.worker_name,
                                      "--ready-file", data_.ready_file("worker")};
  if (!options_.memory_budget.empty()) command.insert(command.end(), {"--memory-budget", options_.memory_budget});
  if (!options_.jit.empty()) command.insert(command.end(), {"--jit", options_.jit});
  if (options_.jit_threshold > 0) command.insert(command.end(), {"--jit-threshold", std::to_string(options_.jit_threshold)});
  if (options_.threads > 0) command.insert(command.end(), {"--threads", std::to_string(options_.threads)});
  return command;
}

Status Monitor::Start() {
  const Nanos deadline = clock_.Now() + kStartPatience;
  ZTS_RETURN_IF_ERROR(StartAndWait(controller_, ControllerCommand(), deadline));
  // Written before the worker starts, so that a failed start leaves what later runs need to use the same ports.
  ZTS_RETURN_IF_ERROR(data_.WriteAddresses(options_.addresses));
  ZTS_RETURN_IF_ERROR(StartAndWait(worker_, WorkerCommand(), deadline));
  ZTS_RETURN_IF_ERROR(data_.WriteAddresses(options_.addresses));
  return WaitConnected(deadline);
}

Status Monitor::StartAndWait(Service& service, const std::vector<std::string>& argv, Nanos deadline) {
  ZTS_RETURN_IF_ERROR(service.Start(argv));
  Remember();
  while (true) {
    if (const auto ready = service.TakeReady()) {
      Adopt(service, *ready);
      return {};
    }
    if (MeansEnd(WaitSignal(kReadyPoll)))
      return Error{ErrorCode::kAborted, "interrupted while the " + service.name() + " was starting"};
    if (const auto ended = service.Reap()) return Failed(service, *ended);
    if (clock_.Now() >= deadline)
      return Failed(service, "was not ready within " + std::to_string(kStartPatience / kSecond) + " s");
  }
}

Status Monitor::WaitConnected(Nanos deadline) {
  ZTS_ASSIGN_OR_RETURN(const std::string token, ReadFile(data_.token_file(), 4096));
  Client client({options_.addresses.controller, token.substr(0, token.find_last_not_of(" \r\n") + 1), ""});
  while (true) {
    const auto workers = client.ListWorkers(kSecond);
    if (workers.ok()) {
      for (const WorkerInfo& worker : *workers) {
        if (worker.name == options_.worker_name) return {};
      }
    } else if (workers.error().code == ErrorCode::kDenied) {
      return workers.error();
    }
    if (MeansEnd(WaitSignal(kReadyPoll)))
      return Error{ErrorCode::kAborted, "interrupted while the worker was connecting"};
    for (Service* service : {&controller_, &worker_}) {
      if (const auto ended = service->Reap()) return Failed(*service, *ended);
    }
    if (clock_.Now() >= deadline) return Failed(worker_, "did not connect to the controller in time");
  }
}

void Monitor::Adopt(Service& service, const nlohmann::json& ready) {
  Addresses& addresses = options_.addresses;
  const auto take = [&](const char* field, std::string& into) {
    const std::string value = TextOf(ready, field);
    if (!value.empty()) into = value;
  };
  if (&service == &controller_) {
    take("grpc", addresses.controller);
    take("admin", addresses.controller_admin);
  } else {
    take("http", addresses.http);
    take("admin", addresses.worker_admin);
  }
}

void Monitor::RunUntilSignal() {
  while (!ending_) {
    const int signal = WaitSignal(NextWake());
    if (MeansEnd(signal)) {
      say_("ending: the worker finishes the requests it has (again to end at once)");
      ending_ = true;
      break;
    }
    if (signal == kReloadSignal) Reload();
    Watch(controller_);
    Watch(worker_);
    WatchRetired();
  }
  Stop();
}

void Monitor::Watch(Service& service) {
  if (const auto ended = service.Reap()) {
    say_("the " + service.name() + " " + *ended + "; starting it again in " +
         Seconds(service.restart_at() - clock_.Now()) + " (log: " + service.log_file() + ")");
    Remember();
  }
  if (!service.running() && clock_.Now() >= service.restart_at()) Restart(service);
  if (service.TakeReady())
    say_("the " + service.name() + " is back (pid " + std::to_string(service.process().pid) + ")");
}

void Monitor::Restart(Service& service) {
  const Status started = service.Start(&service == &controller_ ? ControllerCommand() : WorkerCommand());
  if (!started.ok()) say_(started.error().message);
  Remember();
}

void Monitor::Reload() {
  const Nanos began = clock_.Now();
  const ProcessId before = worker_.process();
  const Status replaced = ReplaceWorker();
  say_(replaced.ok() ? "worker " + std::to_string(worker_.process().pid) + " has taken the place of " + std::to_string(before.pid)
                     : replaced.error().message);
  const Status written = data_.WriteReload({replaced.ok(), replaced.ok() ? "" : replaced.error().message, before.pid,
                                            worker_.process().pid, (clock_.Now() - began) / kMillisecond});
  if (!written.ok()) say_(written.error().message);
}

// The new worker says when it serves; until then the old one is the worker.
Status Monitor::ReplaceWorker() {
  if (!worker_.running()) return Unavailable("the worker is not running; it is being started anyway");
  std::vector<std::string> command = WorkerCommand();
  command.push_back("--takeover");
  Service successor({"worker", data_.ready_file("worker"), data_.log_file("worker")}, clock_);
  ZTS_RETURN_IF_ERROR(successor.Start(command));
  const Nanos deadline = clock_.Now() + kStartPatience;
  while (!successor.TakeReady()) {
    if (const auto ended = successor.Reap()) return Failed(successor, *ended + "; the one that runs goes on");
    const int signal = WaitSignal(kReadyPoll);
    if (MeansEnd(signal)) ending_ = true;
    if (ending_ || clock_.Now() >= deadline) {
      successor.Stop(0, [] { return true; });
      return Failed(successor, "had not taken the other's place in time and was ended; the one that runs goes on");
    }
  }
  retired_.push_back(std::exchange(worker_, std::move(successor)));
  Remember();
  return {};
}

void Monitor::WatchRetired() {
  std::erase_if(retired_, [](Service& service) { return service.Reap().has_value(); });
}

Nanos Monitor::NextWake() const {
  Nanos wake = kIdleWake;
  for (const Service* service : {&controller_, &worker_}) {
    if (!service->running()) wake = std::min(wake, std::max<Nanos>(service->restart_at() - clock_.Now(), 0));
    if (service->running() && !service->ready()) wake = std::min(wake, kReadyPoll);
  }
  return wake;
}

// The worker first: while it drains, the controller still takes its logs.
void Monitor::Stop() {
  if (!worker_.running() && !controller_.running()) return;
  const auto hurry = [] { return MeansEnd(WaitSignal(0)); };
  if (worker_.Stop(kWorkerStopPatience, hurry)) say_("the worker did not end by itself and was killed");
  for (Service& service : retired_) service.Stop(kWorkerStopPatience, hurry);
  if (controller_.Stop(kControllerStopPatience, hurry)) say_("the controller did not end by itself and was killed");
  data_.RemoveRunning();
}

Error Monitor::Failed(const Service& service, const std::string& what) const {
  const std::string tail = TailOf(service.log_file(), kShownLogLines);
  return Internal("the " + service.name() + " " + what +
                  (tail.empty() ? "; it has logged nothing" : "; the end of " + service.log_file() + ":\n" + tail));
}

// Failing to write it costs only a later `down` its knowledge of the children, which end with this process anyway.
void Monitor::Remember() const {
  const Running running{Identify(::getpid()).value_or(ProcessId{}), controller_.process(), worker_.process()};
  const Status written = data_.WriteRunning(running);
  if (!written.ok()) say_(written.error().message);
}

}  // namespace zts::cli
