#include "cli/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/pipe.h"

extern char** environ;

namespace zts::cli {
namespace {

Result<pid_t> Spawn(const std::vector<std::string>& argv, int out, int err) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Error::FromErrno("start " + argv[0], error);
  return pid;
}

enum class Reading { kOpen, kEnded, kTooMuch };

Reading ReadSome(UniqueFd& fd, std::string& into, size_t bytes_max) {
  char buffer[64 * 1024];
  const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return Reading::kOpen;
  if (got <= 0) {
    fd.reset();
    return Reading::kEnded;
  }
  if (into.size() + static_cast<size_t>(got) > bytes_max) return Reading::kTooMuch;
  into.append(buffer, static_cast<size_t>(got));
  return Reading::kOpen;
}

// Reads both pipes until both are closed.
Status Drain(UniqueFd& out, UniqueFd& err, RunLimits limits, Finished& finished) {
  const SystemClock clock;
  const Nanos deadline = clock.Now() + limits.time_max;
  while (out.valid() || err.valid()) {
    const Nanos left = deadline - clock.Now();
    if (left <= 0)
      return Error{ErrorCode::kTimeout, "did not end within " + std::to_string(limits.time_max / kSecond) + " s"};
    pollfd polled[2] = {{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}};
    if (::poll(polled, 2, static_cast<int>(left / kMillisecond) + 1) < 0 && errno != EINTR)
      return Error::FromErrno("poll");
    if (polled[0].revents != 0 && ReadSome(out, finished.out, limits.output_bytes_max) == Reading::kTooMuch) {
      return Error{ErrorCode::kExhausted, "wrote more than " + std::to_string(limits.output_bytes_max) + " bytes"};
    }
    if (polled[1].revents != 0 && ReadSome(err, finished.err, limits.output_bytes_max) == Reading::kTooMuch) {
      return Error{ErrorCode::kExhausted,
                   "wrote more than " + std::to_string(limits.output_bytes_max) + " bytes of errors"};
    }
  }
  return {};
}

}  // namespace

Result<Finished> RunTool(const std::vector<std::string>& argv, RunLimits limits) {
  ZTS_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ZTS_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  ZTS_ASSIGN_OR_RETURN(const pid_t pid, Spawn(argv, out.write.get(), err.write.get()));
  out.write.reset();
  err.write.reset();
  Finished finished;
  Status drained = Drain(out.read, err.read, limits, finished);
  if (!drained.ok()) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!drained.ok()) return std::move(drained).error().Under(argv[0]);
  if (WIFSIGNALED(status)) return Internal(argv[0] + " was ended by signal " + std::to_string(WTERMSIG(status)));
  finished.exit_code = WEXITSTATUS(status);
  return finished;
}

Result<std::string> FindOnPath(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const std::string folder(rest.substr(0, colon));
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + std::string(program);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return NotFound(std::string(program) + " is not on the PATH");
}

}  // namespace zts::cli
