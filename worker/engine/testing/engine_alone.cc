// Runs one engine without supervisor and controller: for measuring it, and for looking into it with perf or a debugger.
//
//   engine_alone [--io=epoll] [--shards=1] [--cpu=0] hello=bench/functions/hello.js ...
//
// Prints "PORT n PID n" when it serves, then its logs and, at SIGINT or the end of its input, some of its counters.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/layout.h"
#include "jsruntime/launch.h"
#include "worker/engine/net/listener.h"
#include "worker/ipc/channel.h"
#include "worker/ipc/engine.pb.h"
#include "worker/ipc/shared_counters.h"

namespace zts {
namespace {

struct Options {
  std::string io = "auto";
  uint32_t shards = 1;
  int cpu = -1;
  std::vector<std::pair<std::string, std::string>> functions;
};

Result<Options> ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals == std::string::npos) return Invalid("not NAME=VALUE: " + argument);
    const std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
    if (name == "--io") {
      options.io = value;
    } else if (name == "--shards") {
      options.shards = ParseInteger<uint32_t>(value).value_or(1);
    } else if (name == "--cpu") {
      options.cpu = ParseInteger<int>(value).value_or(-1);
    } else {
      options.functions.emplace_back(name, value);
    }
  }
  return options;
}

pid_t StartEngine(const std::vector<std::string>& command, const UniqueFd& channel) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(channel.get(), 3);
  for (const std::string& name : js::HostEnvironmentToDrop()) ::unsetenv(name.c_str());
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

Status Tell(ipc::Channel& channel, const ipc::ToEngine& message, int descriptor = -1) {
  return channel.Send(message.SerializeAsString(), descriptor);
}

// The next answer; logs before it are printed.
Result<ipc::FromEngine> Hear(ipc::Channel& channel) {
  for (;;) {
    ZTS_ASSIGN_OR_RETURN(auto received, channel.Receive());
    ipc::FromEngine message;
    if (!message.ParseFromString(received.bytes)) return Internal("a message that cannot be parsed");
    if (!message.has_logs()) return message;
    for (const auto& record : message.logs().records()) std::fprintf(stderr, "log: %s\n", record.message().c_str());
  }
}

Status SendFunctions(ipc::Channel& channel, const Options& options) {
  ipc::ToEngine prepare;
  prepare.mutable_prepare()->set_catalog_version(1);
  uint64_t id = 0;
  for (const auto& [name, path] : options.functions) {
    ZTS_ASSIGN_OR_RETURN(const std::string source, ReadFile(path));
    ipc::ToEngine message;
    ipc::AddFunction* add = message.mutable_add_function();
    add->set_version_id(++id);
    add->set_function(name);
    add->set_number(1);
    add->set_main_module(name + ".js");
    add->set_source_bytes(source.size());
    add->set_counter_row(static_cast<uint32_t>(id));
    ZTS_ASSIGN_OR_RETURN(UniqueFd content, MakeSealedMemfd("bundle", source));
    ZTS_RETURN_IF_ERROR(Tell(channel, message, content.get()));
    prepare.mutable_prepare()->add_version_ids(id);
    prepare.mutable_prepare()->add_warm(id);
  }
  ZTS_RETURN_IF_ERROR(Tell(channel, prepare));
  ZTS_ASSIGN_OR_RETURN(const ipc::FromEngine prepared, Hear(channel));
  for (const auto& problem : prepared.prepared().problems()) {
    std::fprintf(stderr, "%s: %s\n%s\n", problem.kind().c_str(), problem.message().c_str(), problem.stack().c_str());
  }
  ipc::ToEngine commit;
  commit.mutable_commit()->set_catalog_version(1);
  ZTS_RETURN_IF_ERROR(Tell(channel, commit));
  ZTS_ASSIGN_OR_RETURN(const ipc::FromEngine committed, Hear(channel));
  return committed.has_committed() ? Status() : Status(Internal("the engine did not commit"));
}

void PrintCounters(const ipc::SharedCounters& counters) {
  for (uint32_t index = 0; index < counters.shards(); ++index) {
    const ipc::ShardCounters& shard = counters.shard(index);
    std::fprintf(stderr, "shard %u: requests %lu passes %lu syscalls %lu recv %lu sent %lu lost %lu terminated %lu\n", index,
                 shard.requests_total.Read(), shard.loop_passes.Read(), shard.io_syscalls.Read(), shard.recv_bytes.Read(),
                 shard.sent_bytes.Read(), shard.isolates_lost.Read(), shard.turns_terminated.Read());
  }
}

Status Run(const Options& options) {
  ZTS_ASSIGN_OR_RETURN(const auto command, js::HostCommand("engine.node", {}));
  ZTS_ASSIGN_OR_RETURN(const std::string snapshot, FindInstalled("web.snapshot"));
  ZTS_ASSIGN_OR_RETURN(auto counters, ipc::SharedCounters::Create(options.shards));
  ZTS_ASSIGN_OR_RETURN(const auto address, net::ParseSocketAddress("127.0.0.1:0"));
  ZTS_ASSIGN_OR_RETURN(const auto listeners, net::OpenListeners(address, options.shards));
  ZTS_ASSIGN_OR_RETURN(auto pair, ipc::Channel::MakePair());
  const pid_t pid = StartEngine(command, pair.second);
  pair.second.reset();
  ipc::Channel channel(std::move(pair.first));

  ipc::ToEngine message;
  ipc::Configure* configure = message.mutable_configure();
  configure->set_shards(options.shards);
  configure->set_io(options.io);
  configure->set_snapshot_path(snapshot);
  for (uint32_t i = 0; options.cpu >= 0 && i < options.shards; ++i) configure->add_cpus(static_cast<uint32_t>(options.cpu) + i);
  ZTS_RETURN_IF_ERROR(Tell(channel, message, counters->fd()));
  for (uint32_t i = 0; i < options.shards; ++i) {
    message.mutable_add_listener()->set_shard(i);
    ZTS_RETURN_IF_ERROR(Tell(channel, message, listeners.sockets[i].get()));
  }
  ZTS_ASSIGN_OR_RETURN(const ipc::FromEngine ready, Hear(channel));
  ZTS_RETURN_IF_ERROR(SendFunctions(channel, options));
  std::fprintf(stderr, "io %s, artifacts %s\n", ready.ready().io_backend().c_str(), ready.ready().artifact_key().c_str());
  std::printf("PORT %u PID %d\n", listeners.address.port(), pid);
  std::fflush(stdout);

  std::thread reader([&channel] {
    while (Hear(channel).ok()) {
    }
  });
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  PrintCounters(*counters);
  message.mutable_drain()->set_timeout_ms(2'000);
  (void)Tell(channel, message);
  int status = 0;
  ::waitpid(pid, &status, 0);
  reader.join();
  std::fprintf(stderr, "the engine ended with status %d\n", status);
  return {};
}

}  // namespace
}  // namespace zts

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  auto options = zts::ParseOptions(argc, argv);
  const zts::Status status = options.ok() ? zts::Run(*options) : zts::Status(options.error());
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return 1;
}
