// What a worker serves, function by function, and what a push makes of it. Only what a change names is made anew; all else is shared.
//
// Owner:    Applier.
// Thread:   one at a time; a ServedFunction is immutable once made.
// Life:     a function keeps its contents alive.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "worker/supervisor/function_spec.h"
#include "zts/v1/sync.pb.h"

namespace zts::supervisor {

// One version with what it needs to run.
struct Content {
  uint64_t version_id = 0;  // of the controller's store
  FunctionSpecPtr spec;
  std::string bundle_digest;
  std::string code_cache_digest;
  std::string snapshot_digest;
  uint64_t secrets_revision = 0;

  // Whether it is what this version would get.
  bool Fits(const v1::FunctionVersion& version) const;
};

// The active version of a function, and what its traffic names beside it.
struct ServedFunction {
  v1::FunctionVersion version;
  std::vector<Content> contents;  // of the versions that have theirs

  const Content* Find(uint64_t version_id) const;
  FunctionSpecPtr SpecOf(const v1::FunctionVersion& of) const;
  // Whether requests reach that version.
  bool Serves(uint64_t version_id) const;
};

using ServedFunctionPtr = std::shared_ptr<const ServedFunction>;

// The next catalog, as what differs from the one before it.
struct CatalogChange {
  std::string store_id;
  uint64_t base_version = 0;
  uint64_t version = 0;
  enum class Extent : uint8_t { kDelta, kWhole } extent = Extent::kDelta;  // kWhole: what it does not name goes
  std::map<std::string, ServedFunctionPtr> functions;                     // null: it goes
};

struct ServedCatalog {
  std::string store_id;
  uint64_t version = 0;
  std::map<std::string, ServedFunctionPtr> functions;

  ServedFunctionPtr Find(const std::string& function) const;
  // What the engines are to serve once the change is made.
  CatalogSpec SpecWith(const CatalogChange& change) const;
  // Returns the functions that were replaced or removed.
  std::vector<ServedFunctionPtr> Apply(CatalogChange change);
};

}  // namespace zts::supervisor
