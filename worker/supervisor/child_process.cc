#include "worker/supervisor/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstring>

#include "base/pipe.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace zts::supervisor {
namespace {

// The engine is worth less than the supervisor that can restart it.
constexpr char kOomScore[] = "500";

struct Plan {
  char* const* argv;
  char* const* environment;
  int given;
  int report;  // takes the errno of a failure; closed by a successful exec
  pid_t parent;
};

void ResetSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void PreferForOom() {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  // Without the right to change it the child is as likely a victim as any: no reason to fail.
  [[maybe_unused]] const ssize_t written = ::write(fd, kOomScore, sizeof kOomScore - 1);
  ::close(fd);
}

// Between fork and exec of a process with threads: only calls that are safe in a signal handler.
[[noreturn]] void RunChild(const Plan& plan) {
  const auto fail = [&plan] {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(plan.report, &error, sizeof error);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail();
  // The parent may have gone before the request was made.
  if (::getppid() != plan.parent) ::_exit(127);
  PreferForOom();
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) fail();
  // Above all that is kept, so that neither is in the other's way.
  const int given = ::fcntl(plan.given, F_DUPFD, 10);
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, 10);
  if (given < 0 || report < 0 || ::dup2(given, ChildProcess::kGivenFd) < 0) fail();
  if (::dup3(report, ChildProcess::kGivenFd + 1, O_CLOEXEC) < 0) fail();
  if (::syscall(SYS_close_range, ChildProcess::kGivenFd + 2, ~0U, 0) != 0) fail();
  ResetSignals();
  ::execve(plan.argv[0], plan.argv, plan.environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(ChildProcess::kGivenFd + 1, &error, sizeof error);
  ::_exit(127);
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string ExitStatus::ToString() const {
  if (!signaled) return "exit status " + std::to_string(code);
  const char* name = ::sigabbrev_np(code);
  return "signal " + std::to_string(code) + (name != nullptr ? " (SIG" + std::string(name) + ")" : "");
}

Result<ChildProcess> ChildProcess::Start(Options options) {
  ZTS_ASSIGN_OR_RETURN(Pipe report, MakePipe());
  const std::vector<char*> argv = Pointers(options.command);
  const std::vector<char*> environment = Pointers(options.environment);
  const Plan plan{argv.data(), environment.data(), options.given.get(), report.write.get(), ::getpid()};

  // Handlers of this process must not run in the child before they are reset.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) RunChild(plan);
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return Error::FromErrno("start " + options.command[0], fork_error);

  // Not reaped yet, so the number is still its own.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    Error error = Error::FromErrno("pidfd_open (Linux 5.3 or newer is needed)");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  ChildProcess child(pid, std::move(pidfd));
  report.write.reset();
  int error = 0;
  ssize_t got;
  do {
    got = ::read(report.read.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) return Error::FromErrno("execute " + options.command[0], error);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(other.pid_), pidfd_(std::move(other.pidfd_)), reaped_(other.reaped_) {}

ChildProcess::~ChildProcess() {
  if (!pidfd_.valid() || reaped_) return;
  Kill();
  (void)Wait(-1);
}

void ChildProcess::Kill() {
  if (pidfd_.valid()) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

Result<ExitStatus> ChildProcess::Wait(int timeout_ms) {
  if (reaped_) return Invalid("the process was waited for before");
  pollfd poll{pidfd_.get(), POLLIN, 0};
  int ready;
  do {
    ready = ::poll(&poll, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return Error{ErrorCode::kTimeout, "process " + std::to_string(pid_) + " still runs"};
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0) {
    return Error::FromErrno("wait for process " + std::to_string(pid_));
  }
  reaped_ = true;
  return ExitStatus{info.si_code != CLD_EXITED, info.si_status};
}

}  // namespace zts::supervisor
