#include "worker/supervisor/engine_death.h"

#include <signal.h>

namespace zts::supervisor {
namespace {

constexpr std::string_view kCauseNames[kDeathCauses] = {"fatal",        "crashed",     "killed",
                                                        "exited",       "unresponsive", "not-started"};

bool IsCrashSignal(int signal) {
  return signal == SIGSEGV || signal == SIGABRT || signal == SIGILL || signal == SIGTRAP || signal == SIGBUS ||
         signal == SIGFPE || signal == SIGSYS;
}

}  // namespace

std::string_view DeathCauseName(DeathCause cause) { return kCauseNames[static_cast<int>(cause)]; }

std::string EngineTitle(pid_t pid, std::string_view of) {
  std::string title = "engine " + std::to_string(pid);
  if (!of.empty()) title.append(" (").append(of).append(")");
  return title;
}

DeathCause Death::Cause() const {
  if (!unresponsive.empty()) return DeathCause::kUnresponsive;
  if (!fatal.empty()) return DeathCause::kFatal;
  if (!exit.signaled) return DeathCause::kExited;
  return IsCrashSignal(exit.code) ? DeathCause::kCrashed : DeathCause::kKilled;
}

std::string Death::Sentence() const {
  std::string sentence = EngineTitle(pid, of) + " ended with " + exit.ToString();
  if (!unresponsive.empty()) sentence += ": " + unresponsive;
  if (!fatal.empty()) sentence += ": " + fatal;
  if (!in.empty()) sentence += ", in " + in;
  return sentence;
}

}  // namespace zts::supervisor
