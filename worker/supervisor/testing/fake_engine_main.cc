// An engine without V8: a process that speaks engine.proto at descriptor 3, answers each connection with what it serves, and dies
// where it is told to.
//
// Told by lines of the file that the "snapshot path" of its Configure names (a test has no other way into it):
//
//   die-at=STEP      STEP: start, configure, listener, function, prepare, commit, drain
//   deaths=N         only the first N times; counted in FILE.deaths
//   refuse=FUNCTION  Prepare has a problem with that function
//   fatal=FUNCTION   says Fatal and aborts when that function is to be warmed
//   hang=drain       does not answer Drain
//   log=TEXT         a log record of each function at each Commit
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "worker/ipc/channel.h"
#include "worker/ipc/engine.pb.h"
#include "worker/ipc/shared_counters.h"

namespace zts {
namespace {

class Engine {
 public:
  Engine() : channel_(UniqueFd(3)) {}

  int Run() {
    while (true) {
      auto received = channel_.Receive();
      if (!received.ok()) return 0;  // the supervisor has gone
      ipc::ToEngine message;
      if (!message.ParseFromString(received->bytes)) return 2;
      Handle(message, std::move(received->descriptor));
    }
  }

 private:
  void Handle(const ipc::ToEngine& message, UniqueFd descriptor) {
    if (message.has_configure()) return Configure(message.configure(), std::move(descriptor));
    if (message.has_add_listener()) return AddListener(std::move(descriptor));
    if (message.has_add_function()) return AddFunction(message.add_function(), std::move(descriptor));
    if (message.has_prepare()) return Prepare(message.prepare());
    if (message.has_commit()) return Commit(message.commit());
    if (message.has_drain()) Drain();
  }

  void Configure(const ipc::Configure& configure, UniqueFd descriptor) {
    script_path_ = configure.snapshot_path();
    std::ifstream file(script_path_);
    for (std::string line; std::getline(file, line);) {
      const size_t equals = line.find('=');
      if (equals != std::string::npos) script_[line.substr(0, equals)] = line.substr(equals + 1);
    }
    auto counters = ipc::SharedCounters::Map(std::move(descriptor));
    if (!counters.ok()) ::_exit(3);
    counters_ = std::move(*counters);
    shards_ = configure.shards();
    DieAt("start");
    DieAt("configure");
  }

  void AddListener(UniqueFd descriptor) {
    DieAt("listener");
    ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) & ~O_NONBLOCK);
    listeners_.push_back(std::move(descriptor));
    if (listeners_.size() < shards_) return;
    ipc::FromEngine answer;
    answer.mutable_ready()->set_io_backend("fake");
    answer.mutable_ready()->add_io_features("tricks=1");
    answer.mutable_ready()->set_artifact_key("fake-key");
    Send(answer);
  }

  void AddFunction(const ipc::AddFunction& add, UniqueFd descriptor) {
    DieAt("function");
    std::string source(add.source_bytes(), '\0');
    if (::pread(descriptor.get(), source.data(), source.size(), 0) != static_cast<ssize_t>(source.size())) ::_exit(4);
    std::lock_guard lock(mutex_);
    functions_[add.version_id()] = {add.function(), source, add.counter_row(), add.code_cache_bytes()};
  }

  void Prepare(const ipc::Prepare& prepare) {
    ipc::FromEngine answer;
    answer.mutable_prepared()->set_catalog_version(prepare.catalog_version());
    next_.clear();
    for (uint64_t id : prepare.version_ids()) {
      if (functions_.count(id) == 0) ::_exit(5);
      next_.push_back(id);
      if (functions_[id].name == script_["refuse"]) {
        ipc::Problem* problem = answer.mutable_prepared()->add_problems();
        problem->set_version_id(id);
        problem->set_kind("exception");
        problem->set_message("Error: refused");
      }
    }
    for (uint64_t id : prepare.warm()) {
      if (functions_[id].name != script_["fatal"]) continue;
      ipc::FromEngine fatal;
      fatal.mutable_fatal()->set_version_id(id);
      fatal.mutable_fatal()->set_reason("out of memory in a builtin");
      Send(fatal);
      std::abort();
    }
    DieAt("prepare");
    Send(answer);
  }

  void Commit(const ipc::Commit& commit) {
    DieAt("commit");
    {
      std::lock_guard lock(mutex_);
      serving_ = next_;
      catalog_version_ = commit.catalog_version();
    }
    for (uint32_t shard = 0; shard < shards_; ++shard) counters_->shard(shard).active_catalog.Set(commit.catalog_version());
    if (script_.count("log") > 0) Log();
    if (!accepting_) {
      for (uint32_t shard = 0; shard < shards_; ++shard) std::thread([this, shard] { Serve(shard); }).detach();
    }
    accepting_ = true;
    ipc::FromEngine answer;
    answer.mutable_committed()->set_catalog_version(commit.catalog_version());
    Send(answer);
  }

  void Log() {
    ipc::FromEngine message;
    message.mutable_logs();
    for (uint64_t id : serving_) {
      ipc::Log* log = message.mutable_logs()->add_records();
      log->set_version_id(id);
      log->set_severity(1);
      log->set_message(script_["log"]);
    }
    Send(message);
  }

  void Drain() {
    DieAt("drain");
    if (script_["hang"] == "drain") return;
    ipc::FromEngine answer;
    answer.mutable_drained();
    Send(answer);
    ::_exit(0);
  }

  // "PID CATALOG name=source ..." to everybody who connects.
  void Serve(uint32_t shard) {
    while (true) {
      UniqueFd peer(::accept4(listeners_[shard].get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) continue;
      std::ostringstream text;
      text << ::getpid() << " " << catalog_version_;
      std::lock_guard lock(mutex_);
      for (uint64_t id : serving_) {
        const Function& function = functions_[id];
        text << " " << function.name << "=" << function.source << "+" << function.code_cache_bytes;
        counters_->shard(shard).functions[function.counter_row].requests[1].Add();
      }
      const std::string bytes = text.str();
      [[maybe_unused]] const ssize_t sent = ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }

  void DieAt(const std::string& step) {
    if (script_["die-at"] != step) return;
    if (script_.count("deaths") > 0) {
      const std::string path = script_path_ + ".deaths";
      int died = 0;
      std::ifstream(path) >> died;
      if (died >= std::stoi(script_["deaths"])) return;
      std::ofstream(path) << died + 1;
    }
    ::kill(::getpid(), SIGKILL);
  }

  void Send(const ipc::FromEngine& message) {
    if (!channel_.Send(message.SerializeAsString()).ok()) ::_exit(0);
  }

  struct Function {
    std::string name;
    std::string source;
    uint32_t counter_row = 0;
    uint64_t code_cache_bytes = 0;
  };

  ipc::Channel channel_;
  std::string script_path_;
  std::map<std::string, std::string> script_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  uint32_t shards_ = 0;
  std::vector<UniqueFd> listeners_;
  std::mutex mutex_;
  std::map<uint64_t, Function> functions_;
  std::vector<uint64_t> next_;
  std::vector<uint64_t> serving_;
  uint64_t catalog_version_ = 0;
  bool accepting_ = false;
};

}  // namespace
}  // namespace zts

int main(int argc, char** argv) {
  // For tests of the process itself.
  if (argc > 1 && std::string(argv[1]) == "--print-environment") {
    for (char** variable = environ; *variable != nullptr; ++variable) std::cout << *variable << "\n";
    return 0;
  }
  return zts::Engine().Run();
}
