// Engines that live in the test's own thread: each remembers what it was sent, and says and dies as the test wishes. What a real one ends
// itself for (worker/engine/engine.cc, Nonsense) is a failure of the test.
//
// Thread:   the test's.
// Life:     the launcher outlives the host under test.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
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

  // Of the fake process.
  void Receive(const ipc::ToEngine& message);

 private:
  void Add(uint64_t version_id);
  void Prepare(const ipc::Prepare& prepare);
  void Commit(uint64_t catalog_version);
  void ForgetUnnamed();

  std::set<uint64_t> functions_;
  std::map<uint64_t, std::set<uint64_t>> prepared_;  // by catalog
  std::set<uint64_t> committed_;
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
