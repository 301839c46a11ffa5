// zts-egress: the process that makes the functions' outgoing requests. Started by zts-worker. See README.md.
#include <curl/curl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "base/bytes.h"
#include "base/log.h"
#include "worker/egress/egress.h"

namespace {

constexpr std::string_view kChannelFlag = "--ipc-fd=";
constexpr int kExitUsage = 64;

// A descriptor a connection.
void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  zts::SetLogProcess("egress");
  const std::string_view argument = argc == 2 ? argv[1] : "";
  const auto fd = argument.starts_with(kChannelFlag) ? zts::ParseInteger<int>(argument.substr(kChannelFlag.size())) : std::nullopt;
  if (!fd) {
    std::fprintf(stderr, "usage: zts-egress --ipc-fd=N\nStarted by zts-worker; it does nothing by itself.\n");
    return kExitUsage;
  }
  // The supervisor alone decides when it ends; Ctrl-C in a terminal reaches all of its group.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();
  if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) return zts::egress::Egress::kExitStart;
  return zts::egress::Egress(zts::UniqueFd(*fd)).Run();
}
