#include "cli/local/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

#include "base/bytes.h"
#include "base/file.h"
#include "base/pipe.h"
#include "base/unique_fd.h"

namespace zts::cli {
namespace {

// Fields of /proc/PID/stat behind the name, which is in parentheses and may hold anything: state is the first,
// starttime the 20th.
constexpr int kStartTimeField = 20;

// Between fork and exec: system calls only, other threads may hold any lock.
[[noreturn]] void BecomeProgram(char* const* argv, int log, int null, pid_t parent, int error_pipe) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(number, SIG_DFL);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(argv[0], argv);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(error_pipe, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

std::optional<ProcessId> Identify(pid_t pid) {
  const Result<std::string> stat = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat.ok()) return std::nullopt;
  std::string_view rest = *stat;
  const size_t name_end = rest.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= rest.size()) return std::nullopt;
  rest.remove_prefix(name_end + 2);
  if (rest.front() == 'Z' || rest.front() == 'X') return std::nullopt;
  for (int field = 1; field < kStartTimeField; ++field) {
    const size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  const auto start_time = ParseInteger(rest.substr(0, rest.find(' ')));
  if (!start_time) return std::nullopt;
  return ProcessId{pid, *start_time};
}

bool IsRunning(const ProcessId& process) { return process.pid > 0 && Identify(process.pid) == process; }

Result<pid_t> Spawn(const std::vector<std::string>& argv, const std::string& log_path) {
  const UniqueFd log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return Error::FromErrno("open " + log_path);
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return Error::FromErrno("start " + argv.front());
  Result<Pipe> report = MakePipe();
  if (!report.ok()) return Error{report.error().code, "start " + argv.front() + ": " + report.error().message};
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Error::FromErrno("fork for " + argv.front());
  if (pid == 0) BecomeProgram(pointers.data(), log.get(), null.get(), parent, report->write.get());
  report->write.reset();
  // The pipe closes by itself when exec succeeds.
  int error = 0;
  ssize_t got = 0;
  do got = ::read(report->read.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got == sizeof error) return Error::FromErrno("start " + argv.front(), error);
  return pid;
}

void Signal(const ProcessId& process, int signal) {
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // The handle is taken first: if it is the right process now, the handle cannot come to mean another.
  if (handle.valid() && IsRunning(process)) ::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0);
}

bool WaitForEnd(const ProcessId& process, Nanos patience) {
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!handle.valid() || !IsRunning(process)) return true;
  const SystemClock clock;
  const Nanos deadline = clock.Now() + patience;
  while (true) {
    const Nanos left = deadline - clock.Now();
    if (left <= 0) return false;
    pollfd polled{handle.get(), POLLIN, 0};
    if (::poll(&polled, 1, static_cast<int>(left / kMillisecond) + 1) > 0) return true;
  }
}

}  // namespace zts::cli
