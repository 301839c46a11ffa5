// What the ids that an engine speaks of stand for: names for its problems and its functions' log records, also of versions that have left
// the catalog.
//
// Owner:    EngineHost, one.
// Thread:   the host's.
// Limits:   kNamesMax; beyond it names of versions that the engine does not have go first.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/ipc/engine.pb.h"
#include "worker/supervisor/function_spec.h"

namespace zts::supervisor {

class VersionNames {
 public:
  struct Name {
    std::string function;
    uint64_t number = 0;
  };
  // `known`: the versions that the engine has.
  void Remember(const FunctionSpec& spec, const std::set<uint64_t>& known);
  // Null: it was never remembered, or long ago.
  const Name* Find(uint64_t version_id) const;

  Problem ToProblem(const ipc::Problem& problem) const;
  std::vector<LogRecord> ToRecords(const ipc::Logs& logs) const;

 private:
  std::map<uint64_t, Name> names_;
};

// "hello v3", or "the catalog" without a name.
std::string Title(const std::string& function, uint64_t number);

}  // namespace zts::supervisor
