#include "cli/local/up.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

#include "base/bytes.h"
#include "base/layout.h"
#include "base/pipe.h"
#include "cli/local/address.h"
#include "cli/local/data_dir.h"
#include "cli/local/monitor.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

// The monitor's own ways of ending, one after the other, and a little.
constexpr Nanos kDownPatience = kWorkerStopPatience + kControllerStopPatience + 5 * kSecond;
constexpr Nanos kOrphanPatience = 10 * kSecond;
// The monitor's own patience, and a little.
constexpr Nanos kReloadPatience = kStartPatience + 5 * kSecond;
constexpr Nanos kReloadPoll = 10 * kMillisecond;

// What the user asks for, what the last run had, or the default. Port 0 stands for the last run's port while that is
// free.
Result<std::string> Choose(const char* flag, const std::string& asked, const std::string& last, const char* fallback) {
  std::string wanted = asked;
  if (wanted.empty()) wanted = last.empty() ? fallback : last;
  Result<HostPort> address = ParseAddress(wanted);
  if (!address.ok()) return Error{ErrorCode::kInvalid, std::string(flag) + ": " + address.error().message};
  const bool may_move = asked.empty() ? std::string_view(fallback) == kAnyPort : address->port == 0;
  if (address->port == 0) {
    const Result<HostPort> before = ParseAddress(last);
    if (before.ok() && before->host == address->host && CheckFree(last).ok()) return last;
    return wanted;
  }
  const Status free = CheckFree(wanted);
  if (free.ok()) return wanted;
  if (may_move) return FormatAddress({address->host, 0});
  return Error{free.error().code, free.error().message + ". Name another address with " + flag + ", or " + flag + " " +
                                      FormatAddress({address->host, 0}) + " for any free port"};
}

Result<Addresses> ChooseAddresses(const DataDir& data, const UpOptions& options) {
  ZTS_ASSIGN_OR_RETURN(const std::optional<Addresses> remembered, data.ReadAddresses());
  const Addresses last = remembered.value_or(Addresses{});
  Addresses chosen;
  ZTS_ASSIGN_OR_RETURN(chosen.controller,
                       Choose("--controller-listen", options.controller_listen, last.controller, kAnyPort));
  ZTS_ASSIGN_OR_RETURN(chosen.controller_admin,
                       Choose("--controller-admin", options.controller_admin, last.controller_admin, kAnyPort));
  ZTS_ASSIGN_OR_RETURN(chosen.http, Choose("--http", options.http, last.http, kDefaultHttp));
  ZTS_ASSIGN_OR_RETURN(chosen.worker_admin, Choose("--admin", options.admin, last.worker_admin, kAnyPort));
  return chosen;
}

// What an earlier run left when it was killed with -9.
void EndOrphans(const DataDir& data, const std::function<void(const std::string&)>& say) {
  const std::optional<Running> running = data.ReadRunning();
  if (!running) return;
  for (const ProcessId& process : {running->worker, running->controller}) {
    if (!IsRunning(process)) continue;
    say("ending process " + std::to_string(process.pid) + ", left by an earlier run");
    Signal(process, SIGTERM);
    if (WaitForEnd(process, kOrphanPatience)) continue;
    Signal(process, SIGKILL);
    WaitForEnd(process, kOrphanPatience);
  }
  data.RemoveRunning();
}

Failure AlreadyUp(const DataDir& data) {
  const auto addresses = data.ReadAddresses();
  std::string message = "zts is already up in " + data.root();
  if (addresses.ok() && *addresses) message += "; functions are at http://" + ReachableAddress((*addresses)->http);
  return {ExitCode::kFailed, "already_up", message, "'ztsctl down --data-dir " + data.root() + "' ends it", {}};
}

Failure UpFailure(const Error& error) {
  const ExitCode exit = error.code == ErrorCode::kInvalid   ? ExitCode::kUsage
                        : error.code == ErrorCode::kAborted ? ExitCode::kInterrupted
                                                            : ExitCode::kFailed;
  return {exit, std::string(ErrorCodeName(error.code)), error.message, "", {}};
}

void Announce(Console& console, const DataDir& data, const Monitor& monitor, const UpOptions& options) {
  const Addresses& addresses = monitor.addresses();
  const std::string http = ReachableAddress(addresses.http);
  const std::string worker_metrics = "http://" + ReachableAddress(addresses.worker_admin) + "/metrics";
  const std::string controller_metrics = "http://" + ReachableAddress(addresses.controller_admin) + "/metrics";
  if (console.json()) {
    console.PrintJson({{"data_dir", data.root()},
                       {"url", "http://" + http},
                       {"controller", addresses.controller},
                       {"metrics", {{"worker", worker_metrics}, {"controller", controller_metrics}}},
                       {"pid", ::getpid()},
                       {"controller_pid", monitor.controller().process().pid},
                       {"worker_pid", monitor.worker().process().pid}});
    return;
  }
  const bool default_dir = data.root() == DataDirectory("", [](const char*) { return std::nullopt; });
  const std::string flag = default_dir ? "" : " --data-dir " + data.root();
  console.out() << console.Paint(Style::kGreen, "zts is up") << "\n"
                << "  functions  " << console.Paint(Style::kBold, "http://" + http + "/NAME") << "\n"
                << "  metrics    " << worker_metrics << " (worker)\n"
                << "             " << controller_metrics << " (controller)\n"
                << "  data       " << data.root() << " (logs in log/)\n"
                << "Deploy a file of your own:\n"
                << "  ztsctl deploy" << flag << " FILE.js\n"
                << (options.detach ? "It runs in the background; end it with:\n  ztsctl down" + flag + "\n"
                                   : "Ctrl-C ends it.\n")
                << std::flush;
}

// The detached monitor's line to the process that started it: one byte, its exit code. Closed without one: it died.
class Verdict {
 public:
  explicit Verdict(UniqueFd fd) : fd_(std::move(fd)) {}
  void Give(ExitCode exit) {
    const auto code = static_cast<unsigned char>(exit);
    if (fd_.valid()) [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &code, 1);
    fd_.reset();
  }

 private:
  UniqueFd fd_;
};

// From here on the terminal is somebody else's.
void LeaveTerminal(const DataDir& data) {
  const UniqueFd log(::open(data.log_file("up").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::cout.flush();
  std::cerr.flush();
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
}

ExitCode RunMonitor(Context& context, const DataDir& data, const UpOptions& options,
                    const MonitorOptions& monitor_options, Verdict verdict) {
  Console& console = context.console;
  Monitor::BlockSignals();
  const auto say = [&](const std::string& line) { console.Note(FormatClock(SystemClock().WallNow()) + " " + line); };
  ExitCode exit = ExitCode::kOk;
  {
    Monitor monitor(data, monitor_options, say);
    const Status started = monitor.Start();
    if (!started.ok()) {
      exit = console.Fail(UpFailure(started.error()));
    } else {
      Announce(console, data, monitor, options);
      if (options.detach) {
        LeaveTerminal(data);
        console.set_format(Format::kText);  // what is told from here on is told to a log
      }
      verdict.Give(ExitCode::kOk);
      monitor.RunUntilSignal();
      say("ended");
    }
  }
  verdict.Give(exit);
  return exit;
}

// Returns in the parent with the monitor's verdict; the child never returns.
ExitCode RunDetached(Context& context, const DataDir& data, const UpOptions& options,
                     const MonitorOptions& monitor_options) {
  Result<Pipe> verdict = MakePipe();
  if (!verdict.ok()) return context.console.Fail(UpFailure(verdict.error()));
  const pid_t pid = ::fork();
  if (pid < 0) return context.console.Fail(UpFailure(Error::FromErrno("fork")));
  if (pid == 0) {
    verdict->read.reset();
    ::setsid();
    const ExitCode exit = RunMonitor(context, data, options, monitor_options, Verdict(std::move(verdict->write)));
    ::_exit(static_cast<int>(exit));
  }
  verdict->write.reset();
  unsigned char code = 0;
  ssize_t got = 0;
  do got = ::read(verdict->read.get(), &code, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1) return static_cast<ExitCode>(code);
  return context.console.Fail(
      {ExitCode::kFailed, "internal", "the monitor died while starting", "see " + data.log_file("up"), {}});
}

}  // namespace

ExitCode Up(Context& context, const UpOptions& options) {
  Console& console = context.console;
  const DataDir data(DataDirectory(context.data_dir_flag, context.env));
  const Status created = data.Create();
  if (!created.ok()) return console.Fail(UpFailure(created.error()));
  const Result<UniqueFd> lock = data.Lock();
  if (!lock.ok()) {
    return console.Fail(lock.error().code == ErrorCode::kExists ? AlreadyUp(data) : UpFailure(lock.error()));
  }
  const Result<std::string> controller = FindInstalled("zts-controller");
  if (!controller.ok()) return console.Fail(UpFailure(controller.error()));
  const Result<std::string> worker = FindInstalled("zts-worker");
  if (!worker.ok()) return console.Fail(UpFailure(worker.error()));
  EndOrphans(data, [&](const std::string& line) { console.Note(line); });
  const Result<Addresses> addresses = ChooseAddresses(data, options);
  if (!addresses.ok()) return console.Fail(UpFailure(addresses.error()));
  const Status token = data.EnsureToken();
  if (!token.ok()) return console.Fail(UpFailure(token.error()));

  if (!options.memory_budget.empty() && !ParseByteSize(options.memory_budget)) {
    return console.Fail(UpFailure(Invalid("--memory-budget " + options.memory_budget + ": a size is needed, like 512MiB or 2GiB")));
  }
  const MonitorOptions monitor{*controller, *worker, options.name, options.io, options.threads,
                               options.memory_budget, options.jit, options.jit_threshold, *addresses, options.insecure};
  console.Note("starting controller and worker in " + data.root());
  if (options.detach) return RunDetached(context, data, options, monitor);
  return RunMonitor(context, data, options, monitor, Verdict(UniqueFd()));
}

ExitCode Reload(Context& context) {
  Console& console = context.console;
  const DataDir data(DataDirectory(context.data_dir_flag, context.env));
  const std::optional<Running> running = data.ReadRunning();
  if (!running || !IsRunning(running->monitor)) {
    return console.Fail({ExitCode::kFailed, "not_up", "nothing is up in " + data.root(),
                         "start it with 'ztsctl up --data-dir " + data.root() + "'", {}});
  }
  data.RemoveReload();
  Signal(running->monitor, kReloadSignal);
  const SystemClock clock;
  const Nanos deadline = clock.Now() + kReloadPatience;
  std::optional<Reloaded> reloaded;
  while (!(reloaded = data.ReadReload())) {
    if (!WaitForEnd(running->monitor, kReloadPoll) && clock.Now() < deadline) continue;
    return console.Fail({ExitCode::kFailed, "reload_failed", "the monitor did not answer", "see " + data.log_file("up"), {}});
  }
  if (!reloaded->ok) {
    return console.Fail({ExitCode::kFailed, "reload_failed", reloaded->message, "the worker that runs goes on serving", {}});
  }
  if (console.json()) {
    console.PrintJson({{"worker_pid", reloaded->worker}, {"replaced_pid", reloaded->before}, {"milliseconds", reloaded->milliseconds}});
  } else {
    console.out() << "worker " << reloaded->worker << " has taken the place of " << reloaded->before << " in " << reloaded->milliseconds
                  << " ms; what the old one has in hand it finishes" << std::endl;
  }
  return ExitCode::kOk;
}

ExitCode Down(Context& context) {
  Console& console = context.console;
  const DataDir data(DataDirectory(context.data_dir_flag, context.env));
  const std::optional<Running> running = data.ReadRunning();
  const bool was_up =
      running && (IsRunning(running->monitor) || IsRunning(running->controller) || IsRunning(running->worker));
  if (running && IsRunning(running->monitor)) {
    Signal(running->monitor, SIGTERM);
    if (!WaitForEnd(running->monitor, kDownPatience)) {
      console.Warn("the monitor did not end by itself and is killed");
      Signal(running->monitor, SIGKILL);
      WaitForEnd(running->monitor, kOrphanPatience);
    }
  }
  if (was_up) EndOrphans(data, [&](const std::string& line) { console.Note(line); });
  data.RemoveRunning();
  if (console.json()) {
    console.PrintJson({{"data_dir", data.root()}, {"was_up", was_up}});
  } else {
    console.out() << (was_up ? "zts is down (its data stays in " + data.root() + ")"
                             : "nothing is up in " + data.root())
                  << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace zts::cli
