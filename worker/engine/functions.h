// The function versions this engine has been given, by their ids: what a later catalog may name.
//
// A version's source and code cache stay in the sealed memory file they came in; it is mapped, not copied, and lives as long as some
// catalog or isolate uses the Script. A version that the engine of another class runs comes without it.
//
// Owner:    Engine.
// Thread:   one.
// Errors:   Add refuses what the supervisor should never send: an unsealed or short file, a bad route, an id twice.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/engine/route/catalog.h"
#include "worker/ipc/engine.pb.h"

namespace zts {

class Functions {
 public:
  Status Add(const ipc::AddFunction& message, UniqueFd content);
  // Null when it was never given, or is forgotten.
  const route::FunctionSpec* Find(uint64_t version_id) const;
  // Forgets all others.
  void Retain(const std::set<uint64_t>& version_ids);
  size_t size() const { return specs_.size(); }

 private:
  Status AddAway(const ipc::AddFunction& message);
  Status AddSpec(const ipc::AddFunction& message, js::ScriptPtr script);

  std::map<uint64_t, route::FunctionSpec> specs_;
};

}  // namespace zts
