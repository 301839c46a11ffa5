// Makes code caches and snapshots of stored versions anew when the engines have become others: after an upgrade V8 reads none of those that
// are there, and every cold start would compile.
//
// What an artifact is good for is its key. A version that workers hold (active, canary, kept warm) is compiled again once no connected
// worker's engines have the key of what it has, and some have the key that this controller's compiler makes artifacts for: nothing is taken
// from a worker that can use it. One after the other they take the way of a deploy: prepared on every worker, then switched. Each stays
// the same version. One that does not compile is not tried again by this process; where the failure is ours (a busy compiler, a full disk)
// it is, once all others have had their turn.
//
// Owner:    main(), one a process.
// Thread:   Run is a thread of its own, or Tick any one thread; Stop any.
// Life:     everything handed to it outlives it.
// Limits:   one compile at a time, kRenewPause between two, kRenewInterval between two looks.
// Errors:   logged: a version that does not compile under the new engine keeps what it has, and runs from its source.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/compiler/compiler.h"
#include "controller/metrics.h"
#include "controller/publisher.h"
#include "controller/registry.h"

namespace zts::controller {

class ArtifactRenewer {
 public:
  ArtifactRenewer(Registry& registry, Publisher& publisher, Compiler& compiler, Metrics& metrics)
      : registry_(registry), publisher_(publisher), compiler_(compiler), metrics_(metrics) {}

  // Renews one version at most; false when there is none to look at for now.
  bool Tick();
  // Ticks until Stop, which waits for no compile: the compiler is stopped before.
  void Run();
  void Stop();

 private:
  std::vector<VersionPtr> Held() const;
  bool IsStale(const FunctionVersion& version, const std::set<std::string>& engines) const;
  void Renew(const VersionPtr& version, const std::set<std::string>& engines);

  Registry& registry_;
  Publisher& publisher_;
  Compiler& compiler_;
  Metrics& metrics_;
  std::optional<std::string> compiler_key_;  // none: nothing was compiled here yet
  std::set<uint64_t> tried_;                 // version ids
  std::set<uint64_t> again_;                 // of those, what failed by no fault of its own
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

}  // namespace zts::controller
