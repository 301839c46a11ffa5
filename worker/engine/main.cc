// engine.node: the addon's entry. Everything it does is in engine.cc.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "base/bytes.h"
#include "base/log.h"
#include "jsruntime/helper_threads.h"
#include "jsruntime/host.h"
#include "jsruntime/jit_policy.h"
#include "jsruntime/sandbox.h"
#include "worker/engine/engine.h"

namespace zts {
namespace {

// Where the supervisor puts its end of the channel.
constexpr int kChannelFdDefault = 3;
constexpr std::string_view kChannelFlag = "--ipc-fd=";
constexpr std::string_view kJitFlag = "--jit=";
// For people who look at processes: the engine's log names itself by it.
constexpr std::string_view kClassFlag = "--class=";
constexpr std::string_view kThresholdFlag = "--jit-threshold=";
constexpr int kExitUsage = 64;
// "off": for measurements, and for an operator whose kernel does not bear the filter.
constexpr char kSeccompVariable[] = "ZTS_SECCOMP";

// A process that runs tenants' code gains nothing and outlives nobody.
void GiveUpPrivileges() {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The supervisor alone decides when an engine ends; Ctrl-C in a terminal reaches all of its group.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

// A descriptor a connection: as many as the system lets us have.
void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::function<Status(Engine::Options::Accepts)> Sandbox() {
  const char* wish = std::getenv(kSeccompVariable);
  if (wish != nullptr && std::string_view(wish) == "off") return nullptr;
  // Those that there are before the shards make theirs.
  return [host_rings = js::FindRings()](Engine::Options::Accepts accepts) -> Status {
    ZTS_RETURN_IF_ERROR(js::DisableRings(host_rings));
    return js::EnterSandbox(accepts == Engine::Options::Accepts::kConnections ? js::SandboxProfile::kServe
                                                                              : js::SandboxProfile::kServeForwarded);
  };
}

struct Arguments {
  int channel = kChannelFdDefault;
  js::JitPolicy jit;
};

bool ReadArgument(std::string_view argument, Arguments* into) {
  if (argument.starts_with(kChannelFlag)) {
    const auto number = ParseInteger<int>(argument.substr(kChannelFlag.size()));
    if (number) into->channel = *number;
    return number.has_value();
  }
  if (argument.starts_with(kJitFlag)) {
    const auto mode = js::ParseJitMode(argument.substr(kJitFlag.size()));
    if (mode.ok()) into->jit.mode = *mode;
    return mode.ok();
  }
  if (argument.starts_with(kClassFlag)) {
    SetLogProcess("engine " + std::string(argument.substr(kClassFlag.size())));
    return true;
  }
  if (!argument.starts_with(kThresholdFlag)) return false;
  const auto calls = ParseInteger<uint32_t>(argument.substr(kThresholdFlag.size()));
  if (calls) into->jit.threshold = *calls;
  return calls.has_value();
}

int Main(int argc, char** argv) {
  SetLogProcess("engine");
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (ReadArgument(argv[i], &arguments)) continue;
    std::fprintf(stderr, "usage: engine.node [--ipc-fd=N] [--jit=disabled|lazy|eager] [--jit-threshold=CALLS] [--class=NAME]\n"
                         "Started by zts-worker; it serves nothing by itself.\n");
    return kExitUsage;
  }
  GiveUpPrivileges();
  RaiseFileLimit();
  Engine engine({.channel = UniqueFd(arguments.channel),
                 .make_factory = [jit = arguments.jit](const std::string& snapshot_path) -> Result<std::unique_ptr<js::IsolateFactory>> {
                   ZTS_ASSIGN_OR_RETURN(std::unique_ptr<js::Host> host, js::Host::Start({.snapshot_path = snapshot_path, .jit = jit}));
                   return std::unique_ptr<js::IsolateFactory>(std::move(host));
                 },
                 .artifact_key = js::ArtifactKey,
                 .helper_threads = js::FindHelperThreads,
                 .enter_sandbox = Sandbox()});
  return engine.Run();
}

}  // namespace
}  // namespace zts

ZTS_HOST_MAIN(zts::Main);
