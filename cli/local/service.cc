#include "cli/local/service.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"

namespace zts::cli {
namespace {

constexpr Nanos kStopPoll = 50 * kMillisecond;

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Status Service::Start(const std::vector<std::string>& argv) {
  ::unlink(options_.ready_file.c_str());
  ready_ = false;
  started_at_ = clock_->Now();
  const Result<pid_t> pid = Spawn(argv, options_.log_file);
  if (!pid.ok()) {
    Ended();
    return pid.error();
  }
  // A child that has died already is a zombie until Reap: its pid cannot be another's.
  process_ = Identify(*pid).value_or(ProcessId{*pid, 0});
  return {};
}

void Service::Ended() {
  const Nanos now = clock_->Now();
  if (now - started_at_ >= kStableAfter) pause_ = kRestartPauseFirst;
  restart_at_ = now + pause_;
  pause_ = std::min(pause_ * 2, kRestartPauseMax);
  process_ = {};
  ready_ = false;
}

std::optional<std::string> Service::Reap() {
  int status = 0;
  if (!running() || ::waitpid(process_.pid, &status, WNOHANG) != process_.pid) return std::nullopt;
  Ended();
  return HowItEnded(status);
}

std::optional<nlohmann::json> Service::TakeReady() {
  if (ready_ || !running()) return std::nullopt;
  const Result<std::string> text = ReadFile(options_.ready_file, size_t{1} << 20);
  if (!text.ok()) return std::nullopt;
  auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  ready_ = true;
  return json;
}

bool Service::Stop(Nanos patience, const std::function<bool()>& hurry) {
  if (!running()) return false;
  ::kill(process_.pid, SIGTERM);
  const Nanos deadline = clock_->Now() + patience;
  while (clock_->Now() < deadline && !hurry()) {
    if (WaitForEnd(process_, kStopPoll)) {
      ::waitpid(process_.pid, nullptr, 0);
      process_ = {};
      return false;
    }
  }
  ::kill(process_.pid, SIGKILL);
  ::waitpid(process_.pid, nullptr, 0);
  process_ = {};
  return true;
}

}  // namespace zts::cli
