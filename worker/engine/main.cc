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
#include "jsruntime/host.h"
#include "jsruntime/sandbox.h"
#include "worker/engine/engine.h"

namespace zts {
namespace {

// Where the supervisor puts its end of the channel.
constexpr int kChannelFdDefault = 3;
constexpr std::string_view kChannelFlag = "--ipc-fd=";
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

std::function<Status()> Sandbox() {
  const char* wish = std::getenv(kSeccompVariable);
  if (wish != nullptr && std::string_view(wish) == "off") return nullptr;
  // Those that there are before the shards make theirs.
  return [host_rings = js::FindRings()]() -> Status {
    ZTS_RETURN_IF_ERROR(js::DisableRings(host_rings));
    return js::EnterSandbox(js::SandboxProfile::kServe);
  };
}

int Main(int argc, char** argv) {
  SetLogProcess("engine");
  int channel = kChannelFdDefault;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto number = argument.starts_with(kChannelFlag) ? ParseInteger<int>(argument.substr(kChannelFlag.size())) : std::nullopt;
    if (!number) {
      std::fprintf(stderr, "usage: engine.node [--ipc-fd=N]\nStarted by zts-worker; it serves nothing by itself.\n");
      return kExitUsage;
    }
    channel = *number;
  }
  GiveUpPrivileges();
  RaiseFileLimit();
  Engine engine({.channel = UniqueFd(channel),
                 .make_factory = [](const std::string& snapshot_path) -> Result<std::unique_ptr<js::IsolateFactory>> {
                   ZTS_ASSIGN_OR_RETURN(std::unique_ptr<js::Host> host, js::Host::Start({.snapshot_path = snapshot_path}));
                   return std::unique_ptr<js::IsolateFactory>(std::move(host));
                 },
                 .artifact_key = js::ArtifactKey,
                 .enter_sandbox = Sandbox()});
  return engine.Run();
}

}  // namespace
}  // namespace zts

ZTS_HOST_MAIN(zts::Main);
