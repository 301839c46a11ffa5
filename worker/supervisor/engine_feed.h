// What one engine process has been given of functions, and the messages that bring it to a catalog: each version once, then the catalog
// by their ids.
//
// Owner:    EngineHost, one; told of each death.
// Thread:   the host's.
// Life:     everything in World outlives it.
// Errors:   SendCatalog is false once a message cannot be sent: the engine is gone, or is made to go.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/ipc/engine.pb.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/egress_host.h"
#include "worker/supervisor/function_spec.h"
#include "worker/supervisor/version_names.h"
#include "worker/supervisor/version_rows.h"

namespace zts::supervisor {

class EngineFeed {
 public:
  struct World {
    CounterRows* rows;
    VersionRows* version_rows;
    EgressPort* egress;  // null: functions make no requests
    VersionNames* names;
    // Which class runs a version: 0, this engine, or a number; none: it is left out of the catalog.
    std::function<std::optional<uint32_t>(const FunctionSpec&)> class_of;
    std::function<bool(const ipc::ToEngine&, int descriptor)> send;
  };
  explicit EngineFeed(World world) : world_(std::move(world)) {}

  // `warm`: to be made warm, as far as the engine gets them. `artifact_key`: the engine's.
  bool SendCatalog(const CatalogSpec& catalog, const std::vector<uint64_t>& warm, const std::string& artifact_key);
  // The engine serves the catalog sent last, and has forgotten what that did not name: left out is forgotten, too.
  void Committed();
  // It has forgotten a catalog with what had come for it.
  void Aborted();
  // The next engine knows nothing.
  void Clear();

 private:
  bool SendOnce(const FunctionSpec& spec, uint32_t engine_class, const std::string& artifact_key);
  bool SendBesides(const CatalogSpec& catalog, const std::string& artifact_key, ipc::Prepare& prepare);

  const World world_;
  std::set<uint64_t> known_;
  std::set<uint64_t> named_;  // of them, by the catalog sent last
  std::set<uint64_t> held_;   // by the one that is committed
};

}  // namespace zts::supervisor
