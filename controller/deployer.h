// One deploy from a checked upload to `live`: compile, store, push, wait.
//
// Whatever fails, the version that served before goes on serving: nothing is stored before the compiler agrees, and what no worker
// serves in time is taken back.
//
// Owner:    main(), one a process.
// Thread:   any; each call blocks for as long as its deploy takes.
// Life:     everything handed to it outlives it.
// Limits:   kDeploysMax at once.
// Errors:   DeployFailure; its codes are those of deploy.proto.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "controller/compiler/compiler.h"
#include "controller/metrics.h"
#include "controller/model.h"
#include "controller/publisher.h"
#include "controller/registry.h"

namespace zts::controller {

struct DeployOrder {
  std::string function;
  std::string main_module;
  VersionConfig config;
  std::string bundle;
  Digest bundle_digest{};  // what the client says it is
  std::string source_map;  // may be empty
  SnapshotPolicy snapshot = SnapshotPolicy::kAuto;
  Nanos wait = 0;          // 0: the default
  Actor actor;
  std::optional<CanaryShare> canary;
  enum class Workers : uint8_t { kMost, kAll } workers = Workers::kMost;  // kAll: taken back unless every connected one serves it
};

struct DeployLive {
  VersionPtr version;
  uint32_t workers_live = 0;
  uint32_t workers_total = 0;
  std::vector<std::string> urls;
  std::vector<std::string> laggards;
};

struct DeployFailure {
  std::string code;
  std::string message;
  std::optional<SourceProblem> source;
  enum class Previous { kServes, kMayHaveBeenReplaced } previous = Previous::kServes;
};

using DeployEnd = std::variant<DeployLive, DeployFailure>;

// Told on the deploy's own thread.
class DeployObserver {
 public:
  virtual ~DeployObserver() = default;
  virtual void OnCompiled(uint64_t code_cache_bytes, Nanos took) = 0;
  virtual void OnStored(const FunctionVersion& version, uint64_t catalog_version) = 0;
  virtual void OnProgress(uint32_t workers_ready, uint32_t workers_total) = 0;
  // False ends the waiting for workers; the version stays stored and goes on its way.
  virtual bool StillWanted() = 0;
};

class Deployer {
 public:
  Deployer(Registry& registry, Publisher& publisher, Compiler& compiler, Metrics& metrics, const Clock& clock)
      : registry_(registry), publisher_(publisher), compiler_(compiler), metrics_(metrics), clock_(clock) {}

  // The right to run one deploy; none when kDeploysMax run.
  class Slot {
   public:
    explicit Slot(std::atomic<size_t>& running) : running_(&running) {}
    Slot(Slot&& other) noexcept : running_(std::exchange(other.running_, nullptr)) {}
    ~Slot() {
      if (running_ != nullptr) --*running_;
    }

   private:
    std::atomic<size_t>* running_;
  };
  std::optional<Slot> TryEnter();

  DeployEnd Run(DeployOrder order, DeployObserver& observer);
  // Any other change of what serves: makes it, pushes it, waits. The registry has checked it when `change` returns.
  DeployEnd Apply(const std::function<Result<Deployed>()>& change, Nanos wait, DeployOrder::Workers workers, DeployObserver& observer);

  struct Deleted {
    uint32_t workers_done = 0;
    uint32_t workers_total = 0;
  };
  // Waits until no connected worker serves it any more.
  Result<Deleted> Delete(const std::string& function, const std::function<bool()>& keep_waiting);

 private:
  std::variant<Deployed, DeployFailure> CompileAndStore(DeployOrder& order, DeployObserver& observer);
  DeployEnd Roll(const Deployed& deployed, Nanos wait, DeployOrder::Workers workers, DeployObserver& observer);
  DeployEnd AwaitWorkers(const Deployed& deployed, Nanos wait, DeployOrder::Workers workers, DeployObserver& observer);
  DeployEnd Conclude(const Deployed& deployed, const RolloutView& view, DeployOrder::Workers workers, DeployObserver& observer);
  DeployFailure TakeBack(const Deployed& deployed, DeployFailure failure);

  Registry& registry_;
  Publisher& publisher_;
  Compiler& compiler_;
  Metrics& metrics_;
  const Clock& clock_;
  std::atomic<size_t> running_{0};
};

// The failure a client is told for an error of ours.
DeployFailure FailureOf(const Error& error);

}  // namespace zts::controller
