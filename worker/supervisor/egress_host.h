// Keeps one zts-egress alive: starts it, tells it the functions' policies, connects it with the engine's shards, starts it again.
//
// Its death costs the requests that are under way in it, which fail, and nothing else: the next one is told everything anew, and the
// engine gets new sockets (OnUp of the engine's host).
//
// Owner:    Worker, one.
// Thread:   any. A thread inside starts the process and reads its channel.
// Life:     on_up is called on the inner thread until Stop has returned.
// Errors:   Connect fails while there is no process. One that cannot be started is tried again, by RestartPolicy.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/ipc/channel.h"
#include "worker/ipc/egress.pb.h"
#include "worker/supervisor/child_process.h"
#include "worker/supervisor/function_spec.h"
#include "worker/supervisor/restart_policy.h"

namespace zts::supervisor {

// What the engine's host needs of it; tests put a fake in its place.
class EgressPort {
 public:
  virtual ~EgressPort() = default;
  // To be called before an engine is given the version.
  virtual void AddFunction(const FunctionSpec& spec) = 0;
  // Versions that are not named are forgotten when none of their requests can be under way any more.
  virtual void Retain(const std::set<uint64_t>& version_ids) = 0;
  // One socket a shard, offload threads included; the process has the other ends.
  virtual Result<std::vector<UniqueFd>> Connect(uint32_t shards) = 0;
};

struct EgressStatus {
  bool up = false;
  pid_t pid = 0;  // 0: none
  uint64_t starts = 0;
};

class EgressHost final : public EgressPort {
 public:
  // A version's last request ends by its wall limit, an hour at most.
  static constexpr Nanos kForgetAfter = 3600 * kSecond;
  // Nothing is loaded but libcurl: what is not ready by then is broken.
  static constexpr Nanos kReadyTimeout = 20 * kSecond;

  struct Options {
    std::vector<std::string> command;
    std::vector<std::string> environment;
    std::string ca_file;
    const Clock* clock = nullptr;
    std::function<void()> on_up;
  };
  explicit EgressHost(Options options);
  ~EgressHost() override;

  void Start();
  // Ends the process; on_up is not called any more. Connect fails from here on.
  void Stop();

  void AddFunction(const FunctionSpec& spec) override;
  void Retain(const std::set<uint64_t>& version_ids) override;
  Result<std::vector<UniqueFd>> Connect(uint32_t shards) override;

  EgressStatus status() const;

 private:
  struct Function {
    ipc::ToEgress message;
    Nanos forget_at = 0;  // 0: in use
  };
  void Run();
  void RunOnce();
  Result<std::shared_ptr<ipc::Channel>> Launch();
  Status Introduce(const std::shared_ptr<ipc::Channel>& channel);
  void Down();
  bool Send(const ipc::ToEgress& message, int descriptor = -1);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable ending_changed_;
  bool ending_ = false;
  EgressStatus status_;
  std::map<uint64_t, Function> functions_;
  std::unique_ptr<ChildProcess> child_;
  std::shared_ptr<ipc::Channel> channel_;  // while the process has one
  RestartPolicy restarts_;
  std::thread thread_;
};

}  // namespace zts::supervisor
