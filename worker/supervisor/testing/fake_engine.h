// Engines that live in the test's own thread: each remembers what it was sent, and says and dies as the test wishes.
//
// Thread:   the test's.
// Life:     the launcher outlives the host under test.
#pragma once

#include <memory>
#include <vector>

#include "worker/supervisor/engine_process.h"

namespace zts::supervisor {

struct FakeEngine {
  uint64_t generation = 0;
  EngineSink* sink = nullptr;
  std::vector<ipc::ToEngine> sent;
  bool killed = false;
  bool gone = false;
  // Send fails as if the peer had closed.
  bool deaf = false;

  const ipc::ToEngine& last() const { return sent.back(); }
  // The versions it was given, in order.
  std::vector<uint64_t> added() const;

  // What a test lets it say.
  void Ready(const std::string& artifact_key = "key");
  void Prepared(uint64_t catalog_version, std::vector<ipc::Problem> problems = {});
  void Committed(uint64_t catalog_version);
  void Fatal(uint64_t version_id, const std::string& reason);
  void Exit(ExitStatus status);
};

class FakeLauncher final : public EngineLauncher {
 public:
  Result<std::unique_ptr<EngineProcess>> Launch(uint64_t generation, EngineSink* sink) override;

  FakeEngine& engine() { return *engines_.back(); }
  size_t launches() const { return engines_.size(); }
  // The next so many launches fail.
  int refuse = 0;

 private:
  std::vector<std::unique_ptr<FakeEngine>> engines_;
};

}  // namespace zts::supervisor
