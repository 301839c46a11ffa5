// One engine as its host sees it: takes messages, gives messages, dies. And whoever can start one.
//
// Tests put a fake in the place of the process; ProcessLauncher starts the real one.
//
// Owner:    EngineHost: at most one EngineProcess. main() or a test: the launcher.
// Thread:   Launch, Send, Kill: the host's. The sink is called on a thread of the launcher's.
// Life:     the sink outlives the process; nothing is called after OnExit.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/ipc/engine.pb.h"
#include "worker/supervisor/child_process.h"

namespace zts::supervisor {

class EngineProcess {
 public:
  virtual ~EngineProcess() = default;
  // `descriptor` (or -1) is duplicated. Fails when the engine is gone or has not read for kSendTimeout.
  virtual Status Send(const ipc::ToEngine& message, int descriptor) = 0;
  // OnExit follows.
  virtual void Kill() = 0;
  virtual pid_t pid() const = 0;
};

class EngineSink {
 public:
  virtual ~EngineSink() = default;
  // `generation` is what Launch was given: a late event of an engine that is gone finds nobody.
  virtual void OnMessage(uint64_t generation, ipc::FromEngine message) = 0;
  // The last event.
  virtual void OnExit(uint64_t generation, ExitStatus status) = 0;
};

class EngineLauncher {
 public:
  virtual ~EngineLauncher() = default;
  virtual Result<std::unique_ptr<EngineProcess>> Launch(uint64_t generation, EngineSink* sink) = 0;
};

class ProcessLauncher final : public EngineLauncher {
 public:
  // The engine finds its end of the channel at ChildProcess::kGivenFd.
  ProcessLauncher(std::vector<std::string> command, std::vector<std::string> environment);
  Result<std::unique_ptr<EngineProcess>> Launch(uint64_t generation, EngineSink* sink) override;

 private:
  std::vector<std::string> command_;
  std::vector<std::string> environment_;
};

}  // namespace zts::supervisor
