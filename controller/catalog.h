// Which version of which function serves, as one immutable value with a number that only grows.
//
// A worker that has an older catalog gets the difference where it is known, else all of it.
//
// Owner:    shared (CatalogPtr); the registry makes a new one with each change.
// Thread:   any.
// Limits:   kFunctionsMax entries, kRemovalsKept removals.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model.h"
#include "controller/traffic.h"

namespace zts::controller {

struct CatalogEntry {
  VersionPtr version;       // the active one
  uint64_t changed_at = 0;  // the catalog version that brought it, or changed what is below
  VersionPtr canary;        // null: none
  CanaryShare canary_traffic;
  uint64_t canary_since = 0;
  std::vector<VersionPtr> warm;  // served before, ready to serve again; the latest first
};

struct Removal {
  uint64_t removed_at = 0;
  std::string function;
};

struct CatalogDelta {
  std::vector<CatalogEntry> upserts;
  std::vector<std::string> removals;
};

struct Catalog {
  uint64_t version = 0;
  std::vector<CatalogEntry> entries;  // by function name
  // Oldest first; complete for everything after removals_since.
  std::vector<Removal> removals;
  uint64_t removals_since = 0;

  const CatalogEntry* Find(std::string_view function) const;
  // What a worker with the catalog `base` of the same store must change; none when that is not known any more.
  std::optional<CatalogDelta> DeltaFrom(uint64_t base) const;
};

using CatalogPtr = std::shared_ptr<const Catalog>;

}  // namespace zts::controller
