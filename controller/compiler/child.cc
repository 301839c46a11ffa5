#include "controller/compiler/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/pipe.h"
#include "controller/compiler/frame.h"

namespace zts::controller {
namespace {

constexpr size_t kStderrTailBytes = 4096;

// Address space: V8 reserves cages and code ranges of gigabytes that it never touches. Real memory is bounded in the process itself,
// once its job is known (compiler_main.cc).
constexpr rlim_t kAddressSpaceMax = rlim_t{1} << 40;
// Its own files at the start: the host, the addon, the snapshot, and what its event loop opens.
constexpr rlim_t kFilesMax = 64;

void SetLimit(__rlimit_resource which, rlim_t value) {
  const rlimit limit{value, value};
  ::setrlimit(which, &limit);
}

// Between fork and exec: only what is safe after a fork of a process with threads.
[[noreturn]] void Become(char* const* argv, int in, int out, int err, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // The pipes may have been made on 0..2 when the controller runs without standard streams: first out of the way, then in place.
  const int high_in = ::fcntl(in, F_DUPFD, 10), high_out = ::fcntl(out, F_DUPFD, 10), high_err = ::fcntl(err, F_DUPFD, 10);
  if (::dup2(high_in, 0) != 0 || ::dup2(high_out, 1) != 1 || ::dup2(high_err, 2) != 2) ::_exit(127);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  SetLimit(RLIMIT_CORE, 0);
  SetLimit(RLIMIT_FSIZE, 0);
  SetLimit(RLIMIT_NOFILE, kFilesMax);
  SetLimit(RLIMIT_AS, kAddressSpaceMax);
  char* const no_environment[] = {nullptr};
  ::execve(argv[0], argv, no_environment);
  const char words[] = "cannot execute the compiler's host\n";
  (void)!::write(2, words, sizeof words - 1);
  ::_exit(127);
}

int PollMilliseconds(Nanos deadline) {
  const Nanos left = deadline - SystemClock().Now();
  return static_cast<int>(std::clamp<Nanos>((left + kMillisecond - 1) / kMillisecond, 0, 60'000));
}

}  // namespace

std::string DescribeStatus(int wait_status) {
  if (WIFEXITED(wait_status)) return "exit status " + std::to_string(WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

Result<std::unique_ptr<CompilerChild>> CompilerChild::Start(const std::vector<std::string>& command) {
  ZTS_ASSIGN_OR_RETURN(Pipe in, MakePipe());
  ZTS_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ZTS_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Error::FromErrno("cannot start a compiler process");
  if (pid == 0) Become(argv.data(), in.read.get(), out.write.get(), err.write.get(), parent);
  ::setpgid(pid, pid);
  for (const int fd : {in.write.get(), out.read.get(), err.read.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return std::unique_ptr<CompilerChild>(new CompilerChild(pid, std::move(in.write), std::move(out.read), std::move(err.read)));
}

CompilerChild::~CompilerChild() {
  Kill();
  Reap();
}

// Until it is reaped its number cannot belong to another process: both happen under the lock.
void CompilerChild::Kill() {
  const std::lock_guard lock(mutex_);
  if (!status_) ::kill(-pid_, SIGKILL);
}

int CompilerChild::Reap() {
  siginfo_t info;
  while (!status_ && ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, 0) == pid_) status_ = status;
  return status_.value_or(0);
}

bool CompilerChild::Poll(short job_events, Nanos deadline, short* out_events, short* in_events) {
  pollfd fds[] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {job_events != 0 ? in_.get() : -1, job_events, 0}};
  const int ready = ::poll(fds, 3, PollMilliseconds(deadline));
  if ((fds[1].revents & POLLIN) != 0) {
    ReadErrors();
  } else if (fds[1].revents != 0) {
    err_.reset();  // closed at its end: poll would report that for ever
  }
  *out_events = fds[0].revents;
  *in_events = fds[2].revents;
  return ready != 0 || SystemClock().Now() < deadline;
}

void CompilerChild::ReadErrors() {
  if (!err_.valid()) return;
  char buffer[4096];
  for (ssize_t got; (got = ::read(err_.get(), buffer, sizeof buffer)) > 0;) {
    stderr_tail_.append(buffer, static_cast<size_t>(got));
    if (stderr_tail_.size() > kStderrTailBytes) stderr_tail_.erase(0, stderr_tail_.size() - kStderrTailBytes);
  }
}

CompilerChild::Exchanged CompilerChild::Ended(End end, Error error) {
  if (end != End::kExited) Kill();
  Exchanged exchanged;
  exchanged.end = end;
  exchanged.status = Reap();
  ReadErrors();
  exchanged.stderr_tail = stderr_tail_;
  exchanged.error = std::move(error);
  return exchanged;
}

CompilerChild::Exchanged CompilerChild::AwaitReady(Nanos timeout) {
  const Nanos deadline = SystemClock().Now() + timeout;
  while (true) {
    short out_events = 0, in_events = 0;
    if (!Poll(0, deadline, &out_events, &in_events)) return Ended(End::kTimeout);
    if (out_events == 0) continue;
    char ready = 0;
    if (::read(out_.get(), &ready, 1) == 1) return {.end = End::kAnswered};
    return Ended(End::kExited);
  }
}

CompilerChild::Exchanged CompilerChild::Exchange(std::string_view job, size_t answer_bytes_max, Nanos timeout) {
  const Nanos deadline = SystemClock().Now() + timeout;
  FrameReader reader(answer_bytes_max);
  char buffer[64 * 1024];
  while (true) {
    short out_events = 0, in_events = 0;
    if (!Poll(job.empty() ? 0 : POLLOUT, deadline, &out_events, &in_events)) return Ended(End::kTimeout);
    if (in_events != 0) {
      const ssize_t written = ::write(in_.get(), job.data(), job.size());
      // A child that ended does not read; its answer or its exit says why.
      if (written < 0 && errno != EAGAIN) job = {};
      if (written > 0) job.remove_prefix(static_cast<size_t>(written));
    }
    if (out_events == 0) continue;
    const ssize_t got = ::read(out_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return Ended(End::kExited);
    if (Status added = reader.Add({buffer, static_cast<size_t>(got)}); !added.ok()) return Ended(End::kGarbage, std::move(added).error());
    if (!reader.done()) continue;
    return {.end = End::kAnswered, .head = reader.TakeHead(), .body = reader.TakeBody()};
  }
}

}  // namespace zts::controller
